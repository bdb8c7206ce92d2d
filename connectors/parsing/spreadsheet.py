"""Traces of spreadsheets in what tills export and people mend: what protects a cell, and codes that were damaged."""

import re
import unicodedata
from functools import lru_cache

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001  full width
_FORMULA_TEXT = re.compile(r'=\s*(?:T\()?"((?:[^"]|"")*)"\)?(?:&"")?')
_SHORTENED = re.compile(r"[+-]?[0-9](?:[.,][0-9]{1,15})?[eE][+-][0-9]{2,3}")
_ERROR = re.compile(
    r"#(?:N/?A|NV|N/D|REF!|BEZUG!|REF|VALUE!|WERT!|VALEUR!|VALOR!|VALORE!|WAARDE!|NAME\?|NOM\s?\?|NOME\?|NOMBRE\?|"
    r"DIV/0!|NUM!|ZAHL!|NULL!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|BUSY!|UNKNOWN!|GETTING_DATA|NOMBRE!|GETAL!|"
    r"[¡¿]?[^\W\d_]+(?:[/ ][^\W\d_]+)?/?0?[!?])|#{2,}",
    re.IGNORECASE,
)
_NOTHING = frozenset(
    {"n/a", "n/d", "n.d.", "k.a.", "s/o", "null", "none", "nan", "nil", "undefined", "-", "--", "\u2014", "\u2013"}
)
_MONTH = (
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mrz|Mär|Mai|Okt|Dez|janv|févr|mars|avr|mai|juin|juil|août|"
    r"sept|oct|nov|déc|ene|feb|mar|abr|may|jun|jul|dic|giu|lug|ott|mrt|mei|okt|fev|dez)\.?"
)
"""As spreadsheets write it in several languages; words that sellers write too, such as 6-set, are not among them."""
_YEAR = r"(?:19|20)[0-9]{2}"
_DATED = re.compile(
    rf"[0-9]{{1,2}}(?:-|\.|\. ){_MONTH}(?:[- .](?:[0-9]{{2}}|{_YEAR}))?"
    rf"|{_MONTH}[- .](?:[0-9]{{2}}|{_YEAR})"
    rf"|[0-9]{{1,2}}([/.-])[0-9]{{1,2}}\1{_YEAR}"
    rf"|{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:[ T]00:00(?::00)?)?"
)
_LONG_NUMBER = re.compile(r"[0-9]{17,}")
_KEPT_DIGITS = 15
"""As many as a spreadsheet keeps of a number; it writes zeros for the rest."""
_FLOAT_OF_DIGITS = re.compile(r"([0-9]{7,})[.,]0+")


def guarded(text: str) -> str:
    """A cell for a CSV file that no spreadsheet takes for a formula (OWASP ASVS 5, 1.2.10)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def unguarded(text: str) -> str:
    """The cell that `guarded` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text


def clean_cell(text: str) -> str:
    """A cell as it is meant: without blanks around it, invisible marks, and the formula ="…" that keeps it text."""
    text = text.strip()
    if text.isascii():
        if text[:1] != "=":
            return text
    else:
        text = "".join(char for char in text if unicodedata.category(char) != "Cf").strip()
    found = _FORMULA_TEXT.fullmatch(text)
    return found[1].replace('""', '"').strip() if found else text


@lru_cache(maxsize=65536)
def clean_code(text: str) -> str:
    """A code's cell as it is meant, also without the apostrophe and the fraction .0 that spreadsheets leave on numbers.

    Empty for what stands for no code at all, such as N/A.
    """
    text = clean_cell(text)
    if text[:1] in ("'", "\u2019", "`") and len(text) > 1:
        text = text[1:].strip()
    if text.lower() in _NOTHING:
        return ""
    found = _FLOAT_OF_DIGITS.fullmatch(text)
    return found[1] if found else text


def code_damage(text: str) -> str | None:
    """Why `text` cannot be the code that stood there before a spreadsheet wrote it, or None."""
    if _SHORTENED.fullmatch(text):
        return "a spreadsheet has shortened a long number to this; export the column as text"
    if text.startswith("="):
        return "that is a spreadsheet's formula, and no code"
    if _ERROR.fullmatch(text):
        return "that is a spreadsheet's error, and no code"
    if _DATED.fullmatch(text):
        return "a spreadsheet has made a date of the code; export the column as text"
    if _LONG_NUMBER.fullmatch(text) and not text[_KEPT_DIGITS:].strip("0"):
        return f"a spreadsheet has rounded a long number to {_KEPT_DIGITS} digits; export the column as text"
    return None
