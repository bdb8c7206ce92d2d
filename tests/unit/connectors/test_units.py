"""Units by their words, the store's own words, and that one table holds for all connectors."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clover import translate as clover
from connectors.contract import Refused, StoreContext
from connectors.drop_folder.formats import read_events
from connectors.drop_folder.settings import DropFolderSpec
from connectors.parsing.lines import noted_sale_line
from connectors.parsing.units import measure_of, normal_word, parse_measure, written
from connectors.square import translate as square
from connectors.vendor.fields import ReadContext
from connectors.webhook import translate as webhook
from schemas.models.pos import Told
from tests.support.connectors import GROCER

NOW_MS = 1_772_374_440_000
OWN = {normal_word(word): parse_measure(text) for word, text in {"Kiste": "24 each", "Netz": "2.5 kg"}.items()}
WITH_WORDS = StoreContext(GROCER.pool, GROCER.id, GROCER.zone, GROCER.currency, unit_words=OWN)


@pytest.mark.parametrize(
    ("words", "unit", "factor"),
    [
        ("Stück St St. stk Stk. pièce Pce ud uds. unidad pz pezzi un Stuk szt EA C62 H87 Unit(s)", "each", 1),
        ("kg KG Kilo kilos Kilogramm chilo quilo KGM kilogrammes", "kg", 1),
        ("g gr. Gramm grammes GRM", "kg", "0.001"), ("lb LBS lb(s) pound LBR libra", "kg", "0.45359237"),
        ("oz oz. ounces ONZ oz(s)", "kg", "0.028349523125"), ("l Liter litro LTR", "l", 1), ("ml cc MLT", "l", "0.001"),
        ("dozen Dutzend douzaine docena dozzina DZN Dozens", "each", 12), ("gross", "each", 144),
        ("6er-Pack 6-pack", "each", 6), ("6erPack", "each", 6),
    ],
)  # fmt: skip
def test_a_word_is_a_measure(words, unit, factor):
    for word in words.split():
        assert measure_of(word, {}) == (unit, Fraction(factor)), word


@pytest.mark.parametrize(
    ("word", "pieces"),
    [("Pack of 6", 6), ("box of 12", 12), ("Lot de 3", 3), ("caja de 24", 24), ("confezione da 4", 4),
     ("12er Karton", 12),
     ("fl oz (US)", None), ("case x 12", 12)],
)  # fmt: skip
def test_a_pack_that_says_how_many_it_holds_is_so_many_pieces(word, pieces):
    measure = measure_of(word, {})
    assert measure is not None
    assert pieces is None or measure == ("each", pieces)


@pytest.mark.parametrize("word", ["case", "Kiste", "pair", "Bund", "sackful", "pack of", "0er-Pack", "pack of 123456"])
def test_a_word_that_may_mean_anything_is_not_known(word):
    assert measure_of(word, {}) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [("12", "12 each"), ("12 each", "12 each"), ("5 lb", "2.26796185 kg"), ("0,75 l", "0.75 l"), ("kg", "1 kg"),
     ("1/12", "1/12 each"), ("1/3 dozen", "4 each")],
)  # fmt: skip
def test_a_measure_is_read_as_an_operator_writes_it(text, told):
    assert written(parse_measure(text)) == told


@pytest.mark.parametrize("text", ["", "0", "-1", "12 sackful", "1/0", "many", "1e9 kg", "2000000"])
def test_what_is_no_measure_is_refused(text):
    with pytest.raises(Refused):
        parse_measure(text)


@given(st.integers(1, 10**6), st.sampled_from(["dozen", "gross", "6er-Pack"]))
def test_exact_multiples_are_exact_and_say_what_was_told(units, word):
    measure = measure_of(word, {})
    line, notes = noted_sale_line("1", {"sku": "A", "quantity": str(units % 1000 + 1), "unit": word}, "EUR")
    assert line.quantity_milli == (units % 1000 + 1) * int(measure.factor) * 1000
    assert (line.told, notes) == (Told(quantity=str(units % 1000 + 1), unit=word), [])


def test_a_price_of_one_unit_is_that_of_the_tills_unit():
    priced = {"sku": "A", "unit_price": "3.00"}
    prices = [
        noted_sale_line("1", {**priced, "quantity": quantity, "unit": unit}, "EUR")[0].price_minor
        for quantity, unit in (("2", "lb"), ("500", "g"), ("2", "dozen"), ("2", "kg"))
    ]
    assert prices == [600, 150, 600, 600]


def csv(rows, **options):
    spec = DropFolderSpec(pool="north", store="grocer-7", folder=Path("unused"), **options)
    content = "receipt_no,occurred_at,sku,quantity,unit\n" + rows
    (batch,) = read_events("x.csv", content.encode(), "sales", spec, NOW_MS)
    return batch


def test_the_stores_own_words_hold_for_files_webhooks_square_and_clover():
    sold = {}
    sold["file"] = csv("1,2026-03-01 10:00,A,2,Kiste\n", unit_words=OWN).events
    sale = {"id": "1", "occurred_at": "2026-03-01T10:00:00Z", "lines": [{"sku": "A", "quantity": 2, "unit": "KISTE"}]}
    sold["webhook"] = webhook.translate({"sales": [sale]}, WITH_WORDS, NOW_MS).events
    unit = {"measurement_unit": {"custom_unit": {"name": "Kiste", "abbreviation": "K"}}}
    order = {"id": "O1", "version": 1, "state": "COMPLETED", "closed_at": "2026-03-01T10:00:00Z", "line_items": [
        {"uid": "a", "catalog_object_id": "A", "quantity": "2", "quantity_unit": unit}]}  # fmt: skip
    sold["square"] = square.orders([order], square.SquareShop(WITH_WORDS, "L1"), ReadContext(NOW_MS)).events
    order = {"id": "O1", "paymentState": "PAID", "createdTime": NOW_MS, "lineItems": {"elements": [
        {"id": "a", "item": {"id": "A"}, "unitQty": 2000, "unitName": "kiste"}]}}  # fmt: skip
    sold["clover"] = clover.orders([order], clover.CloverShop(WITH_WORDS), ReadContext(NOW_MS)).events
    assert {
        name: [line.quantity_milli for event in events for line in event.lines] for name, events in sold.items()
    } == ({name: [48_000] for name in sold})


def test_a_word_that_is_not_known_is_refused_with_the_option_that_says_what_it_is():
    (problem,) = csv("1,2026-03-01 10:00,A,2,Bund\n").problems
    assert (problem.column, 'unit_words = { "Bund" = "12 each" }' in problem.reason) == ("unit", True)


def test_a_file_with_pounds_counts_to_the_nearest_gram_with_a_note():
    batch = csv("1,2026-03-01 10:00,A,1.25,lb\n2,2026-03-01 10:00,A,3,St.\n")
    assert [(line.quantity_milli, line.unit, line.told) for event in batch.events for line in event.lines] == [
        (567, "kg", Told(quantity="1.25", unit="lb")), (3000, "each", None),
    ]  # fmt: skip
    assert [(note.line, note.reason) for note in batch.notes] == [
        (2, "1.25 lb is counted as 0.567 kg, the nearest thousandth")
    ]


def test_a_short_number_in_the_column_of_barcodes_is_a_plu():
    spec = DropFolderSpec(pool="north", store="grocer-7", folder=Path())
    batches = read_events("opening.csv", b"EAN;Menge;Einheit\n4011;12,5;Kilo\n4012;2;Dtzd.\n", "opening", spec, 0)
    lines = [line for batch in batches for event in batch.events for line in event.lines]
    assert [(line.code, line.quantity_milli, line.unit) for line in lines] == [
        ("plu:4011", 12_500, "kg"), ("plu:4012", 24_000, "each"),
    ]  # fmt: skip


@pytest.mark.parametrize(("word", "plain"), [("per lb", "lb"), ("/kg", "kg"), ("pro Stück", "stück"), ("par kg", "kg")])
def test_a_unit_may_be_named_as_prices_name_it(word, plain):
    assert measure_of(word, {}) == measure_of(plain, {}) is not None
