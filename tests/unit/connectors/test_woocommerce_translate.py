"""WooCommerce's orders, refunds and products to events."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import SkipReason
from connectors.vendor.fields import ReadContext
from connectors.vendor.sale_lines import line_name
from connectors.woocommerce.translate import product_ids, translate_order, translate_product
from schemas.codec import topic_codec
from tests.support.connectors import GROCER
from tests.support.translated import CANARY, LEAVES, bent, exact, moved, places, skips

NOW_MS = 1_772_400_000_000
READING = ReadContext(NOW_MS)


def line(**changes):
    return {
        "id": 315, "name": "Milk", "product_id": 93, "variation_id": 0, "quantity": 2, "sku": "MILK-1L",
        "subtotal": "3.34", "total": "3.34", "total_tax": "0.64", "price": 1.67, "meta_data": [],
    } | changes  # fmt: skip


def order(**changes):
    return {
        "id": 727, "parent_id": 0, "number": "727", "status": "completed", "currency": "EUR",
        "date_created": "2026-03-01T15:14:00", "date_created_gmt": "2026-03-01T14:14:00",
        "date_modified": "2026-03-01T15:15:02", "date_modified_gmt": "2026-03-01T14:15:02",
        "date_paid": "2026-03-01T15:15:00", "date_paid_gmt": "2026-03-01T14:15:00", "line_items": [line()],
        "fee_lines": [], "shipping_lines": [], "refunds": [],
    } | changes  # fmt: skip


def refund_line(**changes):
    notes = [{"id": 1, "key": "_refunded_item_id", "value": "315"}]
    return line(id=401, quantity=-1, total="-1.67", total_tax="-0.32", meta_data=notes) | changes


def refund(*lines, **changes):
    return {
        "id": 726, "date_created_gmt": "2026-03-02T15:00:00", "amount": "1.99", "reason": "", "line_items": list(lines),
    } | changes  # fmt: skip


def noted(**notes):
    return [{"id": n, "key": key, "value": value} for n, (key, value) in enumerate(notes.items())]


def told(payload, refunds=(), reading=READING, virtual=()):
    return translate_order(exact(payload), [exact(each) for each in refunds], GROCER, reading, virtual)


def test_an_order_becomes_a_sale_named_and_timed_by_woocommerce():
    (sale,) = told(order()).events
    assert (sale.id, sale.pool, sale.currency) == ("grocer-7/woocommerce/order/727@1772374502000", "north", "EUR")
    assert (sale.occurred_at_ms, sale.recorded_at_ms) == (1772374500000, NOW_MS)
    assert [(each.line_id, each.code, each.quantity_milli, each.price_minor) for each in sale.lines] == [
        ("315", "sku:MILK-1L", 2000, 398)
    ]


def test_a_time_without_its_gmt_field_is_the_shops():
    local = order(date_paid_gmt=None, date_created_gmt=None, date_modified_gmt=None)
    assert told(local).events[0].occurred_at_ms == 1772374500000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "sku:MILK-1L"), ({"sku": ""}, "item:product-93"), ({"sku": None, "variation_id": 94}, "item:product-94"),
        ({"sku": "A", "product_id": 0}, "sku:A"),
    ],
)  # fmt: skip
def test_a_line_is_named_by_its_sku_or_else_its_variation_or_product(changes, code):
    assert moved(told(order(line_items=[line(**changes)])))[0][2] == code


@pytest.mark.parametrize(("quantity", "milli"), [("2", 2000), (0.485, 485), ("0.485", 485), (3, 3000), (12.5, 12_500)])
def test_quantities_may_be_strings_or_decimals_and_stay_exact(quantity, milli):
    assert moved(told(order(line_items=[line(quantity=quantity)])))[0][3] == milli


def test_a_bad_line_comes_back_alone():
    translated = told(order(line_items=[line(id=1), line(id=2, quantity="many"), line(id=3, total="much")]))
    assert [each[0] for each in moved(translated)] == ["1", "3"], "a price moves no stock"
    assert places(translated) == ["/line_items/1/quantity"]
    assert [note.where for note in translated.notes] == ["/line_items/2"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"product_id": 0, "sku": ""}, SkipReason.non_stock), ({"product_id": 5, "sku": ""}, SkipReason.non_stock),
        ({"meta_data": noted(wc_gc_giftcard_to="x")}, SkipReason.gift_card), ({"quantity": 0}, SkipReason.not_moved),
    ],
)  # fmt: skip
def test_what_is_no_stock_is_left_out_with_a_reason(changes, reason):
    translated = told(order(line_items=[line(**changes), line(id=12)]), virtual={"5"})
    assert [each[0] for each in moved(translated)] == ["12"]
    assert (skips(translated), translated.problems) == ([("/line_items/0", reason)], ())


def test_fees_and_shipping_are_left_out_with_a_reason():
    translated = told(order(fee_lines=[{"id": 1, "name": "Tip"}], shipping_lines=[{"id": 2}]))
    assert skips(translated) == [("/fee_lines/0", SkipReason.fee), ("/shipping_lines/0", SkipReason.fee)]
    assert len(moved(translated)) == 1


@pytest.mark.parametrize(
    ("status", "is_paid", "sold"),
    [
        ("processing", True, True), ("completed", True, True), ("on-hold", False, True), ("refunded", True, True),
        ("wc-completed", True, True), ("pending", False, False), ("checkout-draft", False, False),
        ("awaiting-shipment", True, True), ("quote-requested", False, False), ("", False, False),
    ],
)  # fmt: skip
def test_an_order_is_sold_once_woocommerce_takes_it_off_its_stock(status, is_paid, sold):
    paid = {} if is_paid else {"date_paid": None, "date_paid_gmt": None}
    translated = told(order(status=status, **paid))
    assert (len(translated.events), len(translated.skipped)) == ((1, 0) if sold else (0, 1))


@pytest.mark.parametrize("status", ["cancelled", "failed", "trash", "pending"])
def test_an_order_that_is_called_off_takes_back_what_it_told(status):
    translated = told(order(status=status))
    assert moved(translated) == [
        ("315", "sale", "sku:MILK-1L", 2000), ("315/void", "void", "sku:MILK-1L", 2000),
    ]  # fmt: skip
    assert len(translated.skipped) == 1


def test_an_order_that_is_called_off_takes_back_only_what_no_refund_brought():
    called_off = order(status="cancelled", refunds=[{"id": 726}])
    translated = told(called_off, [refund(refund_line())])
    assert [each[1:] for each in moved(translated)] == [
        ("return", "sku:MILK-1L", 1000), ("sale", "sku:MILK-1L", 2000), ("void", "sku:MILK-1L", 1000),
    ]  # fmt: skip
    assert skips(told(called_off)) == [("", SkipReason.already_reported)]


def test_a_refund_is_a_return_at_its_own_time():
    translated = told(order(), [refund(refund_line())])
    (returned, _sale) = translated.events
    assert (returned.source.id, returned.occurred_at_ms) == ("refund/726", 1772463600000)
    assert moved(translated)[0] == ("401", "return", "sku:MILK-1L", 1000)
    assert returned.lines[0].price_minor == 199


@pytest.mark.parametrize(
    ("notes", "kinds"),
    [
        ({}, ["return", "return"]),
        ({"_reduced_stock": "5"}, ["return_not_restocked", "return_not_restocked"]),
        ({"_reduced_stock": "2", "_restock_refunded_items": "3"}, ["return", "return"]),
        ({"_reduced_stock": "4", "_restock_refunded_items": 1}, ["return", "return_not_restocked"]),
        ({"_restock_refunded_items": "2"}, ["return", "return", "return_not_restocked"]),
    ],
)
def test_what_woocommerce_notes_as_restocked_goes_back_to_the_shelf(notes, kinds):
    refunds = [refund(refund_line(id=402, quantity=-2), id=800), refund(refund_line(id=401), id=799)]
    lines = [line(quantity=5, meta_data=noted(**notes))]
    translated = told(order(line_items=lines), refunds)
    back = [each for each in moved(translated) if each[1] != "sale"]
    assert [each[1] for each in back] == kinds
    assert sum(each[3] for each in back) == 3000
    restocked = sum(each[3] for each in back if each[1] == "return")
    expected = 3 if not notes else int(notes.get("_restock_refunded_items", 0))
    assert restocked == 1000 * expected


def test_a_refund_of_money_alone_moves_nothing():
    translated = told(order(), [refund(), refund(refund_line(quantity=0), id=9)])
    assert [reason for _, reason in skips(translated)] == [SkipReason.unlinked, SkipReason.unlinked]
    assert len(moved(translated)) == 1


def test_an_old_order_that_is_updated_tells_only_its_news():
    late = order(date_modified_gmt="2026-03-20T14:15:02")
    translated = told(
        late, [refund(refund_line()), refund(refund_line(), id=9, date_created_gmt="2026-03-20T14:15:01")]
    )
    assert [event.source.id for event in translated.events] == ["refund/9"]
    assert [reason for _, reason in skips(translated)] == [SkipReason.already_reported, SkipReason.already_reported]


def test_the_products_of_an_order_are_named_for_looking_up():
    lines = [line(), line(product_id=5, variation_id=6), line(product_id=0), "x", line(product_id={})]
    assert product_ids(order(line_items=lines)) == {"93", "5", "6"}


def product(**changes):
    return {
        "id": 93, "type": "simple", "sku": "MILK-1L", "manage_stock": True, "stock_quantity": 6, "virtual": False,
        "date_modified_gmt": "2026-03-01T14:15:02",
    } | changes  # fmt: skip


def test_a_products_stock_is_a_level_as_of_now():
    (report,) = translate_product(exact(product()), GROCER, READING).events
    assert (report.kind.value, report.id) == ("level", f"grocer-7/woocommerce/level/93@{NOW_MS}")
    assert (report.occurred_at_ms, report.lines[0].code, report.lines[0].quantity_milli) == (
        NOW_MS,
        "sku:MILK-1L",
        6000,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"manage_stock": False},
        {"manage_stock": "parent"},
        {"stock_quantity": None},
        {"type": "variable"},
        {"virtual": True},
    ],
)
def test_a_product_that_woocommerce_does_not_count_by_itself_is_left_out(changes):
    translated = translate_product(exact(product(**changes)), GROCER, READING)
    assert (translated.events, skips(translated)) == ((), [("", SkipReason.non_stock)])


@pytest.mark.parametrize(("quantity", "milli"), [("-2", -2000), (0.5, 500), ("1.250", 1250)])
def test_a_level_may_be_below_zero_or_a_decimal(quantity, milli):
    translated = translate_product(exact(product(stock_quantity=quantity)), GROCER, READING)
    assert translated.events[0].lines[0].quantity_milli == milli


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"id": None}, "/id"), ({"line_items": 7}, "/line_items"), ({"line_items": ["x"]}, "/line_items/0"),
        ({"date_paid_gmt": "soon"}, "/date_paid_gmt"),
        ({"line_items": [line(sku={})]}, "/line_items/0/sku"),
        ({"status": 5.5}, "/status"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_says_where(changes, place):
    assert places(told(order(**changes))) == [place]


def test_missing_optional_parts_are_no_fault():
    bare = {"id": 1, "status": "completed", "date_created_gmt": "2026-03-01T14:14:00"}
    translated = told(bare | {"line_items": [{"id": 2, "product_id": 3, "quantity": 1}]})
    assert (moved(translated), translated.problems) == ([("2", "sale", "item:product-3", 1000)], ())


def test_personal_data_goes_nowhere():
    person = {
        "billing": {"first_name": CANARY, "email": CANARY}, "shipping": {"address_1": CANARY}, "customer_note": CANARY,
        "customer_ip_address": CANARY, "customer_user_agent": CANARY, "meta_data": noted(note=CANARY),
    }  # fmt: skip
    engraved = line(name=CANARY, meta_data=noted(engraving=CANARY))
    refunds = [refund(refund_line(name=CANARY), reason=CANARY), refund(refund_line(quantity="x"), id=5, reason=CANARY)]
    translated = told(order(line_items=[engraved, line(id=3, quantity="x", name=CANARY)], **person), refunds)
    assert (len(moved(translated)), len(translated.problems)) == (2, 2)
    assert CANARY not in repr(translated)


LINES = st.one_of(LEAVES, bent(line))
REFUNDS = st.one_of(
    LEAVES,
    st.builds(
        lambda head, lines: head | {"line_items": lines}, bent(refund), st.lists(st.one_of(LEAVES, bent(refund_line)))
    ),
)


@settings(max_examples=400)
@given(bent(order), st.lists(LINES, max_size=4), st.lists(REFUNDS, max_size=2))
def test_whatever_comes_every_line_is_an_event_line_a_skip_or_a_problem(head, lines, refunds):
    translated = translate_order(head | {"line_items": lines}, refunds, GROCER, READING)
    explained = {each.where for each in (*translated.problems, *translated.skipped)}
    is_whole_explained = any(place.count("/") <= 1 for place in explained)
    told_ids = {each.line_id for event in translated.events for each in event.lines}
    for index, each in enumerate(lines):
        line_id = line_name(each, index)
        is_told = any(place.startswith(f"/line_items/{index}") for place in explained) or line_id in told_ids
        assert is_told or is_whole_explained
    for index, _each in enumerate(refunds):
        at = f"/refunds/{index}"
        is_explained = any(place.startswith(at) for place in explained) or is_whole_explained
        assert is_explained or any(event.source.id.startswith("refund/") for event in translated.events)
    codec = topic_codec("pos.sales.v1")
    for event in translated.events:
        assert codec.decode(codec.encode(event.to_avro())) == event.to_avro()


@settings(max_examples=200)
@given(bent(product))
def test_any_product_is_an_event_a_skip_or_a_problem(payload):
    translated = translate_product(payload, GROCER, READING)
    assert len(translated.events) + len(translated.skipped) + len(translated.problems) == 1
