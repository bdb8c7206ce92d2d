"""Shopify's orders, refunds and levels to events."""

import json
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import SkipReason, StoreContext
from connectors.shopify.translate import (
    ShopifyShop,
    translate_level,
    translate_order,
    translate_refund,
    translate_webhook,
)
from connectors.vendor.fields import ReadContext
from connectors.vendor.sale_lines import line_name
from schemas.codec import topic_codec
from schemas.models.base import LINES_MAX
from schemas.models.pos import Sale
from tests.support.translated import CANARY, LEAVES, bent, exact, moved, places, skips

PAYLOADS = Path(__file__).parents[2] / "payloads" / "shopify"
GROCER = StoreContext("north", "grocer-7", ZoneInfo("America/New_York"), "USD")
SHOP = ShopifyShop(GROCER)
AT_16 = ShopifyShop(GROCER, location_id="16")
NOW_MS = 1_772_400_000_000
READING = ReadContext(NOW_MS)


def line(**changes):
    return {
        "id": 11, "variant_id": 808, "product_id": 632, "sku": "MILK-1L", "title": "Milk", "quantity": 2,
        "price": "1.99", "requires_shipping": True, "gift_card": False, "variant_inventory_management": "shopify",
    } | changes  # fmt: skip


def order(**changes):
    return {
        "id": 450789469, "created_at": "2026-03-01T09:15:00-05:00", "processed_at": "2026-03-01T09:14:00-05:00",
        "updated_at": "2026-03-01T09:15:02-05:00", "cancelled_at": None, "financial_status": "paid",
        "fulfillment_status": "fulfilled", "source_name": "pos", "location_id": 16, "device_id": 7, "currency": "USD",
        "test": False, "line_items": [line()], "refunds": [],
    } | changes  # fmt: skip


def refund(*lines, **changes):
    return {
        "id": 509, "order_id": 450789469, "created_at": "2026-03-02T10:00:00-05:00", "refund_line_items": list(lines),
    } | changes  # fmt: skip


def refund_line(**changes):
    return {
        "id": 71, "line_item_id": 11, "quantity": 1, "location_id": 16, "restock_type": "return", "subtotal": 1.99,
        "line_item": line(),
    } | changes  # fmt: skip


def told(payload, shop=SHOP, reading=READING):
    return translate_order(exact(payload), shop, reading)


@pytest.mark.parametrize("junk", ["", "x" * 101, "12\ud83c"])
def test_junk_for_the_line_that_a_refund_names_costs_no_sale(junk):
    gone = told(order(refunds=[refund(refund_line(line_item_id="12")), refund(refund_line(line_item_id=junk), id=510)]))
    sale = next(event for event in gone.events if event.source.id.startswith("order/"))
    assert (len(sale.lines), sale.unread_lines) == (1, ("12",))


def test_junk_for_the_id_of_a_line_that_cannot_be_used_costs_no_sale():
    (sale,) = told(order(line_items=[line(), line(id="12\ud83c", quantity="two")])).events
    assert (len(sale.lines), sale.unread_lines) == (1, ("*",))


def test_an_order_becomes_a_sale_named_and_timed_by_shopify():
    (sale,) = told(order()).events
    assert (sale.id, sale.pool, sale.till, sale.currency) == (
        "grocer-7/shopify/order/450789469@1772374502000", "north", "7", "USD",
    )  # fmt: skip
    assert (sale.occurred_at_ms, sale.recorded_at_ms) == (1772374440000, NOW_MS)
    assert [(each.line_id, each.code, each.quantity_milli, each.price_minor) for each in sale.lines] == [
        ("11", "sku:MILK-1L", 2000, 398)
    ]


def test_a_line_without_a_sku_is_named_by_its_variant():
    assert moved(told(order(line_items=[line(sku="")]))) == [("11", "sale", "item:variant-808", 2000)]


def test_a_price_is_less_the_lines_discounts():
    discounted = line(price="2.50", quantity=3, discount_allocations=[{"amount": "0.333"}, {"amount": 0.5}])
    assert told(order(line_items=[discounted])).events[0].lines[0].price_minor == 667


@pytest.mark.parametrize(("quantity", "milli"), [("2", 2000), (0.485, 485), ("0.485", 485), (12.5, 12_500), (3, 3000)])
def test_quantities_may_be_strings_or_decimals_and_stay_exact(quantity, milli):
    assert moved(told(order(line_items=[line(quantity=quantity)])))[0][3] == milli


def test_two_hundred_lines_and_one_bad_one_are_two_hundred_lines():
    lines = [line(id=n, quantity=f"{n}.125") for n in range(1, 201)] + [line(id=201, quantity="many")]
    translated = told(order(line_items=lines))
    assert len(translated.events[0].lines) == 200
    assert sum(each.quantity_milli for each in translated.events[0].lines) == sum(1000 * n + 125 for n in range(1, 201))
    assert places(translated) == ["/line_items/200/quantity"]


def test_more_lines_than_an_event_holds_come_back():
    lines = [line(id=n) for n in range(LINES_MAX + 1)]
    translated = told(order(line_items=lines))
    assert (translated.events, places(translated)) == ((), ["/lines"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gift_card": True}, SkipReason.gift_card),
        ({"variant_id": None, "sku": None, "title": "Tip"}, SkipReason.tip),
        ({"variant_id": None, "sku": "", "title": "Engraving"}, SkipReason.non_stock),
        ({"requires_shipping": False, "variant_inventory_management": None}, SkipReason.non_stock),
        ({"quantity": 0}, SkipReason.not_moved),
    ],
)
def test_what_is_no_stock_is_left_out_with_a_reason(changes, reason):
    translated = told(order(line_items=[line(**changes), line(id=12)]))
    assert [each[0] for each in moved(translated)] == ["12"]
    assert (skips(translated), translated.problems) == ([("/line_items/0", reason)], ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"test": True}, SkipReason.training),
        ({"financial_status": "pending", "fulfillment_status": None}, SkipReason.unpaid),
    ],
)
def test_what_is_no_sale_yet_or_never_is_left_out_whole(changes, reason):
    translated = told(order(refunds=[], **changes))
    assert (translated.events, skips(translated), translated.problems) == ((), [("", reason)], ())


def test_goods_taken_away_before_they_are_paid_are_sold():
    assert moved(told(order(financial_status="pending"))) == [("11", "sale", "sku:MILK-1L", 2000)]


@pytest.mark.parametrize("changes", [{"cancelled_at": "2026-03-01T10:00:00-05:00"}, {"financial_status": "voided"}])
def test_a_cancelled_order_gives_back_what_no_refund_does(changes):
    kept_back = refund(refund_line(quantity=1, restock_type="cancel"))
    whole = told(order(fulfillment_status=None, **changes))
    partly = told(order(fulfillment_status=None, refunds=[kept_back], **changes))
    assert [each[1:] for each in moved(whole)] == [("sale", "sku:MILK-1L", 2000), ("void", "sku:MILK-1L", 2000)]
    assert sorted(each[1:] for each in moved(partly)) == [
        ("sale", "sku:MILK-1L", 2000), ("void", "sku:MILK-1L", 1000), ("void", "sku:MILK-1L", 1000),
    ]  # fmt: skip
    assert [skip.reason for skip in whole.skipped] in ([SkipReason.cancelled], [SkipReason.voided])


def test_what_was_edited_off_an_order_is_void_and_what_was_refunded_is_not_void_twice():
    edited = told(order(line_items=[line(quantity=5, current_quantity=3)]))
    assert moved(edited) == [("11", "sale", "sku:MILK-1L", 5000), ("11/void", "void", "sku:MILK-1L", 2000)]
    refunded = told(order(line_items=[line(quantity=5, current_quantity=4)], refunds=[refund(refund_line())]))
    assert moved(refunded) == [("71", "return", "sku:MILK-1L", 1000), ("11", "sale", "sku:MILK-1L", 5000)]


def test_a_revision_has_a_higher_version_and_the_same_name():
    first, second = told(order()), told(order(updated_at="2026-03-01T09:15:03-05:00", line_items=[line(quantity=1)]))
    assert first.events[0].source.id == second.events[0].source.id
    assert first.events[0].source.version < second.events[0].source.version


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"restock_type": "return"}, "return"), ({"restock_type": "RETURN"}, "return"),
        ({"restock_type": "legacy_restock", "location_id": None}, "return"), ({"restock_type": "cancel"}, "void"),
        ({"restock_type": "no_restock", "location_id": None}, "return_not_restocked"),
        ({"restock_type": "return", "location_id": None}, "return_not_restocked"),
    ],
)  # fmt: skip
def test_a_refund_restocks_what_shopify_says_it_restocked(changes, kind):
    translated = translate_refund(exact(refund(refund_line(**changes))), SHOP, READING)
    assert moved(translated) == [("71", kind, "sku:MILK-1L", 1000)]
    assert (translated.events[0].source.id, translated.events[0].occurred_at_ms) == ("refund/509", 1772463600000)


def test_a_refund_says_the_same_alone_and_in_its_order():
    bare = refund_line()
    del bare["line_item"]
    alone = translate_refund(exact(refund(refund_line())), AT_16, READING)
    within = told(order(refunds=[refund(bare)]), AT_16)
    assert alone.events[0] == within.events[0]


def test_a_refund_of_money_alone_moves_nothing():
    translated = translate_refund(exact(refund()), SHOP, READING)
    assert (translated.events, skips(translated)) == ((), [("", SkipReason.unlinked)])


def test_a_refund_with_an_unknown_restock_type_comes_back():
    translated = translate_refund(exact(refund(refund_line(restock_type="eaten"))), SHOP, READING)
    assert (translated.events, places(translated)) == ((), ["/refund_line_items/0/restock_type"])


def test_a_store_with_a_location_takes_what_was_sold_there():
    there, elsewhere, online = order(), order(location_id=17), order(location_id=None)
    sold = [len(told(each, AT_16).events) for each in (there, elsewhere, online)]
    ships = ShopifyShop(GROCER, location_id="16", online_orders=True)
    assert (sold, len(told(online, ships).events)) == ([1, 0, 0], 1)
    assert skips(told(elsewhere, AT_16)) == [("", SkipReason.other_store)]


def test_goods_bought_elsewhere_and_returned_here_are_here():
    translated = told(order(location_id=17, refunds=[refund(refund_line(location_id=16))]), AT_16)
    assert moved(translated) == [("71", "return", "sku:MILK-1L", 1000)]


def test_goods_returned_elsewhere_are_not_here():
    translated = told(order(refunds=[refund(refund_line(location_id=17))]), AT_16)
    assert moved(translated) == [("11", "sale", "sku:MILK-1L", 2000)]


def test_what_only_the_order_can_tell_is_left_to_it():
    cancelled = refund(refund_line(restock_type="cancel"))
    alone = translate_refund(exact(cancelled), AT_16, READING)
    assert (alone.events, skips(alone)) == ((), [("/refund_line_items/0", SkipReason.already_reported)])
    assert ("71", "void", "sku:MILK-1L", 1000) in moved(told(order(refunds=[cancelled]), AT_16))
    assert moved(told(order(location_id=None, refunds=[cancelled]), AT_16)) == []


def test_an_old_order_that_is_updated_tells_only_its_news():
    old = {"updated_at": "2026-03-20T09:15:00Z"}
    back = refund(refund_line(), created_at="2026-03-20T09:14:59Z")
    assert moved(told(order(refunds=[back], **old))) == [("71", "return", "sku:MILK-1L", 1000)]
    assert skips(told(order(refunds=[refund(refund_line())], **old))) == [
        ("/refunds/0", SkipReason.already_reported), ("", SkipReason.already_reported),
    ]  # fmt: skip
    assert len(moved(told(order(edited=True, **old)))) == 1
    assert len(moved(told(order(cancelled_at="2026-03-20T00:00:00Z", **old)))) == 1


def test_a_poll_that_begins_before_an_old_order_tells_it():
    old = order(updated_at="2026-03-20T09:15:00Z")
    assert len(moved(told(old, reading=ReadContext(NOW_MS, from_ms=1772370000000)))) == 1
    assert len(moved(told(old, reading=ReadContext(NOW_MS, from_ms=1772470000000)))) == 0


def level(**changes):
    return {
        "inventory_item_id": 808950810, "location_id": 16, "available": 6, "updated_at": "2026-03-01T15:51:26-05:00",
    } | changes  # fmt: skip


def test_a_level_is_a_level_and_never_a_count():
    (report,) = translate_level(exact(level()), SHOP, READING, {"808950810": {"sku": "MILK-1L"}}).events
    assert (report.kind.value, report.id) == ("level", "grocer-7/shopify/level/16/808950810@1772398286999")
    assert (report.occurred_at_ms, report.lines[0].code, report.lines[0].quantity_milli) == (
        1772398286000, "sku:MILK-1L", 6000,
    )  # fmt: skip


def test_levels_of_one_second_are_ordered_by_their_webhooks_and_the_poll_comes_last():
    told = [translate_level(exact(level()), SHOP, READING, {}, at_ms) for at_ms in (0, 1772398286123, 1772398299999)]
    versions = [each.events[0].source.version for each in [*told, translate_level(exact(level()), SHOP, READING, {})]]
    assert [version - 1772398286000 for version in versions] == [0, 123, 998, 999]


def test_a_level_below_zero_stands_and_one_that_nobody_counts_is_left_out():
    assert translate_level(exact(level(available="-2")), SHOP, READING, {}).events[0].lines[0].quantity_milli == -2000
    assert skips(translate_level(exact(level(available=None)), SHOP, READING, {})) == [("", SkipReason.non_stock)]
    assert skips(translate_level(exact(level(location_id=17)), AT_16, READING, {})) == [("", SkipReason.other_store)]


@pytest.mark.parametrize(
    ("topic", "payload", "events"),
    [
        ("orders/create", order(), 1), ("orders/paid", order(), 1), ("orders/updated", order(), 1),
        ("refunds/create", refund(refund_line()), 1), ("inventory_levels/update", level(), 1),
        ("inventory_levels/connect", level(), 1), ("inventory_levels/disconnect", level(), 0),
        ("orders/delete", {"id": 5}, 0), ("products/update", {"id": 5}, 0), ("", {}, 0),
    ],
)  # fmt: skip
def test_a_webhook_is_read_by_its_topic(topic, payload, events):
    translated = translate_webhook(topic, exact(payload), SHOP, NOW_MS, {})
    assert (len(translated.events), len(translated.skipped), translated.problems) == (events, 1 - events, ())


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"id": None}, "/id"), ({"id": {}}, "/id"), ({"line_items": 7}, "/line_items"), ({"refunds": "x"}, "/refunds"),
        ({"processed_at": None, "created_at": None}, "/processed_at"), ({"processed_at": "soon"}, "/processed_at"),
        ({"line_items": ["x"]}, "/line_items/0"),
        ({"line_items": [line(quantity=None)]}, "/line_items/0/quantity"),
        ({"refunds": [5]}, "/refunds/0"),
        ({"line_items": [line(sku="\x00")]}, "/line_items/0/sku"), ({"financial_status": []}, "/financial_status"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_says_where(changes, place):
    translated = told(order(**changes))
    assert places(translated) == [place]


def test_missing_optional_parts_are_no_fault():
    bare = {"id": 1, "created_at": "2026-03-01T09:15:00Z", "line_items": [{"id": 2, "sku": "A", "quantity": 1}]}
    translated = told(bare)
    assert (moved(translated), translated.problems) == ([("2", "sale", "sku:A", 1000)], ())


def test_personal_data_goes_nowhere():
    person = {
        "email": CANARY, "phone": CANARY, "note": CANARY, "name": CANARY, "customer": {"first_name": CANARY},
        "billing_address": {"name": CANARY}, "note_attributes": [{"name": CANARY, "value": CANARY}],
        "client_details": {"browser_ip": CANARY}, "payment_details": {"credit_card_number": CANARY},
    }  # fmt: skip
    engraved = line(properties=[{"name": "engraving", "value": CANARY}], title=CANARY, name=CANARY, vendor=CANARY)
    returned = refund(refund_line(line_item=engraved), note=CANARY)
    translated = told(order(line_items=[engraved, line(id=12, quantity="x")], refunds=[returned], **person))
    assert (len(moved(translated)), len(translated.problems)) == (2, 1)
    assert CANARY not in repr(translated)


TOPICS = {"order": "orders/updated", "refund": "refunds/create", "inventory_level": "inventory_levels/update"}
CODES = {"808950810": {"sku": "IPOD2008PINK"}}


def came_out(name):
    """What became of one of Shopify's files: event lines, skips, problems. A file holds one resource or a list."""
    document = json.loads((PAYLOADS / name).read_text(), parse_float=Decimal)
    ((kind, found),) = document.items() if isinstance(document, dict) else [("products", document)]
    resources = found if isinstance(found, list) else [found]
    out = [translate_webhook(TOPICS.get(kind.rstrip("s"), kind), each, SHOP, NOW_MS, CODES) for each in resources]
    return (
        [each for one in out for each in moved(one)],
        [skip.reason for one in out for skip in one.skipped],
        [place for one in out for place in places(one)],
    )


GREEN, PINK = "item:inventory-item-39072856", "sku:IPOD2008PINK"
IPODS = ["sku:IPOD2008GREEN", "sku:IPOD2008RED", "sku:IPOD2008BLACK"]


def left_out(count):
    return [], [SkipReason.no_content] * count, []


OUTCOMES = {
    "inventory_item.json": left_out(1),
    "inventory_items.json": left_out(3),
    "inventory_level.json": ([("1", "level", PINK, 6000)], [], []),
    "inventory_levels.json": (
        [("1", "level", code, milli) for code, milli in ((GREEN, 27000), (PINK, 1000), (PINK, 9000), (GREEN, 3000))],
        [], [],
    ),
    "location.json": left_out(1),
    "location_inventory_levels.json": ([("1", "level", GREEN, 27000), ("1", "level", PINK, 9000)], [], []),
    "locations.json": left_out(2),
    "order.json": (
        [
            ("466157049", "sale", IPODS[0], 1000), ("518995019", "sale", IPODS[1], 1000),
            ("703073504", "sale", IPODS[2], 1000),
        ], [], [],
    ),
    "orders.json": left_out(1),  # this example of an order has no lines
    "product.json": left_out(1),
    "products.json": left_out(4),
    "refund.json": ([("104689539", "return", IPODS[2], 1000), ("709875399", "return", IPODS[0], 1000)], [], []),
    "variant.json": left_out(1),
    "variants.json": left_out(4),
}  # fmt: skip


def test_every_file_of_shopifys_comes_out_as_listed():
    outcomes = {path.name: came_out(path.name) for path in PAYLOADS.glob("*.json")}
    print("\n".join(f"{name}: {outcome}" for name, outcome in sorted(outcomes.items())))
    assert outcomes == OUTCOMES


LINES = st.one_of(LEAVES, bent(line))
REFUND_LINES = st.one_of(LEAVES, bent(refund_line), st.builds(lambda inner: refund_line(line_item=inner), LINES))
REFUNDS = st.one_of(
    LEAVES,
    st.builds(
        lambda lines, head: head | {"refund_line_items": lines}, st.lists(REFUND_LINES, max_size=3), bent(refund)
    ),
)
ORDERS = st.builds(
    lambda head, lines, refunds: head | {"line_items": lines, "refunds": refunds},
    bent(order), st.lists(LINES, max_size=4), st.lists(REFUNDS, max_size=2),
)  # fmt: skip


@settings(max_examples=400)
@given(ORDERS, st.sampled_from([SHOP, AT_16]))
def test_whatever_comes_every_line_is_an_event_line_a_skip_or_a_problem(payload, shop):
    translated = translate_order(payload, shop, READING)
    explained = {each.where for each in (*translated.problems, *translated.skipped)}
    is_whole_explained = any(place.count("/") <= 1 for place in explained)
    sold = {each.line_id for event in translated.events if event.source.id.startswith("order/") for each in event.lines}
    for index, each in enumerate(payload["line_items"]):
        line_id = line_name(each, index)
        is_told = any(place.startswith(f"/line_items/{index}") for place in explained) or line_id in sold
        assert is_told or is_whole_explained
    for event in translated.events:
        codec = topic_codec("pos.sales.v1" if isinstance(event, Sale) else "pos.stock.v1")
        assert codec.decode(codec.encode(event.to_avro())) == event.to_avro()


@settings(max_examples=200)
@given(bent(level))
def test_any_level_is_an_event_a_skip_or_a_problem(payload):
    translated = translate_level(payload, AT_16, READING, {})
    assert len(translated.events) + len(translated.skipped) + len(translated.problems) == 1


@settings(max_examples=200)
@given(
    st.sampled_from(["orders/create", "refunds/create", "inventory_levels/update", "x"]),
    st.dictionaries(st.text(max_size=12), LEAVES),
)
def test_any_object_under_any_topic_is_answered(topic, payload):
    translated = translate_webhook(topic, payload, SHOP, NOW_MS, {})
    assert len(translated.events) + len(translated.skipped) + len(translated.problems) >= 1
