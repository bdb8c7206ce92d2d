"""Whatever of an order's history arrives, in any order and however often, the books end where the vendor's do."""

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.shopify.translate import ShopifyShop, translate_order, translate_refund
from connectors.vendor.fields import ReadContext
from connectors.woocommerce import translate as woocommerce
from schemas.codec import topic_codec
from schemas.models.config import CodeMapping, PoolSettings, StoreSettings
from schemas.topics import POS_SALES
from tests.support.connectors import GROCER
from tests.support.pool import MILK, PoolBench
from tests.support.rigs.shopify import rfc3339
from tests.support.rigs.woocommerce import gmt
from tests.support.translated import exact

AT_MS = 1_772_374_440_000
READING = ReadContext(AT_MS + 600_000)
SHOPS = [ShopifyShop(GROCER), ShopifyShop(GROCER, location_id="16")]
LINES = st.lists(st.integers(1, 5), min_size=1, max_size=3)


@st.composite
def histories(draw, kinds):
    """(quantities of the lines, refunds as (line, quantity, kind), whether it is called off in the end)."""
    quantities = draw(LINES)
    left = list(quantities)
    refunds = []
    for line in draw(st.lists(st.integers(0, len(quantities) - 1), max_size=4)):
        if left[line]:
            quantity = draw(st.integers(1, left[line]))
            left[line] -= quantity
            refunds.append((line, quantity, draw(st.sampled_from(kinds))))
    return quantities, refunds, draw(st.booleans())


def in_any_order(draw, messages, last):
    """Some of the messages, some of them twice, and the last one somewhere among them."""
    told = draw(st.lists(st.sampled_from(messages), max_size=8))
    return draw(st.permutations([*told, last]))


def on_hand(events):
    bench = PoolBench()
    bench.configure(PoolSettings(name="North"))
    bench.configure(StoreSettings(store=GROCER.id, name="Grocer"))
    bench.stock_item(MILK)
    for code in {line.code for event in events for line in event.lines}:
        bench.configure(CodeMapping(code=code, sku=MILK))
    for event in events:
        bench.put(POS_SALES.name, topic_codec(POS_SALES.name).encode(event.to_avro()), READING.received_at_ms)
    assert bench.reasons() == []
    return bench.on_hand(MILK, GROCER.id)


def shopify_refund(number, line, quantity, kind):
    return {
        "id": number, "created_at": rfc3339(AT_MS + number * 1000), "refund_line_items": [{
            "id": 100 + number, "line_item_id": line, "quantity": quantity, "restock_type": kind, "location_id": 16,
            "line_item": {"id": line, "sku": f"item-{line}", "quantity": 9},
        }],
    }  # fmt: skip


def shopify_order(quantities, refunds, *, is_off):
    """The order as it stands after `refunds`."""
    gone = [sum(quantity for line, quantity, _ in refunds if line == at) for at in range(len(quantities))]
    return {
        "id": 1, "location_id": 16, "created_at": rfc3339(AT_MS), "processed_at": rfc3339(AT_MS),
        "financial_status": "paid",
        "updated_at": rfc3339(AT_MS + (len(refunds) + is_off) * 1000), "fulfillment_status": None,
        "cancelled_at": rfc3339(AT_MS + 60_000) if is_off else None,
        "refunds": [shopify_refund(number, *refund) for number, refund in enumerate(refunds, 1)],
        "line_items": [
            {
                "id": at, "sku": f"item-{at}", "quantity": quantity, "price": "1.99",
                "current_quantity": 0 if is_off else quantity - gone[at],
            }
            for at, quantity in enumerate(quantities)
        ],
    }  # fmt: skip


@settings(max_examples=60)
@given(st.data(), histories(["return", "cancel", "no_restock"]), st.sampled_from(SHOPS))
def test_an_order_at_shopify_ends_alike_however_it_is_told(data, history, shop):
    quantities, refunds, is_off = history
    states = [shopify_order(quantities, refunds[:count], is_off=False) for count in range(len(refunds) + 1)]
    alone = [shopify_refund(number, *refund) for number, refund in enumerate(refunds, 1)]
    last = shopify_order(quantities, refunds, is_off=is_off)
    events = []
    for message in in_any_order(data.draw, [*states, *alone, last], last):
        translate = translate_order if "line_items" in message else translate_refund
        translated = translate(exact(message), shop, READING)
        assert translated.problems == ()
        events += translated.events
    kept = sum(quantity for _, quantity, kind in refunds if kind == "no_restock")
    still_out = kept if is_off else sum(quantities) - sum(quantity for _, quantity, _ in refunds) + kept
    assert on_hand(events) == -1000 * still_out


def woocommerce_state(quantities, refunds, *, is_off):
    """(the order, its refunds in full) after `refunds`, with the notes that WooCommerce makes of the stock it keeps."""
    back = [
        sum(quantity for line, quantity, kind in refunds if (line, kind) == (at, "restock"))
        for at in range(len(quantities))
    ]
    order = {
        "id": 1, "status": "cancelled" if is_off else "processing", "date_created_gmt": gmt(AT_MS),
        "date_paid_gmt": gmt(AT_MS), "date_modified_gmt": gmt(AT_MS + (len(refunds) + is_off) * 1000),
        "refunds": [{"id": 10 + number} for number in range(len(refunds))],
        "line_items": [
            {
                "id": at, "product_id": 90 + at, "sku": f"item-{at}", "quantity": quantity, "total": "1.99",
                "meta_data": [
                    *([{"key": "_restock_refunded_items", "value": str(back[at])}] if back[at] else []),
                    *([] if is_off else [{"key": "_reduced_stock", "value": str(quantity - back[at])}]),
                ],
            }
            for at, quantity in enumerate(quantities)
        ],
    }  # fmt: skip
    told = [
        {
            "id": 10 + number, "date_created_gmt": gmt(AT_MS + number * 1000), "line_items": [{
                "id": 50 + number, "product_id": 90 + line, "sku": f"item-{line}", "quantity": -quantity,
                "meta_data": [{"key": "_refunded_item_id", "value": str(line)}],
            }],
        }
        for number, (line, quantity, _) in enumerate(refunds)
    ]  # fmt: skip
    return order, told


@settings(max_examples=60)
@given(st.data(), histories(["restock", "keep"]))
def test_an_order_at_woocommerce_ends_alike_however_it_is_told(data, history):
    quantities, refunds, is_off = history
    states = [woocommerce_state(quantities, refunds[:count], is_off=False) for count in range(len(refunds) + 1)]
    last = woocommerce_state(quantities, refunds, is_off=is_off)
    events = []
    for order, in_full in in_any_order(data.draw, [*states, last], last):
        translated = woocommerce.translate_order(exact(order), [exact(each) for each in in_full], GROCER, READING)
        assert translated.problems == ()
        events += translated.events
    back = sum(quantity for _, quantity, kind in refunds if kind == "restock")
    still_out = 0 if is_off else sum(quantities) - back
    assert on_hand(events) == -1000 * still_out
