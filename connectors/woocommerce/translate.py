"""WooCommerce's orders, refunds and products to events. Pure.

Source: REST API v3 (woocommerce.github.io/woocommerce-rest-api-docs), which webhooks carry too.

| WooCommerce | event |
|---|---|
| order | sale `order/{id}`, version `date_modified_gmt`: a line for each stocked line item; voids once cancelled |
| refund | sale `refund/{id}` of returns at their own time, version that of the order |
| product, variation | level `level/{id}`: the shop's own count when it is reported |

Only the fields named here are read, so names, addresses and notes go nowhere.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from connectors.contract import FieldRefused, SkipReason, StoreContext, Translated
from connectors.parsing.lines import sale_line, stock_line, text_of
from connectors.vendor.collector import Collector
from connectors.vendor.echo import is_ours
from connectors.vendor.fields import (
    UTC_ZONE,
    Json,
    ReadContext,
    identifier,
    is_set,
    milli_of,
    number,
    object_of,
    objects,
    rounded_price,
    time_ms,
)
from schemas.models.pos import Sale, SaleLine, Source, StockReport, StockReportKind

SYSTEM = "woocommerce"
REFERENCE = "commonshelf_reference"
"""The note by which an order that we made is known."""
_SOLD = frozenset({"processing", "completed", "on-hold", "refunded"})
"""From these on, WooCommerce has taken the goods off its own stock."""
_NOT_YET = frozenset({"pending", "checkout-draft", "auto-draft", "draft", "new"})
_OFF = {
    "cancelled": SkipReason.cancelled, "canceled": SkipReason.cancelled, "failed": SkipReason.cancelled,
    "trash": SkipReason.voided,
}  # fmt: skip
_GIFT_CARDS = ("gift_card", "giftcard", "gift-card")


def translate_order(
    order: Json, refunds: Sequence[object], store: StoreContext, reading: ReadContext, virtual: Collection[str] = ()
) -> Translated:
    """The sale, and a return for each of `refunds`, the order's refunds in full: the order only names them.

    virtual: ids of products that are no goods, which the order does not tell.
    """
    collector = Collector()
    with collector.at(""):
        _order(collector, order, refunds, store, reading, virtual)
    return collector.done()


def translate_product(product: Json, store: StoreContext, reading: ReadContext, *, is_level: bool = True) -> Translated:
    """A system level as of now: `date_modified` does not move when a sale moves the stock.

    is_level: whether the quantity says what lies there; not while we take goods out there ourselves.
    """
    collector = Collector()
    if not is_level:
        collector.skip("", SkipReason.echo)
        return collector.done()
    with collector.at(""):
        _product(collector, product, store, reading)
    return collector.done()


def product_code(product_id: str, sku: str) -> dict[str, str]:
    """The code fields of a line: the SKU; without one, the variation or product."""
    return {"sku": sku} if sku else {"item": f"product-{product_id}"}


def product_ids(order: Json) -> set[str]:
    """The products and variations that the order's lines name."""
    lines = [line for line in order.get("line_items") or () if isinstance(line, Mapping)]
    ids = {str(line.get(name)) for line in lines for name in ("product_id", "variation_id")}
    return {each for each in ids if each.isdigit() and each != "0"}


def _order(
    collector: Collector,
    order: Json,
    refunds: Sequence[object],
    store: StoreContext,
    reading: ReadContext,
    virtual: Collection[str],
) -> None:
    order_id = identifier(order)
    if is_ours(notes_of(order).get(REFERENCE)):
        collector.skip("", SkipReason.echo)
        return
    status = text_of(order, "status").lower().removeprefix("wc-")
    currency = text_of(order, "currency") or store.currency
    paid_at_ms = _time_ms(order, "date_paid", store)
    occurred_at_ms = paid_at_ms or _time_ms(order, "date_created", store)
    if occurred_at_ms is None:
        raise FieldRefused("date_created_gmt", "the order has neither date_paid nor date_created")
    version = _time_ms(order, "date_modified", store) or occurred_at_ms
    lines = objects(order, "line_items")
    for name in ("fee_lines", "shipping_lines"):
        for index, _ in enumerate(objects(order, name)):
            collector.skip(f"/{name}/{index}", SkipReason.fee)
    restocked = _Restocked(lines)
    _refunds(collector, refunds, restocked, currency, version, store, reading, virtual)
    is_off = _OFF.get(status)
    if is_off is None and status not in _SOLD and paid_at_ms is None:  # a status of some plugin's may be either
        collector.skip("", SkipReason.unpaid)
        return
    if is_off is None and status in _NOT_YET:
        is_off = SkipReason.unpaid
    created_at_ms = _time_ms(order, "date_created", store) or occurred_at_ms
    if reading.was_reported(max(created_at_ms, occurred_at_ms), version) and is_off is None:
        collector.skip("", SkipReason.already_reported)
        return
    if is_off is not None and objects(order, "refunds") and not refunds:  # only they tell what is left to take back
        collector.skip("", SkipReason.already_reported)
        return
    if is_off is not None:
        collector.skip("", is_off)
    sale_lines: list[SaleLine] = []
    for index, each in enumerate(lines):
        with collector.at(f"/line_items/{index}"):
            line = object_of(each)
            reason = _why_left_out(line, virtual)
            if reason is not None:
                collector.skip(f"/line_items/{index}", reason)
                continue
            line_id, milli = identifier(line), milli_of(line, "quantity")
            sale_lines.append(_line(line_id, "sale", line, milli, currency))
            left = milli - restocked.back_milli.get(line_id, 0)
            if is_off is not None and left > 0:
                sale_lines.append(_line(f"{line_id}/void", "void", line, left, currency))
    if sale_lines:
        collector.events.append(
            Sale(
                pool=store.pool, store=store.id,
                source=Source(system=SYSTEM, id=f"order/{order_id}", version=version), occurred_at_ms=occurred_at_ms,
                recorded_at_ms=max(reading.received_at_ms, occurred_at_ms), currency=currency, lines=tuple(sale_lines),
            )
        )  # fmt: skip


class _Restocked:
    """The part of what refunds name that went back to the shelf.

    WooCommerce notes on each line of the order how much of it was restocked, in all refunds together; a line without
    any note of its stock is one whose stock it does not keep, and then its default is meant.
    """

    def __init__(self, lines: Sequence[object]) -> None:
        self.back_milli: dict[str, int] = {}
        """By the order's lines, so far."""
        self._left: dict[str, int] = {}
        for each in lines:
            if not isinstance(each, Mapping):
                continue
            notes = notes_of(each)
            if "_restock_refunded_items" in notes:
                self._left[str(each.get("id"))] = milli_of(notes, "_restock_refunded_items")
            elif "_reduced_stock" in notes:
                self._left[str(each.get("id"))] = 0

    def take(self, line_id: str, milli: int) -> int:
        """The part of `milli`, come back of a line of the order, that went to the shelf."""
        taken = min(milli, self._left.get(line_id, milli))
        if line_id in self._left:
            self._left[line_id] -= taken
        self.back_milli[line_id] = self.back_milli.get(line_id, 0) + taken
        return taken


def _refunds(
    collector: Collector,
    refunds: Sequence[object],
    restocked: _Restocked,
    currency: str,
    version: int,
    store: StoreContext,
    reading: ReadContext,
    virtual: Collection[str],
) -> None:
    in_order = sorted(enumerate(refunds), key=lambda each: (_sort_id(each[1]), each[0]))
    for index, each in in_order:
        where = f"/refunds/{index}"
        with collector.at(where):
            refund = object_of(each)
            refund_id = identifier(refund)
            occurred_at_ms = _time_ms(refund, "date_created", store)
            if occurred_at_ms is None:
                raise FieldRefused("date_created_gmt", "the time is missing")
            lines = _refund_lines(collector, where, refund, restocked, currency, virtual)
            if reading.was_reported(occurred_at_ms, version):
                collector.skip(where, SkipReason.already_reported)
            elif lines:
                collector.events.append(
                    Sale(
                        pool=store.pool, store=store.id,
                        source=Source(system=SYSTEM, id=f"refund/{refund_id}", version=version),
                        occurred_at_ms=occurred_at_ms, recorded_at_ms=max(reading.received_at_ms, occurred_at_ms),
                        currency=currency, lines=tuple(lines),
                    )
                )  # fmt: skip


def _refund_lines(
    collector: Collector, where: str, refund: Json, restocked: _Restocked, currency: str, virtual: Collection[str]
) -> list[SaleLine]:
    returned = objects(refund, "line_items")
    if not returned:
        collector.skip(where, SkipReason.unlinked)
    lines: list[SaleLine] = []
    for index, each in enumerate(returned):
        at = f"{where}/line_items/{index}"
        with collector.at(at):
            line = object_of(each)
            reason = _why_left_out(line, virtual)
            if reason is not None:
                collector.skip(at, SkipReason.unlinked if reason is SkipReason.not_moved else reason)
                continue
            line_id, milli = identifier(line), abs(milli_of(line, "quantity"))
            back = restocked.take(text_of(notes_of(line), "_refunded_item_id"), milli)
            if back:
                lines.append(_line(line_id, "return", line, back, currency))
            if back < milli:
                lines.append(_line(f"{line_id}/kept", "return_not_restocked", line, milli - back, currency))
    return lines


def _product(collector: Collector, product: Json, store: StoreContext, reading: ReadContext) -> None:
    product_id = identifier(product)
    is_counted = product.get("manage_stock") not in (None, False, "parent") and is_set(product, "manage_stock")
    is_shared = text_of(product, "type") == "variable"  # one number for all its variations names none of them
    if not is_counted or is_shared or product.get("stock_quantity") is None or is_set(product, "virtual"):
        collector.skip("", SkipReason.non_stock)
        return
    fields = {**product_code(product_id, text_of(product, "sku")), "quantity": number(product, "stock_quantity")}
    now_ms = reading.received_at_ms
    collector.events.append(
        StockReport(
            pool=store.pool, store=store.id,
            source=Source(system=SYSTEM, id=f"level/{product_id}", version=now_ms), occurred_at_ms=now_ms,
            recorded_at_ms=now_ms, kind=StockReportKind.level, lines=(stock_line("1", fields, StockReportKind.level),),
        )
    )  # fmt: skip


def _why_left_out(line: Json, virtual: Collection[str]) -> SkipReason | None:
    """The reason why a line moves no stock, or None."""
    if any(name in key.lower() for key in notes_of(line) for name in _GIFT_CARDS):
        return SkipReason.gift_card
    product_id = _product_id(line)
    if not product_id and not text_of(line, "sku"):
        return SkipReason.non_stock
    if product_id in virtual or text_of(line, "product_id") in virtual:
        return SkipReason.non_stock
    return SkipReason.not_moved if milli_of(line, "quantity") == 0 else None


def _line(line_id: str, kind: str, line: Json, milli: int, currency: str) -> SaleLine:
    fields: dict[str, object] = {
        **product_code(_product_id(line), text_of(line, "sku")),
        "kind": kind,
        "quantity": Decimal(milli).scaleb(-3),
        "price": _price(line, milli, currency),
    }
    return sale_line(line_id, fields, currency)


def _price(line: Json, milli: int, currency: str) -> Decimal | None:
    """The price of `milli` of the line, taxes included."""
    total = number(line, "total")
    if total is None:
        return None
    tax = number(line, "total_tax") or Decimal(0)
    return rounded_price(abs(total + tax) * milli / abs(milli_of(line, "quantity")), currency)


def _product_id(line: Json) -> str:
    """The variation; for a product without any, the product. Empty for what is no longer in the catalogue."""
    for name in ("variation_id", "product_id"):
        found = text_of(line, name)
        if found not in ("", "0"):
            return found
    return ""


def notes_of(fields: Json) -> dict[str, object]:
    """The notes on a line, by their keys."""
    found = fields.get("meta_data")
    notes = [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
    return {str(each.get("key")): each.get("value") for each in notes}


def _time_ms(fields: Json, name: str, store: StoreContext) -> int | None:
    """A time, of its GMT field when it is there, else in the shop's own zone."""
    return time_ms(fields, f"{name}_gmt", UTC_ZONE) or time_ms(fields, name, store.zone)


def _sort_id(refund: object) -> int:
    found = str(refund.get("id")) if isinstance(refund, Mapping) else ""
    return int(found) if found.isdecimal() and len(found) < 20 else 0
