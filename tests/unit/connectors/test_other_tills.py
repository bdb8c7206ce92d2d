"""Inputs of tills that nobody had tried before, which taught something: other vendors, languages and marks."""

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.contract import FieldRefused
from connectors.drop_folder.formats import read_events
from connectors.drop_folder.settings import DropFolderSpec
from connectors.parsing.lines import line_code
from connectors.parsing.units import measure_of, written
from connectors.woocommerce import translate as woocommerce
from tests.support.connectors import GROCER
from tests.support.tills import READING, TILLS
from tests.support.translated import moved

TILL = {till.system: till for till in TILLS}


def read(content, **settings):
    spec = DropFolderSpec(
        pool="north", store="grocer-7", folder=Path(), **({"time_zone": "Europe/Berlin", "currency": "EUR"} | settings)
    )
    (batch,) = read_events("x.csv", content.encode(), "sales", spec, 1_790_000_000_000)
    lines = [f"{line.kind} {line.quantity_milli} {line.code}" for event in batch.events for line in event.lines]
    return lines, [skip.reason.value for skip in batch.skipped], [note.reason for note in batch.notes]


def line_of(system, **fields):
    """What becomes of the second line of an order with these fields."""
    order = TILL[system].order()
    TILL[system].lines(order)[1].update(fields)
    return TILL[system].read(order)


@pytest.mark.parametrize(("quantity", "kind"), [("-1", ""), ("1", "Retoure"), ("-1", "Verkauf")])
def test_what_comes_back_is_a_return_by_its_sign_or_its_kind_whatever_its_price_is(quantity, kind):
    rows = f"1;03.09.2026 10:15;A;{quantity};-5,00;{kind}\n"
    assert read(f"receipt;sold_at;sku;qty;price;type\n{rows}") == (["return 1000 sku:A"], [], [])


@pytest.mark.parametrize("error", ["#¡REF!", "#¿NOMBRE?", "#¡DIV/0!", "#PODZIEL/0!", "#SAKNAS!", "#ARG!", "#HODNOTA!"])
def test_a_spreadsheets_error_is_no_code_in_any_language(error):
    with pytest.raises(FieldRefused, match="spreadsheet's error"):
        line_code({"sku": error})


@pytest.mark.parametrize("nothing", ["N/D", "k.A.", "s/o", "n.d."])
def test_what_says_that_there_is_no_code_is_none_in_any_language(nothing):
    assert line_code({"gtin": nothing, "sku": "MILK"}) == "sku:MILK"
    with pytest.raises(FieldRefused, match="names no item"):
        line_code({"sku": nothing})


@pytest.mark.parametrize("code", ["#12", "A#1", "#RED", "N/D-7", "Was ist das?"])
def test_a_code_that_only_looks_a_little_like_an_error_is_kept(code):
    assert line_code({"sku": code}) == f"sku:{code}"


@pytest.mark.parametrize(
    ("word", "measure"),
    [
        ("Einheit(en)", "1 each"), ("Unidad(es)", "1 each"), ("Eenheden", "1 each"), ("Dozijnen", "12 each"),
        ("m³", "1000 l"), ("in³", "0.016387064 l"), ("ft³", "28.316846592 l"),
    ],
)  # fmt: skip
def test_the_units_that_every_odoo_has_are_known_in_its_languages(word, measure):
    assert written(measure_of(word, {})) == measure
    assert line_of("odoo", product_uom_id=[9, word]).problems == ()


def test_bundles_of_yith_at_woocommerce_are_their_parts():
    order = TILL["woocommerce"].order()
    box, part = order["line_items"]
    box["meta_data"] = [{"key": "_bundled_items", "value": []}, {"key": "_yith_bundle_cart_key", "value": "k"}]
    part["meta_data"] = [{"key": "_bundled_by", "value": "k"}]
    translated = woocommerce.translate_order(order, (), GROCER, READING)
    assert moved(translated) == [("12", "sale", "sku:B", 3_000)]
    assert [skip.reason for skip in translated.skipped] == ["non_stock"]


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("Cobrado", []), ("Encaissé", []), ("Afgerekend", []), ("Incassato", []), ("Remboursé", []),
        ("Rimborsato", []), ("Expiré", ["unpaid"]), ("Rechazado", ["unpaid"]), ("Rifiutato", ["unpaid"]),
        ("Geweigerd", ["unpaid"]), ("Rejected", ["unpaid"]), ("Abgelaufen", ["unpaid"]),
    ],
)  # fmt: skip
def test_states_are_read_in_the_words_of_more_tills(word, what):
    content = f"receipt;sold_at;sku;qty;status\n1;2026-09-03 10:15;A;1;{word}\n"
    assert read(content)[:2] == ([] if what else ["sale 1000 sku:A"], what)


@pytest.mark.parametrize(
    ("kind", "reason"), [("Service", "non_stock"), ("Prestation", "non_stock"), ("Voucher", "gift_card")]
)
def test_kinds_of_rows_that_are_no_goods_are_left_out(kind, reason):
    assert read(f"receipt;sold_at;sku;qty;type\n1;2026-09-03 10:15;A;1;{kind}\n")[:2] == ([], [reason])


def test_at_lightspeed_a_fourth_decimal_is_rounded_with_a_note():
    translated = line_of("lightspeed", quantity=Decimal("0.1235"))
    assert moved(translated)[1] == ("b", "sale", "item:B", 124)
    assert "0.1235 is counted as 0.124 each, the nearest thousandth" in [note.text for note in translated.notes]
