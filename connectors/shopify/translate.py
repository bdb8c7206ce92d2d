"""Shopify's orders, refunds and inventory levels to events. Pure.

The form is that of the REST resources Order, Refund and InventoryLevel, which webhooks carry
(shopify.dev/docs/api/admin-rest/latest/resources/order); what GraphQL answers is brought into it by `graphql`.

| Shopify | event |
|---|---|
| order | sale `order/{id}`, version `updated_at`: a line for each stocked line item, and a void of what was cancelled |
| refund | sale `refund/{id}` of returns: its time is its own, so that a count in between stands |
| inventory level | level `level/{location}/{item}`, version `updated_at` and the order within its second |

Only the fields named here are read, so names, addresses and notes go nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from connectors.contract import FieldRefused, SkipReason, StoreContext, Translated
from connectors.parsing.lines import text_of
from connectors.parsing.quantities import shorten
from connectors.vendor import echo
from connectors.vendor.collector import Collector, vendor_stock_line
from connectors.vendor.fields import (
    Json,
    ReadContext,
    identifier,
    inner,
    is_set,
    milli_of,
    number,
    object_of,
    objects,
    rounded_price,
    time_ms,
)
from connectors.vendor.sale_lines import SaleLines, found_at, line_name, servers_time_ms
from schemas.models.pos import Source, StockReport, StockReportKind

SYSTEM = "shopify"
_NOT_PAID = frozenset({"pending", "expired", "unpaid"})
_RESTOCK_KINDS = {
    "return": "return", "legacy_restock": "return", "cancel": "void", "no_restock": "return_not_restocked",
}  # fmt: skip
_MILLI = Decimal(1000)


@dataclass(frozen=True, slots=True)
class ShopifyShop:
    """The shop whose orders they are, by our configuration.

    location_id: the store's location at Shopify; None when the shop has one, so that everything is the store's.
    online_orders: orders without a location are the store's too.
    """

    store: StoreContext
    location_id: str | None = None
    online_orders: bool = False


def translate_webhook(
    topic: str,
    payload: Json,
    shop: ShopifyShop,
    received_at_ms: int,
    codes: Mapping[str, Mapping[str, str]],
    triggered_at_ms: int = 0,
) -> Translated:
    """The events of one webhook, by its X-Shopify-Topic and X-Shopify-Triggered-At."""
    reading = ReadContext(received_at_ms)
    resource = topic.partition("/")[0]
    if topic == "refunds/create":
        return translate_refund(payload, shop, reading)
    if resource == "orders" and "line_items" in payload:
        return translate_order(payload, shop, reading)
    if resource == "inventory_levels" and topic != "inventory_levels/disconnect":
        return translate_level(payload, shop, reading, codes, triggered_at_ms)
    collector = Collector()
    collector.skip("", SkipReason.no_content)
    return collector.done()


def translate_order(order: Json, shop: ShopifyShop, reading: ReadContext) -> Translated:
    """The sale, and a return for each of its refunds. Problems have JSON pointers into the order."""
    collector = Collector()
    with collector.at(""):
        _order(collector, "", order, shop, reading)
    return collector.done()


def translate_refund(refund: Json, shop: ShopifyShop, reading: ReadContext) -> Translated:
    """Translate what came back. The order is not at hand: its own update brings the rest."""
    collector = Collector()
    with collector.at(""):
        _refund(collector, "", refund, shop, reading, {}, is_ours=None)
    return collector.done()


def translate_level(
    level: Json,
    shop: ShopifyShop,
    reading: ReadContext,
    codes: Mapping[str, Mapping[str, str]],
    triggered_at_ms: int | None = None,
) -> Translated:
    """A system level: `available` is already net of Shopify's own commitments.

    codes: inventory item id → the code fields of its variant, as in the lines of orders. triggered_at_ms: of a webhook;
    None for a poll. Shopify's time of a change is a whole second, within which a till may sell more than once: the
    webhooks of one second are ordered by it, and a poll, which sees the end of the second, comes after them.
    """
    collector = Collector()
    with collector.at(""):
        _level(collector, level, shop, reading, codes, triggered_at_ms)
    return collector.done()


def variant_code(variant_id: str, sku: str) -> dict[str, str]:
    """The code fields of a line: the SKU; without one, the variant."""
    return {"sku": sku} if sku else {"item": f"variant-{variant_id}"}


def _order(collector: Collector, where: str, order: Json, shop: ShopifyShop, reading: ReadContext) -> None:
    order_id = identifier(order)
    if is_set(order, "test"):
        collector.skip(where, SkipReason.training)
        return
    if echo.is_ours(order.get("source_identifier")):
        collector.skip(where, SkipReason.echo)
        return
    is_ours = _is_ours(order, shop)
    lines = {str(line.get("id")): line for line in objects(order, "line_items") if isinstance(line, Mapping)}
    updated_at_ms = time_ms(order, "updated_at", shop.store.zone) or 0
    refunded: dict[str, int] = {}
    for index, each in enumerate(objects(order, "refunds")):
        with collector.at(f"{where}/refunds/{index}"):
            refund = object_of(each)
            _refund(
                collector,
                f"{where}/refunds/{index}",
                refund,
                shop,
                reading,
                lines,
                is_ours=is_ours,
                updated_at_ms=updated_at_ms,
            )
            for line in objects(refund, "refund_line_items"):
                line_id = text_of(object_of(line), "line_item_id")
                refunded[line_id] = refunded.get(line_id, 0) + milli_of(line, "quantity")
    if not is_ours:
        collector.skip(where, SkipReason.other_store)
        return
    _order_sale(collector, where, order, order_id, shop, reading, refunded)


def _order_sale(
    collector: Collector,
    where: str,
    order: Json,
    order_id: str,
    shop: ShopifyShop,
    reading: ReadContext,
    refunded: Mapping[str, int],
) -> None:
    created_at_ms = time_ms(order, "created_at", shop.store.zone)
    occurred_at_ms = time_ms(order, "processed_at", shop.store.zone) or created_at_ms
    if occurred_at_ms is None:
        raise FieldRefused("processed_at", "the order has neither processed_at nor created_at")
    occurred_at_ms = servers_time_ms(collector, where, occurred_at_ms, created_at_ms)
    status = text_of(order, "financial_status").lower()
    is_off = SkipReason.cancelled if text_of(order, "cancelled_at") else None
    is_off = is_off or (SkipReason.voided if status == "voided" else None)
    is_handed_over = text_of(order, "fulfillment_status").lower() in ("fulfilled", "partial")
    if status in _NOT_PAID and not is_handed_over and is_off is None:
        collector.skip(where, SkipReason.unpaid)
        return
    version = time_ms(order, "updated_at", shop.store.zone) or occurred_at_ms
    is_news = is_off is not None or is_set(order, "edited")
    if reading.was_reported(created_at_ms or occurred_at_ms, version) and not is_news:
        collector.skip(where, SkipReason.already_reported)
        return
    if is_off is not None:
        collector.skip(where, is_off)
    lines = SaleLines(collector, shop.store, order.get("currency"))
    for index, each in enumerate(objects(order, "line_items")):
        at, name = f"{where}/line_items/{index}", line_name(each, index)
        with lines.line(at, name, _told_item(each)):
            line = object_of(each)
            reason = _why_left_out(line)
            if reason is not None:
                lines.skip(at, reason)
                continue
            milli = milli_of(line, "quantity")
            _add(lines, at, name, "sale", line, milli)
            left = milli - refunded.get(name, 0)
            gone = left if is_off is not None and not is_handed_over else _removed_milli(order, line, left)
            if gone > 0:
                _add(lines, at, f"{name}/void", "void", line, gone)
    lines.keep_returned(refunded, objects(order, "line_items"))
    source = Source(system=SYSTEM, id=f"order/{order_id}", version=version)
    lines.publish(source, occurred_at_ms, reading, order.get("device_id"), lists=[order.get("line_items")])


def _removed_milli(order: Json, line: Json, left_milli: int) -> int:
    """The part of what refunds left of a line that was edited off the order."""
    if "refunds" not in order or line.get("current_quantity") is None:
        return 0
    return left_milli - milli_of(line, "current_quantity")


def _refund(
    collector: Collector,
    where: str,
    refund: Json,
    shop: ShopifyShop,
    reading: ReadContext,
    order_lines: Mapping[str, Json],
    *,
    is_ours: bool | None,
    updated_at_ms: int = 0,
) -> None:
    refund_id = identifier(refund)
    transactions = [each for each in objects(refund, "transactions") if isinstance(each, Mapping)]
    if transactions and all(is_set(each, "test") for each in transactions):
        collector.skip(where, SkipReason.training)
        return
    zone = shop.store.zone
    occurred_at_ms = time_ms(refund, "created_at", zone) or time_ms(refund, "processed_at", zone)
    if occurred_at_ms is None:
        raise FieldRefused("created_at", "the time is missing")
    if reading.was_reported(occurred_at_ms, updated_at_ms):
        collector.skip(where, SkipReason.already_reported)
        return
    returned = objects(refund, "refund_line_items")
    if not returned:
        collector.skip(where, SkipReason.unlinked)
    lines = SaleLines(collector, shop.store, next(filter(None, (each.get("currency") for each in transactions)), None))
    for index, each in enumerate(returned):
        at, name = f"{where}/refund_line_items/{index}", line_name(each, index)
        with lines.line(at, name, _told_item(found_at(each, "line_item"))):
            line = object_of(each)
            line_item = inner(line, "line_item") or order_lines.get(text_of(line, "line_item_id"), {})
            kind = _kind_of(line, refund)
            reason = _why_left_out(line_item, line) or _why_not_ours(line, kind, shop, is_ours)
            if reason is not None:
                lines.skip(at, reason)
                continue
            price = lines.price(at, lambda currency, line=line: _refunded_price(line, currency))  # type: ignore[misc]
            lines.add(at, name, _fields(kind, line_item, milli_of(line, "quantity"), price))
    lines.publish(Source(system=SYSTEM, id=f"refund/{refund_id}"), occurred_at_ms, reading)


def _level(
    collector: Collector,
    level: Json,
    shop: ShopifyShop,
    reading: ReadContext,
    codes: Mapping[str, Mapping[str, str]],
    triggered_at_ms: int | None,
) -> None:
    item_id, location_id = identifier(level, "inventory_item_id"), identifier(level, "location_id")
    if shop.location_id not in (None, location_id):
        collector.skip("", SkipReason.other_store)
        return
    if level.get("available") is None:
        collector.skip("", SkipReason.non_stock)
        return
    code = codes.get(item_id) or {"item": f"inventory-item-{item_id}"}
    fields = {**code, "quantity": level["available"]}
    line = vendor_stock_line(collector, "", fields, StockReportKind.level, shop.store.unit_words)
    as_of_ms = time_ms(level, "updated_at", shop.store.zone) or reading.received_at_ms
    within_second = 999 if triggered_at_ms is None else min(max(triggered_at_ms - as_of_ms, 0), 998)
    source = Source(system=SYSTEM, id=f"level/{location_id}/{item_id}", version=as_of_ms + within_second)
    collector.events.append(
        StockReport(
            pool=shop.store.pool, store=shop.store.id, source=source, occurred_at_ms=as_of_ms,
            recorded_at_ms=max(reading.received_at_ms, as_of_ms), kind=StockReportKind.level, lines=(line,),
        )
    )  # fmt: skip


def _is_ours(order: Json, shop: ShopifyShop) -> bool:
    if shop.location_id is None:
        return True
    location_id = text_of(order, "location_id")
    return location_id == shop.location_id if location_id else shop.online_orders


def _why_left_out(line_item: Json, quantities: Json | None = None) -> SkipReason | None:
    """The reason why a line moves no stock, or None. `quantities` has the quantity where that is another object."""
    if is_set(line_item, "gift_card"):
        return SkipReason.gift_card
    variant_id, sku = text_of(line_item, "variant_id"), text_of(line_item, "sku")
    if not variant_id and not sku:
        is_tip = line_item.get("tip") is not None or str(line_item.get("title")).strip().lower() == "tip"
        return SkipReason.tip if is_tip else SkipReason.non_stock
    # A product that is neither shipped nor counted is a service or a download.
    if line_item.get("requires_shipping") is False and not line_item.get("variant_inventory_management"):
        return SkipReason.non_stock
    if milli_of(line_item if quantities is None else quantities, "quantity") == 0:
        return SkipReason.not_moved
    return None


def _kind_of(line: Json, refund: Json) -> str:
    restock_type = text_of(line, "restock_type").lower()
    if not restock_type:  # before 2018 the refund as a whole said so
        return "return" if is_set(refund, "restock") else "return_not_restocked"
    kind = _RESTOCK_KINDS.get(restock_type)
    if kind is None:
        known = ", ".join(_RESTOCK_KINDS)
        raise FieldRefused("restock_type", f"{shorten(restock_type)} is none of {known}")
    if restock_type in ("return", "cancel") and "location_id" in line and not text_of(line, "location_id"):
        return "return_not_restocked"
    return kind


def _why_not_ours(line: Json, kind: str, shop: ShopifyShop, is_ours: bool | None) -> SkipReason | None:
    if shop.location_id is None:
        return None
    location_id = text_of(line, "location_id")
    if location_id:
        if location_id != shop.location_id:
            return SkipReason.other_store
        if kind == "void" and is_ours is not True:  # what our books never gave away does not come back
            return SkipReason.already_reported if is_ours is None else SkipReason.other_store
        return None
    return None if is_ours else SkipReason.other_store


def _add(lines: SaleLines, where: str, name: str, kind: str, line: Json, milli: int) -> None:
    price = lines.price(where, lambda currency: _price(line, milli, currency))
    lines.add(where, name, _fields(kind, line, milli, price))


def _told_item(line_item: object) -> Json:
    variant_id, sku = (str(found_at(line_item, name) or "") for name in ("variant_id", "sku"))
    return variant_code(variant_id, sku) if variant_id or sku else {}


def _fields(kind: str, line_item: Json, milli: int, price: Decimal | None) -> dict[str, object]:
    code = variant_code(text_of(line_item, "variant_id"), text_of(line_item, "sku"))
    return {**code, "kind": kind, "quantity": Decimal(milli).scaleb(-3), "price": price}


def _refunded_price(line: Json, currency: str) -> Decimal | None:
    amount = number(line, "subtotal")
    return None if amount is None else rounded_price(abs(amount), currency)


def _price(line: Json, milli: int, currency: str) -> Decimal | None:
    """The price of `milli` of it: unit price less its share of the line's discounts; taxes as the shop has them."""
    unit_price = number(line, "price")
    if unit_price is None:
        return None
    discounts = [number(object_of(each), "amount") for each in objects(line, "discount_allocations")]
    discount = sum((each for each in discounts if each is not None), Decimal(0))
    whole = milli_of(line, "quantity")
    return rounded_price((unit_price * whole / _MILLI - discount) * milli / whole, currency)
