"""Odoo's records to events, its lists read while others are written, what it must be asked."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import AccessRefused, Delivery, Unavailable
from connectors.http.payload import PayloadRefused
from connectors.http.signature import SignatureRefused
from connectors.odoo.client import PAGE_SIZE, OdooVendor
from connectors.odoo.spec import OdooOptions
from connectors.odoo.translate import OdooShop, levels, moves, orders
from connectors.vendor.fields import ReadContext
from tests.support.connectors import GROCER
from tests.support.rigs.odoo import (
    CONFIG,
    DATABASE,
    LOCATION,
    LOGIN,
    SHELF,
    SUPPLIER,
    TIP,
    OdooRig,
    OdooRpcRig,
    failed,
    written,
)
from tests.support.rigs.rig import CANARY, Order
from tests.support.vendor_server import Answer, VendorServer

NINE_MS = int(datetime(2026, 3, 1, 9, 15, tzinfo=UTC).timestamp() * 1000)
NINE = "2026-03-01 09:15:00"
READING = ReadContext(NINE_MS + 5_000)
SHOP = OdooShop(GROCER, tip_products=frozenset({TIP}))
INSIDE = frozenset({LOCATION, SHELF})
PRODUCTS = {101: {"id": 101, "type": "consu"}, 50: {"id": 50, "type": "service"}, 51: {"id": 51, "type": "combo"}}


def line(number=1, **fields):
    return {
        "id": number, "order_id": [7, "Order 7"], "product_id": [101, "Milk"], "qty": Decimal("2.0"),
        "price_subtotal_incl": Decimal("3.98"), "product_uom_id": [1, "Units"], "write_date": NINE,
    } | fields  # fmt: skip


def order(**fields):
    return {
        "id": 7, "pos_reference": "Order 7", "state": "paid", "date_order": NINE, "write_date": NINE,
        "config_id": [CONFIG, "Counter"], "currency_id": [1, "EUR"],
    } | fields  # fmt: skip


def read(*lines, shop=SHOP, **fields):
    done = orders([order(**fields)], {7: lines}, PRODUCTS, shop, READING)
    return done.events, done.problems, Counter(skip.reason.value for skip in done.skipped)


def test_a_paid_order_is_a_sale_in_utc():
    (sale,), problems, skipped = read(line(), line(2, qty=Decimal("0.485"), product_uom_id=[5, "kg"]))
    assert (problems, skipped) == ((), {})
    assert (sale.source.id, sale.source.version, sale.occurred_at_ms, sale.till) == ("order/7", NINE_MS, NINE_MS, "3")
    assert [(each.line_id, each.code, each.quantity_milli, each.unit, each.price_minor) for each in sale.lines] == [
        ("1", "item:101", 2000, "each", 398), ("2", "item:101", 485, "kg", 398),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("qty", "milli"),
    [(1, 1000), (Decimal("0.30000000000000004"), 300), (Decimal("1E+2"), 100_000), ("2.5", 2500)],
)
def test_a_quantity_is_what_odoo_shows(qty, milli):
    assert [each.quantity_milli for each in read(line(qty=qty))[0][0].lines] == [milli]


@pytest.mark.parametrize(("restocked", "kind"), [(True, "return"), (False, "return_not_restocked")])
@pytest.mark.parametrize("total", [Decimal("-3.98"), Decimal("3.98")])
def test_a_line_below_zero_is_a_return(restocked, kind, total):
    shop = replace(SHOP, returns_restocked=restocked)
    (sale,), _, _ = read(line(qty=Decimal(-2), price_subtotal_incl=total), shop=shop)
    assert [(each.kind, each.quantity_milli, each.price_minor) for each in sale.lines] == [(kind, 2000, 398)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"state": "draft"}, "unpaid"), ({"state": "cancel"}, "cancelled"), ({"state": False}, "unpaid"),
        ({"pos_reference": "commonshelf:1"}, "echo"), ({"write_date": "2026-03-09 10:00:00"}, "already_reported"),
    ],
)  # fmt: skip
def test_what_is_no_sale_is_left_out_and_counted_by_line(fields, reason):
    assert read(line(), line(2), **fields) == ((), (), {reason: 2})


def test_an_order_without_lines_is_counted():
    assert read() == ((), (), {"no_content": 1})


@pytest.mark.parametrize("state", ["paid", "done", "invoiced"])
def test_what_was_paid_is_a_sale_whatever_happens_to_its_books(state):
    assert len(read(line(), state=state)[0]) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"product_id": [TIP, "Tips"]}, "tip"), ({"product_id": [50, "Gift wrap"]}, "non_stock"),
        ({"product_id": [51, "Menu"]}, "non_stock"), ({"qty": 0}, "not_moved"),
    ],
)  # fmt: skip
def test_lines_without_goods_are_left_out(fields, reason):
    events, problems, skipped = read(line(**fields), line(2))
    assert ([each.line_id for each in events[0].lines], problems, skipped) == (["2"], (), {reason: 1})


@pytest.mark.parametrize(
    ("fields", "place", "reason"),
    [
        ({"qty": Decimal("0.00001")}, "line 1/quantity", "less than half a thousandth"),
        ({"qty": False}, "line 1/qty", "missing"),
        ({"qty": "two"}, "line 1/qty", "plain decimal"), ({"product_id": False}, "line 1/product_id", "missing"),
        ({"product_uom_id": [9, "sackful"]}, "line 1/product_uom_id", "not a unit"),
        ({"qty": Decimal("1E+30")}, "line 1/qty", "range"),
        ({"product_id": {"x": 1}}, "line 1/product_id", "not a reference"),
    ],
)  # fmt: skip
def test_a_bad_line_comes_back_alone(fields, place, reason):
    events, problems, _ = read(line(**fields), line(2))
    assert [each.line_id for each in events[0].lines] == ["2"]
    assert [problem.where for problem in problems] == [f"order 7/{place}"]
    assert reason in problems[0].reason


@pytest.mark.parametrize("fields", [{"date_order": False}, {"write_date": "soon"}, {"id": None}])
def test_an_order_that_cannot_be_named_or_placed_is_a_problem(fields):
    done = orders([order(**fields), order(id=8)], {7: [line()], 8: [line(2)]}, PRODUCTS, SHOP, READING)
    assert ([event.source.id for event in done.events], len(done.problems)) == (["order/8"], 1)


def move(number=1, **fields):
    return {
        "id": number, "state": "done", "date": NINE, "write_date": NINE, "product_id": [101, "Milk"],
        "quantity": Decimal(12), "product_uom": [1, "Units"], "location_id": [SUPPLIER, "Vendors"],
        "location_dest_id": [SHELF, "Shelf"], "location_usage": "supplier", "location_dest_usage": "internal",
        "origin": "P00001", "reference": "WH/IN/1",
    } | fields  # fmt: skip


OUT = {"location_id": [LOCATION, "Stock"], "location_usage": "internal"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [("received", 12_000)]),
        ({"location_id": [60, "Inventory"], "location_usage": "inventory"}, [("adjusted", 12_000)]),
        (OUT | {"location_dest_id": [61, "Scrap"], "location_dest_usage": "inventory"}, [("adjusted", -12_000)]),
        (OUT | {"location_dest_id": [5, "Customers"], "location_dest_usage": "customer"}, [("adjusted", -12_000)]),
        ({"location_id": [70, "Other shop"], "location_usage": "internal"}, [("received", 12_000)]),
        (OUT, "not_moved"), ({"state": "cancel"}, "cancelled"), ({"state": "assigned"}, "not_moved"),
        ({"quantity": 0}, "not_moved"), ({"origin": "commonshelf:1"}, "echo"),
        ({"location_dest_id": [70, "Other shop"]}, "not_moved"),
    ],
)  # fmt: skip
def test_what_crosses_the_edge_of_the_stock_is_received_or_adjusted(fields, expected):
    done = moves([move(**fields)], INSIDE, SHOP, READING)
    if isinstance(expected, str):
        assert [skip.reason for skip in done.skipped] == [expected]
        return
    assert [(event.kind, event.lines[0].quantity_milli) for event in done.events] == expected
    assert (done.events[0].source.id, done.events[0].occurred_at_ms) == ("move/1", NINE_MS)


def test_a_level_is_what_all_quants_of_a_product_come_to():
    quants = [
        {"id": 1, "product_id": [101, "Milk"], "quantity": Decimal("1.5"), "product_uom_id": [5, "kg"],
         "write_date": NINE},
        {"id": 2, "product_id": [101, "Milk"], "quantity": Decimal("0.001"), "product_uom_id": [5, "kg"],
         "write_date": "2026-03-01 09:15:01"},
        {"id": 3, "product_id": [102, "Bread"], "quantity": -2, "product_uom_id": [1, "Units"], "write_date": NINE},
        {"id": 4, "product_id": False, "quantity": 1, "write_date": NINE},
    ]  # fmt: skip
    done = levels(quants, SHOP, READING)
    assert [(each.source.id, each.lines[0].quantity_milli, each.lines[0].unit) for each in done.events] == [
        (f"level/101/{NINE_MS + 1000}", 1501, "kg"), (f"level/102/{NINE_MS}", -2000, "each"),
    ]  # fmt: skip
    assert [problem.where for problem in done.problems] == ["quant 4/product_id"]


def vendor(server, tmp_path, **options):
    (tmp_path / "token").write_text("token-that-is-in-use-now")
    raw = {"config_ids": [CONFIG], "token_file": tmp_path / "token", "base_url": server.url}
    return OdooVendor(OdooOptions.model_validate(raw | options), GROCER)


def older(server, tmp_path, **options):
    return vendor(server, tmp_path, **({"database": DATABASE, "login": LOGIN} | options))


@pytest.mark.parametrize("version", [16, 17, 18])
def test_an_older_odoo_says_the_same_in_its_own_fields(tmp_path, version):
    rig = OdooRpcRig()
    rig.version = version
    rig.record(Order("A1", at_ms=NINE_MS))
    came = move(1) | {"picking_id": False, "quantity": 2.0, "location_id": [SUPPLIER, "Vendors"]}
    rig.moves.append(came)
    with VendorServer(rig.answer) as server:
        odoo = older(server, tmp_path, stock_location_id=LOCATION)
        assert odoo.check() == "points of sale: 'Counter'"
        assert sold(feed(odoo, "orders").read(NINE_MS)) == {"order/1": 1}
        (page,) = feed(odoo, "moves").read(NINE_MS)
        assert [(each.kind, each.lines[0].quantity_milli) for each in page.translated.events] == [("received", 2_000)]
        assert Counter(each.kind for each in odoo.discover())["item"] == 3


def test_a_combo_of_odoo_17_has_its_goods_in_lines_of_their_own(tmp_path):
    rig = OdooRpcRig()
    rig.record(Order("A1", (("milk", "1"), ("bread", "2")), at_ms=NINE_MS))
    tables = rig.tables

    def with_combo():
        found = tables()
        found["product.product"][0] |= {"detailed_type": "combo", "type": "consu"}
        return found

    rig.tables = with_combo
    with VendorServer(rig.answer) as server:
        (page,) = feed(older(server, tmp_path), "orders").read(NINE_MS)
    assert [each.code for event in page.translated.events for each in event.lines] == ["item:102"]
    assert [each.reason.value for each in page.translated.skipped] == ["non_stock"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (failed("odoo.exceptions.AccessError"), "lets connector@anna.example not read pos.config"),
        (failed("odoo.exceptions.UserError"), "no pos.config at .*is Point of Sale installed"),
        (failed("psycopg2.OperationalError"), "is database anna there"),
        (failed("builtins.ValueError"), "Odoo fails on pos.config: builtins.ValueError"),
        (Answer([]), "none of JSON-RPC"), (Answer({"jsonrpc": "2.0", "id": 1, "result": 5}), "not a list of records"),
        (Answer({}, 404), "no JSON-RPC at .* leave login out"),
    ],
)  # fmt: skip
def test_an_older_odoo_that_fails_is_told_with_what_to_do_and_none_of_its_words(tmp_path, answer, told):
    with VendorServer(OdooRpcRig().answer) as server:
        odoo = older(server, tmp_path)
        odoo.check()
        server.faults.append(answer)
        with pytest.raises((AccessRefused, Unavailable), match=told) as failure:
            odoo.check()
    assert CANARY not in repr(failure.value)


@pytest.mark.parametrize(("told", "reason"), [([15, 0], "15 is too old"), (None, "does not say its version")])
def test_a_version_that_is_not_read_is_told(tmp_path, told, reason):
    about = {"jsonrpc": "2.0", "id": 1, "result": {"server_version_info": told}}
    with (
        VendorServer(lambda _request: Answer(about)) as server,
        pytest.raises((AccessRefused, Unavailable), match=reason),
    ):
        older(server, tmp_path).check()


def test_a_version_of_odoo_online_is_read(tmp_path):
    rig = OdooRpcRig()
    with VendorServer(rig.answer) as server:
        odoo = older(server, tmp_path)
        server.faults.append(Answer({"jsonrpc": "2.0", "id": 1, "result": {"server_version_info": ["saas~17", 2]}}))
        assert odoo.check()


@pytest.mark.parametrize("rig_class", [OdooRig, OdooRpcRig])
def test_check_names_the_points_of_sale_and_the_location_that_are_not_there(tmp_path, rig_class):
    rig = rig_class()
    raw = {each: rig.options()[each] for each in ("database", "login") if each in rig.options()}
    with VendorServer(rig.answer) as server:
        with pytest.raises(AccessRefused, match=r"no point of sale 4; set config_ids .*: 3 .Counter."):
            vendor(server, tmp_path, config_ids=[CONFIG, 4], **raw).check()
        with pytest.raises(AccessRefused, match="no internal location 555"):
            vendor(server, tmp_path, stock_location_id=555, **raw).check()


def feed(odoo, name):
    return next(each for each in odoo.feeds() if each.name == name)


def sold(pages):
    return Counter(event.source.id for page in pages for event in page.translated.events)


@pytest.mark.parametrize("spacing_ms", [0, 1, 300, 5_000])
def test_a_long_list_is_read_whole_though_many_are_written_in_one_second(tmp_path, spacing_ms):
    rig = OdooRig()
    rig.record(*(Order(f"A{n}", at_ms=NINE_MS + n * spacing_ms) for n in range(2 * PAGE_SIZE + 30)))
    with VendorServer(rig.answer) as server:
        pages = list(feed(vendor(server, tmp_path), "orders").read(NINE_MS))
    assert sold(pages) == {f"order/{n}": 1 for n in range(1, 2 * PAGE_SIZE + 31)}
    assert [page.cursor for page in pages] == sorted(page.cursor for page in pages)


def test_an_order_that_is_written_while_the_list_is_read_hides_no_other(tmp_path):
    rig = OdooRig()
    rig.record(*(Order(f"A{n:03}", at_ms=NINE_MS + n * 1_000) for n in range(2 * PAGE_SIZE)))

    def answer(request):
        found = rig.answer(request)
        if request.path.endswith("pos.order/search_read"):
            first = min(rig.orders.values(), key=lambda each: each.changed_at_ms)
            rig.record(replace(first, version=2, updated_at_ms=NINE_MS + 10**7))
        return found

    with VendorServer(answer) as server:
        pages = list(feed(vendor(server, tmp_path), "orders").read(NINE_MS))
    assert set(sold(pages)) == {f"order/{n}" for n in range(1, 2 * PAGE_SIZE + 1)}


def test_a_line_that_was_written_after_its_order_is_found(tmp_path):
    rig = OdooRig()
    rig.record(Order("A1", at_ms=NINE_MS), Order("A2", at_ms=NINE_MS))
    rig.late_lines[200] = written(NINE_MS + 60_000)
    with VendorServer(rig.answer) as server:
        (page,) = feed(vendor(server, tmp_path), "lines").read(NINE_MS)
    (event,) = page.translated.events
    assert (event.source.id, event.source.version, page.cursor) == ("order/2", NINE_MS + 60_000, NINE_MS + 60_000)


def test_stock_is_read_at_the_stores_location_alone_and_not_what_its_points_of_sale_moved(tmp_path):
    rig = OdooRig()
    rig.moves += [
        move(1) | {"picking_id": [1, "WH/IN"]}, move(2) | {"picking_id": [2, "POS"], "pos_session_id": 5},
        move(3, location_dest_id=[77, "Elsewhere"]) | {"picking_id": False}, move(4) | {"picking_id": False},
    ]  # fmt: skip
    for each in rig.moves:
        each["quantity"] = float(each["quantity"])
    for number, location in ((1, SHELF), (2, 77)):
        rig.quants.append(
            {"id": number, "product_id": [101, "Milk"], "quantity": 5.0, "product_uom_id": [1, "Units"],
             "write_date": NINE, "location_id": [location, "x"]}
        )  # fmt: skip
    with VendorServer(rig.answer) as server:
        odoo = vendor(server, tmp_path, stock_location_id=LOCATION)
        assert sold(feed(odoo, "moves").read(NINE_MS)) == {"move/1": 1, "move/4": 1}
        (page,) = feed(odoo, "levels").read(NINE_MS)
        assert [event.lines[0].quantity_milli for event in page.translated.events] == [5_000]


def test_discover_names_what_the_settings_and_the_mapping_need(tmp_path):
    with VendorServer(OdooRig().answer) as server:
        found = list(vendor(server, tmp_path).discover())
    assert Counter(each.kind for each in found) == {"point of sale": 1, "location": 2, "item": 3}
    assert ("item", "101", "milk", "") in [(each.kind, each.id, each.name, each.barcode) for each in found]


def test_without_a_location_only_sales_are_read(tmp_path):
    with VendorServer(OdooRig().answer) as server:
        assert [each.name for each in vendor(server, tmp_path).feeds()] == ["orders", "lines"]


def test_a_server_without_point_of_sale_is_told_so(tmp_path):
    rig = OdooRig()
    with VendorServer(rig.answer) as server:
        odoo = vendor(server, tmp_path, database="anna")
        odoo.check()
        assert server.requests[-1].headers["x-odoo-database"] == "anna"
        server.faults.append(Answer({}, 404))
        with pytest.raises(AccessRefused, match=r"no pos\.config at .*Odoo 19"):
            odoo.check()


def test_there_are_no_webhooks(tmp_path):
    with VendorServer(OdooRig().answer) as server:
        odoo = vendor(server, tmp_path)
        with pytest.raises(SignatureRefused):
            odoo.verify(Delivery((), b"{}", NINE_MS))
        with pytest.raises(PayloadRefused):
            odoo.receive(Delivery((), b"{}", NINE_MS))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"token_env": "T"}, "needs base_url"), ({"base_url": "http://x"}, "needs token_env"),
        ({"token_env": "T", "base_url": "http://x", "secret_env": "S"}, "no webhooks"),
        ({"token_env": "T", "base_url": "http://x", "config_ids": []}, "at least 1"),
        ({"token_env": "T", "base_url": "http://x", "login": "anna"}, "database beside login"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_told(options, reason):
    with pytest.raises(ValueError, match=reason):
        OdooOptions.model_validate({"config_ids": [1]} | options)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.decimals(allow_nan=False, allow_infinity=False),
    st.text(max_size=6), st.sampled_from(["paid", "draft", NINE, "1.5"]), st.just([101, "Milk"]), st.just([5, "kg"]),
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner))
)
LINE_FIELDS = ["product_id", "qty", "price_subtotal_incl", "product_uom_id", "order_id"]
MOVE_FIELDS = ["id", "state", "date", "product_id", "quantity", "product_uom", "location_id", "origin"]


@given(
    st.lists(st.one_of(values, st.dictionaries(st.sampled_from(LINE_FIELDS), values)), max_size=5),
    st.dictionaries(st.sampled_from(["id", "state", "date_order", "write_date", "currency_id", "config_id"]), values),
)
def test_every_line_of_any_order_is_a_line_a_skip_or_a_problem(given_lines, head):
    lines = [line(at, **each) if isinstance(each, dict) else each for at, each in enumerate(given_lines, 1)]
    done = orders([order(**head)], {7: lines}, PRODUCTS, SHOP, READING)
    if any("/line " not in problem.where for problem in done.problems) or head.get("id", 7) != 7:
        return
    published = sum(len(event.lines) for event in done.events)
    assert published + len(done.problems) + len(done.skipped) == max(len(lines), 1)


@given(st.lists(st.one_of(values, st.dictionaries(st.sampled_from(MOVE_FIELDS), values)), max_size=5))
def test_every_move_and_quant_is_an_event_a_skip_or_a_problem(found):
    records = [move(at, **each) if isinstance(each, dict) else each for at, each in enumerate(found, 1)]
    done = moves(records, INSIDE, SHOP, READING)
    assert len(done.events) + len(done.problems) + len(done.skipped) == len(records)
    levels(records, SHOP, READING)
