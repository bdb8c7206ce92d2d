"""The reasons of adjustments, by the words that shops use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import FieldRefused
from connectors.parsing.lines import stock_line
from connectors.parsing.reasons import _WORDS, REASONS, _normal, reason_of
from schemas.models.pos import StockReportKind


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("waste", ["spoilage", "Verderb", "perte", "Merma", "scarto", "Derving"]),
        ("damage", ["broken", "Bruch", "cassé", "rotura", "danneggiato", "breuk"]),
        ("theft", ["stolen", "Diebstahl", "vol", "Robo", "furto", "diefstal"]),
        ("expiry", ["expired", "MHD abgelaufen", "périmé", "perime", "caducado", "scaduto", "over datum"]),
        ("own_use", ["own use", "Eigenverbrauch", "usage interne", "uso propio", "uso-interno", "eigen gebruik"]),
        ("found", ["found", "gefunden", "retrouvé", "encontrado", "ritrovato", "teruggevonden"]),
        ("other", ["misc.", "Sonstiges", "divers", "otros", "altro", "overig", "Korrektur"]),
    ],
)
def test_a_reason_is_known_by_the_words_of_six_languages(reason, words):
    assert [reason_of(word) for word in words] == [reason] * len(words)


@pytest.mark.parametrize(("word", "milli"), [("Bruch", -2_000), ("gefunden", 2_000), ("autre", 2_000)])
def test_a_word_says_whether_goods_went_or_came(word, milli):
    fields = {"sku": "MILK", "quantity": "2", "reason": word}
    assert stock_line("1", fields, StockReportKind.adjusted).quantity_milli == milli


def test_a_word_that_is_not_known_is_told_with_those_that_are():
    with pytest.raises(FieldRefused, match=r"'verlegt' is not a reason that is known: use waste, .*, other") as told:
        stock_line("1", {"sku": "MILK", "quantity": "2", "reason": "verlegt"}, StockReportKind.adjusted)
    assert told.value.field == "reason"


def test_each_word_means_one_reason():
    every = [_normal(word) for words in _WORDS.values() for word in words.split()]
    assert len(every) == len(set(every))
    assert set(_WORDS) == set(REASONS)


@given(st.text())
def test_whatever_is_written_is_a_reason_or_none(text):
    assert reason_of(text) in (*REASONS, None)
