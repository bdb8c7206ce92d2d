"""The board's words in the languages that it speaks: an English text is its own key, other languages are modules."""

from collections.abc import Iterable, Mapping
from typing import Final

from markupsafe import Markup, escape

from commonshelf.web.board.german import GERMAN

_CATALOGUES: Final[Mapping[str, Mapping[str, str]]] = {"en": {}, "de": GERMAN}
LANGUAGES: Final = tuple(_CATALOGUES)


class Texts:
    """The texts of one language, called with the English one: `t("{count} late", count=3)`.

    A text that is not translated stays English. All of it is escaped.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalogue = _CATALOGUES[language]

    def __call__(self, english: str, /, **values: object) -> Markup:
        text = escape(self._catalogue.get(english, english))
        return text.format(**values) if values else text

    def counted(self, count: int, one: str, many: str) -> Markup:
        """The text for one, or the one for any other count; each may have {count}."""
        return self(one if count == 1 else many, count=count)


def language_of(accepted: str) -> str:
    """The language that a browser would like best of those that the board speaks. accepted: Accept-Language."""
    wishes = [_wish(part) for part in accepted.split(",")]
    known = [(weight, language) for weight, language in wishes if language in _CATALOGUES and weight > 0]
    return max(known, key=lambda wish: wish[0])[1] if known else LANGUAGES[0]


def untranslated(texts: Iterable[str], language: str) -> list[str]:
    """Those of the English texts that a language lacks."""
    return sorted(set(texts) - set(_CATALOGUES[language]))


def _wish(part: str) -> tuple[float, str]:
    tag, _, rest = part.strip().partition(";")
    weight = rest.strip().removeprefix("q=") or "1"
    try:
        return float(weight), tag.partition("-")[0].lower()
    except ValueError:
        return 0.0, ""
