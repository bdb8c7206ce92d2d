"""A webhook's payload to events."""

import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.http.payload import DEPTH_MAX, PayloadRefused, parse
from connectors.webhook.translate import StoreContext, TooManyLines, WrongStore, translate
from schemas.codec import topic_codec
from schemas.models.base import LINES_MAX
from schemas.models.pos import Sale

GROCER = StoreContext("north", "grocer-7", ZoneInfo("Europe/Berlin"), "EUR")
NOW_MS = 1_772_400_000_000
GTIN = "4006381333931"


def sale(**changes):
    return {
        "id": "1/17", "occurred_at": "2026-03-01T09:15:00+01:00", "register": "1",
        "lines": [{"line_id": "a", "gtin": GTIN, "quantity": "2", "unit_price": "1.99"}],
    } | changes  # fmt: skip


def report(**changes):
    return {
        "id": "count-7", "kind": "counted", "occurred_at": "2026-03-01 21:00",
        "lines": [{"sku": "MILK", "quantity": 12}],
    } | changes  # fmt: skip


def told(payload):
    return translate(parse(json.dumps(payload).encode()), GROCER, NOW_MS)


def places(translated):
    return [problem.where for problem in translated.problems]


def test_a_sale_and_a_report_become_events_of_the_signing_store():
    translated = told({"sales": [sale()], "stock": [report()]})
    (sold, counted) = translated.events
    assert (sold.id, sold.pool, sold.till, sold.currency) == ("grocer-7/webhook/1/17@1", "north", "1", "EUR")
    assert (sold.occurred_at_ms, sold.recorded_at_ms) == (1772352900000, NOW_MS)
    assert [(line.line_id, line.code, line.quantity_milli, line.price_minor) for line in sold.lines] == [
        ("a", "gtin:04006381333931", 2000, 398)
    ]
    assert (counted.kind, counted.occurred_at_ms, counted.lines[0].quantity_milli) == ("counted", 1772395200000, 12_000)
    assert (translated.line_count, translated.problems) == (2, ())


def test_quantities_may_be_strings_or_numbers_and_floats_stay_exact():
    body = b"""{"sales": [{"id": "1", "occurred_at": "2026-03-01T09:15:00Z", "lines": [
        {"plu": 4011, "quantity": 0.485, "unit": "kg"}, {"plu": "4011", "quantity": 1e-3, "unit": "kg"},
        {"plu": "4011", "quantity": "485", "unit": "g"}, {"plu": "4011", "quantity": 0.1000000000000000055}]}]}"""
    translated = translate(parse(body), GROCER, NOW_MS)
    assert [(line.line_id, line.quantity_milli) for line in translated.events[0].lines] == [
        ("1", 485), ("2", 1), ("3", 485), ("4", 100),
    ]  # fmt: skip
    assert (translated.problems, translated.notes) == ((), ()), "the noise of a double is no rounding"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"id": ""}, "/sales/0/id"), ({"id": None}, "/sales/0/id"), ({"id": "x" * 201}, "/sales/0/id"),
        ({"id": ["x"]}, "/sales/0/id"), ({"id": "\ud800"}, "/sales/0/id"), ({"version": "2"}, "/sales/0/version"),
        ({"version": -1}, "/sales/0/version"), ({"version": 2**63}, "/sales/0/version"),
        ({"version": True}, "/sales/0/version"), ({"occurred_at": None}, "/sales/0/occurred_at"),
        ({"occurred_at": 1772352900}, "/sales/0/occurred_at"), ({"recorded_at": "soon"}, "/sales/0/recorded_at"),
        ({"lines": []}, "/sales/0/lines"),
        ({"lines": {}}, "/sales/0/lines"), ({"lines": None}, "/sales/0/lines"), ({"lines": [7]}, "/sales/0/lines/0"),
        ({"lines": [{"quantity": 1}]}, "/sales/0/lines/0"),
        ({"lines": [{"gtin": GTIN}]}, "/sales/0/lines/0/quantity"),
        ({"lines": [{"gtin": GTIN, "quantity": True}]}, "/sales/0/lines/0/quantity"),
        ({"lines": [{"gtin": GTIN, "quantity": [1]}]}, "/sales/0/lines/0/quantity"),
        ({"lines": [{"gtin": GTIN[:-1] + "2", "quantity": 1}]}, "/sales/0/lines/0/gtin"),
        ({"lines": [{"sku": "\ud800", "quantity": 1}]}, "/sales/0/lines/0/code"),
        ({"lines": [{"gtin": GTIN, "quantity": 1, "line_id": "x" * 101}]}, "/sales/0/lines/0/line_id"),
    ],
)  # fmt: skip
def test_a_bad_sale_comes_back_with_the_place_of_its_fault_and_the_good_one_is_used(changes, place):
    translated = told({"sales": [sale(**changes), sale(id="1/18")]})
    assert ([event.source.id for event in translated.events], places(translated)) == (["1/18"], [place])
    assert translated.problems[0].reason != ""


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"currency": "euro"}, "/sales/0/currency"), ({"register": "x" * 201}, "/sales/0/register"),
        ({"order_ref": {}}, "/sales/0/order_ref"), ({"register": []}, "/sales/0/register"),
        ({"lines": [{"gtin": GTIN, "quantity": 1, "price": "0.001"}]}, "/sales/0/lines/0"),
        ({"lines": [{"gtin": GTIN, "quantity": 1, "unit_price": "a lot"}]}, "/sales/0/lines/0"),
        ({"lines": [{"gtin": GTIN, "quantity": "0.4855", "unit": "kg"}]}, "/sales/0/lines/0"),
        ({"occurred_at": "2031-03-01T09:15:00Z"}, "/sales/0/occurred_at"),
    ],
)  # fmt: skip
def test_what_moves_no_stock_costs_no_sale_and_is_noted(changes, place):
    translated = told({"sales": [sale(**changes), sale(id="1/18")]})
    assert (len(translated.events), translated.problems) == (2, ())
    assert [note.where for note in translated.notes] == [place]


def test_a_byte_order_mark_is_passed_over():
    assert parse("\ufeff{}".encode()) == {}


def test_a_bad_line_comes_back_alone():
    lines = [{"gtin": GTIN, "quantity": 1}, {"gtin": GTIN, "quantity": 0}, {"gtin": GTIN, "quantity": 2}]
    translated = told({"sales": [sale(lines=lines)]})
    assert [line.line_id for line in translated.events[0].lines] == ["1", "3"]
    assert places(translated) == ["/sales/0/lines/1/quantity"]


def test_a_revision_with_a_bad_line_is_not_used_at_all():
    lines = [{"gtin": GTIN, "quantity": 1}, {"gtin": GTIN, "quantity": 0}]
    translated = told({"sales": [sale(version=2, lines=lines)]})
    assert (translated.events, places(translated)) == ((), ["/sales/0/lines/1/quantity", "/sales/0/lines"])


def test_a_report_of_no_known_kind_comes_back():
    translated = told({"stock": [report(kind="guessed"), 5]})
    assert (translated.events, places(translated)) == ((), ["/stock/0/kind", "/stock/1"])


@pytest.mark.parametrize(
    "payload",
    [{"store": "grocer-8"}, {"pool": "south"}, {"sales": [sale(store="grocer-8")]}, {"stock": [report(pool="x")]},
     {"store": 7}],
)  # fmt: skip
def test_another_store_in_the_payload_refuses_the_whole_request(payload):
    with pytest.raises(WrongStore):
        told({"sales": [sale()]} | payload)


def test_naming_the_own_store_is_allowed():
    assert told({"store": "grocer-7", "pool": "north", "sales": [sale()]}).line_count == 1


def test_unknown_fields_are_dropped():
    line = {"gtin": GTIN, "quantity": 1, "customer": "CANARY"}
    translated = told({"sales": [sale(customer={"email": "CANARY"}, lines=[line])], "note": "CANARY"})
    assert ("CANARY" in repr(translated), translated.line_count) == (False, 1)


def test_too_many_lines_refuse_the_request():
    line = {"plu": "1", "quantity": 1}
    with pytest.raises(TooManyLines):
        told({"sales": [sale(lines=[line] * LINES_MAX), sale(id="2", lines=[line])]})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"), (b"[]", "not a JSON object"), (b"\xff", "not UTF-8"), (b"{", "not JSON"),
        (b'{"a": NaN}', "NaN"), (b'{"a": -Infinity}', "Infinity"), (b'{"a": 1, "a": 2}', "given twice"),
        (b'{"a": {"b": 1, "b": 1}}', "given twice"), (b'{"a": ' + b"9" * 5000 + b"}", "not usable"),
        (b'{"a": ' + b"[" * 100_000, "deep"), (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "deeper than 32"),
        ("{}".encode("utf-16"), "not UTF-8"), (b'{"sales": {}}', "not a list"),
        (b'{"a": 1} x', "not JSON"),
    ],
)  # fmt: skip
def test_a_body_that_could_be_read_in_another_way_is_refused(body, reason):
    with pytest.raises(PayloadRefused, match=reason):
        translate(parse(body), GROCER, NOW_MS)


def test_the_deepest_allowed_nesting_is_read():
    assert parse(b'{"a": ' + b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1) + b"}") != {}


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=20),
    st.sampled_from([GTIN, "0.485", "2026-03-01T09:15:00Z", "kg", "sale", "counted", "1/17", "-1"]),
    st.decimals(allow_nan=False, allow_infinity=False, places=4),
)  # fmt: skip
NAMES = st.sampled_from(
    ["id", "version", "occurred_at", "recorded_at", "register", "order_ref", "currency", "kind", "lines", "line_id",
     "gtin", "plu", "sku", "item", "quantity", "unit", "price", "unit_price", "reason", "other"]
)  # fmt: skip
LINES = st.one_of(LEAVES, st.dictionaries(NAMES, LEAVES, max_size=8))
EVENTS = st.one_of(
    LEAVES,
    st.dictionaries(NAMES, st.one_of(LEAVES, st.lists(LINES, max_size=4)), max_size=8),
    st.builds(lambda lines: sale(lines=lines), st.lists(LINES, min_size=1, max_size=4)),
    st.builds(lambda lines: report(lines=lines), st.lists(LINES, min_size=1, max_size=4)),
)


@settings(max_examples=500)
@given(st.lists(EVENTS, max_size=4), st.lists(EVENTS, max_size=4))
def test_any_payload_is_events_or_problems_and_never_a_crash(sales, stock):
    translated = translate({"sales": sales, "stock": stock}, GROCER, NOW_MS)
    sources = {problem.where.split("/")[2] + problem.where.split("/")[1] for problem in translated.problems}
    assert len(translated.events) + len(sources) >= len(sales) + len(stock)
    for event in translated.events:
        codec = topic_codec("pos.sales.v1" if isinstance(event, Sale) else "pos.stock.v1")
        assert codec.decode(codec.encode(event.to_avro())) == event.to_avro()


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_refused(body):
    try:
        translate(parse(body), GROCER, NOW_MS)
    except (PayloadRefused, WrongStore) as refused:
        assert isinstance(refused, ValueError)  # noqa: PT017  one of the two, and nothing else
