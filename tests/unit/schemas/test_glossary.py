"""The glossary has the trade's words that records and topics are named by."""

import re
from pathlib import Path

from schemas.generate.records import families
from schemas.topics import TOPICS

GLOSSARY = (Path(__file__).parents[3] / "docs" / "glossary.md").read_text(encoding="utf-8")
EVERYDAY = """
    by change changed config counted decided decision entry event hour item kind known letter line message mode offset
    order outcome part past place record recorded report request sale setting state stock store
"""
"""Words that need no line."""


def words_of_names():
    records = [name for family in families() for name in family.schemas]
    words = [word.lower() for name in records for word in re.findall("[A-Z][a-z]+", name)]
    words += [part for topic in TOPICS for part in topic.split(".")[:-1]]
    return {word.removesuffix("s") for word in words}


def test_every_word_in_a_name_that_is_no_everyday_word_has_a_line():
    lines = GLOSSARY.lower().replace("-", "")
    missing = {word for word in words_of_names() - set(EVERYDAY.split()) if word not in lines}
    assert missing == set(), "write a line in docs/glossary.md"


def test_no_term_stands_twice():
    terms = [term for term in re.findall(r"^\| ([^|]+) \|", GLOSSARY, re.MULTILINE) if term not in ("term", "---")]
    assert sorted(set(terms)) == sorted(terms)
