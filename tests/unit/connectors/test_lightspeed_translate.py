"""Lightspeed X-Series' sales and inventory records to events."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import SkipReason
from connectors.lightspeed.translate import Outlet, translate_inventory, translate_sale
from connectors.vendor.fields import ReadContext
from connectors.vendor.sale_lines import line_name
from schemas.codec import topic_codec
from tests.support.connectors import GROCER
from tests.support.translated import CANARY, LEAVES, bent, exact, moved, places, skips

NOW_MS = 1_772_400_000_000
READING = ReadContext(NOW_MS)
ANYWHERE = Outlet(GROCER)
HERE = Outlet(GROCER, "outlet-1", {"register-1": "outlet-1", "register-2": "outlet-2"})
MILK, RYE = "item:milk-0242ac12", "item:rye-0242ac13"


def dated(**changes):
    """A sale as the dated API has it."""
    return {
        "id": "sale-1", "state": "closed", "attributes": [], "date": "2026-03-01T14:14:00Z",
        "updated_at": "2026-03-01T14:15:02Z", "source": {"outlet_id": "outlet-1", "register_id": "register-1"},
        "line_items": [dated_line()], "_metadata": {"version": 1978890425}, "adjustments": [],
    } | changes  # fmt: skip


def dated_line(**changes):
    return {
        "id": "line-1", "product": {"id": "milk-0242ac12"}, "quantity": 2, "status": "CONFIRMED",
        "pricing": {"price": 1.67, "total": 3.34}, "tax": {"amount": 0.32, "total": 0.64},
        "return": {"is_return": False},
    } | changes  # fmt: skip


def older(**changes):
    """The same sale as API 2.0 has it."""
    return {
        "id": "sale-1", "status": "CLOSED", "sale_date": "2026-03-01T14:14:00+00:00", "outlet_id": "outlet-1",
        "updated_at": "2026-03-01T14:15:02+00:00", "register_id": "register-1", "version": 1978890425, "line_items": [{
            "id": "line-1", "product_id": "milk-0242ac12", "quantity": 2, "is_return": False, "price": 1.67,
            "tax": 0.32, "price_total": 3.34, "tax_total": 0.64,
        }],
    } | changes  # fmt: skip


def told_by_webhook(**changes):
    """The same sale as webhooks have it."""
    return {
        "id": "sale-1", "status": "CLOSED", "sale_date": "2026-03-01 14:14:00", "updated_at": "2026-03-01 14:15:02",
        "register_id": "register-1", "register_sale_products": [{
            "id": "line-1", "product_id": "milk-0242ac12", "quantity": "2", "price": "1.67", "tax": "0.32",
        }],
    } | changes  # fmt: skip


def told(sale, outlet=HERE, reading=READING):
    return translate_sale(exact(sale), outlet, reading)


def test_a_sale_is_named_and_timed_by_lightspeed():
    (sale,) = told(dated()).events
    assert (sale.id, sale.pool, sale.till) == ("grocer-7/lightspeed/sale/sale-1@1772374502000", "north", "register-1")
    assert (sale.occurred_at_ms, sale.recorded_at_ms) == (1772374440000, NOW_MS)
    assert [(each.line_id, each.code, each.quantity_milli, each.price_minor) for each in sale.lines] == [
        ("line-1", MILK, 2000, 398)
    ]


def test_its_three_forms_are_one_sale():
    assert told(dated()) == told(older()) == told(told_by_webhook())


@pytest.mark.parametrize(("quantity", "milli"), [("2", 2000), (0.485, 485), ("0.485", 485), (3, 3000), (12.5, 12_500)])
def test_quantities_may_be_strings_or_decimals_and_stay_exact(quantity, milli):
    assert moved(told(dated(line_items=[dated_line(quantity=quantity)])))[0][3] == milli


def test_what_comes_back_is_a_return_in_any_form():
    back = dated_line(quantity=-1, pricing={"price": 1.67, "total": -1.67}, tax={"amount": 0.32, "total": -0.32})
    (event,) = told(dated(line_items=[back, dated_line(id="line-2", product={"id": "rye-0242ac13"})])).events
    assert [(each.kind.value, each.code, each.quantity_milli, each.price_minor) for each in event.lines] == [
        ("return", MILK, 1000, 199), ("sale", RYE, 2000, 398),
    ]  # fmt: skip
    flagged = dated_line(quantity=1, **{"return": {"is_return": True}})
    assert moved(told(dated(line_items=[flagged]))) == [("line-1", "return", MILK, 1000)]


@pytest.mark.parametrize(
    ("state", "attributes", "status", "is_sold"),
    [
        ("closed", [], "CLOSED", True), ("closed", ["layby"], "LAYBY_CLOSED", True),
        ("pending", ["onaccount"], "ONACCOUNT", True), ("pending", ["layby"], "LAYBY", True),
        ("closed", ["delivery"], "DISPATCHED_CLOSED", True), ("closed", ["service"], "SERVICE_CLOSED", True),
        ("parked", [], "SAVED", False), ("pending", [], "OPEN", False),
        ("pending", ["pickup"], "AWAITING_PICKUP", False), ("pending", ["delivery"], "AWAITING_DISPATCH", False),
        ("pending", ["service"], "SERVICE", False),
    ],
)  # fmt: skip
def test_a_sale_counts_once_the_goods_have_left(state, attributes, status, is_sold):
    outcomes = [told(dated(state=state, attributes=attributes)), told(older(status=status))]
    expected = (1, []) if is_sold else (0, [("", SkipReason.unpaid)])
    assert [(len(each.events), skips(each)) for each in outcomes] == [expected, expected]


def test_goods_on_account_that_wait_for_their_delivery_are_still_here():
    assert told(dated(state="pending", attributes=["onaccount", "delivery"])).events == ()
    tagged = told_by_webhook(status="ONACCOUNT", register_sale_attributes=[{"name": "pickup"}])
    assert told(tagged).events == ()


@pytest.mark.parametrize("changes", [{"state": "voided"}, {"deleted_at": "2026-03-01T15:00:00Z"}])
def test_a_voided_sale_takes_back_what_it_told(changes):
    lines = [dated_line(), dated_line(id="line-2", quantity=-1)]
    translated = told(dated(line_items=lines, **changes))
    assert moved(translated) == [
        ("line-1", "sale", MILK, 2000), ("line-1/void", "void", MILK, 2000),
        ("line-2", "return_not_restocked", MILK, 1000),
    ]  # fmt: skip
    assert skips(translated) == [("", SkipReason.voided)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gift_card_number": "123"}, SkipReason.gift_card), ({"handle": "vend-discount"}, SkipReason.fee),
        ({"sku": "vend-gift-card"}, SkipReason.gift_card), ({"product": None}, SkipReason.non_stock),
        ({"quantity": 0}, SkipReason.not_moved),
    ],
)  # fmt: skip
def test_what_is_no_stock_is_left_out_with_a_reason(changes, reason):
    translated = told(dated(line_items=[dated_line(**changes), dated_line(id="line-2")]))
    assert [each[0] for each in moved(translated)] == ["line-2"]
    assert (skips(translated), translated.problems) == ([("/line_items/0", reason)], ())


def test_tips_and_surcharges_are_left_out_with_a_reason():
    translated = told(dated(adjustments=[{"adjustment_type": "TIP"}, {"adjustment_type": "SURCHARGE"}]))
    assert skips(translated) == [("/adjustments/0", SkipReason.tip), ("/adjustments/1", SkipReason.fee)]


def test_a_store_takes_the_sales_of_its_outlet():
    elsewhere = dated(source={"outlet_id": "outlet-2", "register_id": "register-2"})
    assert (
        skips(told(elsewhere))
        == skips(told(told_by_webhook(register_id="register-2")))
        == [("", SkipReason.other_store)]
    )
    assert places(told(told_by_webhook(register_id="register-9"))) == ["/outlet_id"]
    assert len(told(told_by_webhook(register_id="register-9"), ANYWHERE).events) == 1


def test_an_old_sale_that_is_touched_again_is_no_news_unless_voided():
    touched = {"updated_at": "2026-03-20T14:15:02Z"}
    assert skips(told(dated(**touched))) == [("", SkipReason.already_reported)]
    assert len(told(dated(state="voided", **touched)).events) == 1


def test_a_bad_line_comes_back_alone():
    lines = [dated_line(), dated_line(id="line-2", quantity="many"), "x", dated_line(id=None)]
    translated = told(dated(line_items=lines))
    assert [each[0] for each in moved(translated)] == ["line-1", "#4"], "a line without an id goes by its place"
    assert places(translated) == ["/line_items/1/quantity", "/line_items/2"]
    assert translated.events[0].unread_lines == ("line-2", "*")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"id": None}, "/id"), ({"date": None}, "/sale_date"), ({"updated_at": None}, "/updated_at"),
        ({"updated_at": "soon"}, "/updated_at"), ({"state": "eaten"}, "/state"), ({"state": None}, "/status"),
        ({"line_items": 7}, "/line_items"), ({"attributes": "x"}, "/attributes"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_says_where(changes, place):
    assert places(told(dated(**changes))) == [place]


def record(**changes):
    return {"id": "r-1", "outlet_id": "outlet-1", "product_id": "milk-0242ac12", "version": 7, "count": 6} | changes


def test_an_inventory_record_is_a_level_as_of_now_in_any_form():
    (report,) = translate_inventory(exact(record()), HERE, READING).events
    assert (report.kind.value, report.id) == ("level", f"grocer-7/lightspeed/level/outlet-1/milk-0242ac12@{NOW_MS}")
    assert (report.occurred_at_ms, report.lines[0].code, report.lines[0].quantity_milli) == (NOW_MS, MILK, 6000)
    for name in ("current_inventory_level", "inventory_level", "current_amount"):
        assert translate_inventory(exact(record(count=None) | {name: "6.0"}), HERE, READING).events == (report,)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outlet_id": "outlet-2"}, SkipReason.other_store), ({"count": None}, SkipReason.non_stock),
        ({"deleted_at": "2026-03-01T15:00:00Z"}, SkipReason.no_content),
    ],
)  # fmt: skip
def test_a_record_that_says_nothing_of_our_stock_is_left_out(changes, reason):
    assert skips(translate_inventory(exact(record(**changes)), HERE, READING)) == [("", reason)]


def test_personal_data_goes_nowhere():
    person = {"customer": {"name": CANARY}, "customer_name": CANARY, "note": CANARY, "user_name": CANARY}
    line = dated_line(note=CANARY, name=CANARY, customizations=[{"value": CANARY}])
    translated = told(dated(line_items=[line, dated_line(quantity="x", note=CANARY)], **person))
    assert (len(moved(translated)), len(translated.problems)) == (1, 1)
    assert CANARY not in repr(translated)


@settings(max_examples=400)
@given(bent(dated), st.lists(st.one_of(LEAVES, bent(dated_line)), max_size=4), st.sampled_from([HERE, ANYWHERE]))
def test_whatever_comes_every_line_is_an_event_line_a_skip_or_a_problem(head, lines, outlet):
    translated = translate_sale(head | {"line_items": lines}, outlet, READING)
    explained = {each.where for each in (*translated.problems, *translated.skipped)}
    is_whole_explained = any(place.count("/") <= 1 for place in explained)
    told_ids = {each.line_id for event in translated.events for each in event.lines}
    for index, each in enumerate(lines):
        line_id = line_name(each, index)
        is_told = any(place.startswith(f"/line_items/{index}") for place in explained) or line_id in told_ids
        assert is_told or is_whole_explained
    codec = topic_codec("pos.sales.v1")
    for event in translated.events:
        assert codec.decode(codec.encode(event.to_avro())) == event.to_avro()


@settings(max_examples=200)
@given(bent(record), st.sampled_from([HERE, ANYWHERE]))
def test_any_record_is_an_event_a_skip_or_a_problem(payload, outlet):
    translated = translate_inventory(payload, outlet, READING)
    assert len(translated.events) + len(translated.skipped) + len(translated.problems) == 1
