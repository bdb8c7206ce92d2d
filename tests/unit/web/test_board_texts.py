"""The board's languages: every text of its pages is translated, and what is filled in is escaped."""

import re
from pathlib import Path

import pytest

from commonshelf.web.board import words
from commonshelf.web.board.german import GERMAN
from commonshelf.web.board.said import SAID
from commonshelf.web.board.texts import LANGUAGES, Texts, language_of, untranslated
from commonshelf.web.board.why import ABOUT_WORDS, WHY_WORDS
from streams.settlement.statements import TITLES

BOARD = Path(words.__file__).parent
ENGLISH_ALONE = {"ops.html", "texts.py"}
DONE_IN_OPS = {"replayed", "discarded"}
_ONE = re.compile(r"""\bt\(\s*(["'])(.*?)\1""")
_COUNTED = re.compile(r"""t\.counted\([^"]*?"(.*?)",\s*"(.*?)"\)""")


def texts_of_pages():
    for path in (*BOARD.glob("templates/*.html"), *BOARD.glob("*.py")):
        if path.name not in ENGLISH_ALONE:
            text = path.read_text()
            yield from (found[2] for found in _ONE.finditer(text))
            yield from (one for found in _COUNTED.finditer(text) for one in found.groups())
    for table in (
        words.HEALTH_WORDS, words.BAND_WORDS, words.TASK_WORDS, words.REASON_WORDS, words.RUN_CAUSE_WORDS,
        words.EVENT_WORDS, words.EXCLUSION_WORDS, words.COST_WORDS, words.STATUS_WORDS, TITLES,
    ):  # fmt: skip
        yield from table.values()
    yield from (text for did, text in SAID.items() if did not in DONE_IN_OPS)
    yield from (*words.WEEKDAY_WORDS, *WHY_WORDS, *ABOUT_WORDS)


def test_every_text_of_the_pages_is_german_too():
    assert untranslated(set(texts_of_pages()) - {"Ops", "{what} {units}"}, "de") == []


def test_a_translation_fills_in_the_same_names():
    braces = re.compile(r"\{\w+\}")
    assert [one for one, other in GERMAN.items() if set(braces.findall(one)) != set(braces.findall(other))] == []


def test_what_is_filled_in_is_escaped_and_a_text_without_fillings_may_have_braces():
    t = Texts("en")
    assert t("to {store}", store="<b>{x}</b>") == "to &lt;b&gt;{x}&lt;/b&gt;"
    assert t("{no} & <such>") == "{no} &amp; &lt;such&gt;"
    assert t.counted(1, "one pack", "{count} packs") == "one pack"
    assert t.counted(3, "one pack", "{count} packs") == "3 packs"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"), ("de-DE,de;q=0.9,en;q=0.8", "de"), ("fr,de;q=0.2", "de"), ("en-GB,de;q=0.5", "en"),
        ("fr-FR", "en"), ("de;q=0", "en"), ("de;q=x,;;,,", "en"), ("*", "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_that_the_browser_likes_best_of_ours(accepted, language):
    assert language_of(accepted) == language
    assert language in LANGUAGES
