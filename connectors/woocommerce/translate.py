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
from connectors.parsing.lines import text_of
from connectors.vendor.collector import Collector, vendor_stock_line
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
    parts,
    rounded_price,
    time_ms,
)
from connectors.vendor.sale_lines import SaleLines, found_at, line_name, unless_unreadable
from schemas.models.pos import Source, StockReport, StockReportKind

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
_PAID_LATER = frozenset({"cod", "bacs", "cheque"})
"""WooCommerce's own ways to pay that take the goods off its stock before they are paid."""
_PARTS = (
    "bundled_items",
    "composite_children",
    "mnm_contents",
    "mnm_child_items",
    "woosb_ids",
    "wooco_ids",
    "yith_bundle_cart_key",
    "cartstamp",
)
_PART_OF = ("bundled_by", "composite_parent", "mnm_container", "mnm_parent", "woosb_parent_id", "wooco_parent_id")
"""Fields, or notes with a _ before, of the lines of bundles and of their parts. Sources: WooCommerce Product Bundles,
Composite Products and Mix and Match (REST API reference); WPC Product Bundles and Composite Products; YITH Product
Bundles.
"""
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
    paid_at_ms = _time_ms(order, "date_paid", store)
    created_at_ms = _time_ms(order, "date_created", store)
    occurred_at_ms = paid_at_ms or created_at_ms
    if created_at_ms and str(order.get("payment_method")) in _PAID_LATER:  # the goods are off the stock from then on
        occurred_at_ms = created_at_ms
    if occurred_at_ms is None:
        raise FieldRefused("date_created_gmt", "the order has neither date_paid nor date_created")
    version = _time_ms(order, "date_modified", store) or occurred_at_ms
    lines = objects(order, "line_items")
    for name in ("fee_lines", "shipping_lines"):
        for index, _ in enumerate(parts(order, name)):
            collector.skip(f"/{name}/{index}", SkipReason.fee)
    restocked = _Restocked(lines)
    containers = _containers(lines)
    currency = order.get("currency")
    _refunds(collector, refunds, restocked, currency, version, store, reading, virtual, containers)
    is_off = _OFF.get(status)
    is_reduced = any(_is_reduced(each) for each in lines)
    # A status of some plugin's may be either: what WooCommerce has taken off its stock has left.
    if is_off is None and status not in _SOLD and paid_at_ms is None and not is_reduced:
        collector.skip("", SkipReason.unpaid)
        return
    if is_off is None and status in _NOT_YET and not is_reduced:
        is_off = SkipReason.unpaid
    if reading.was_reported(max(created_at_ms or 0, occurred_at_ms), version) and is_off is None:
        collector.skip("", SkipReason.already_reported)
        return
    if is_off is not None and objects(order, "refunds") and not refunds:  # only they tell what is left to take back
        collector.skip("", SkipReason.already_reported)
        return
    if is_off is not None:
        collector.skip("", is_off)
    sold = SaleLines(collector, store, currency)
    for index, each in enumerate(lines):
        where, line_id = f"/line_items/{index}", line_name(each, index)
        with sold.line(where, line_id, _told_item(each)):
            line = object_of(each)
            reason = _why_left_out(line, virtual)
            if reason is None and line_id in containers:
                reason = SkipReason.non_stock
            if reason is not None:
                sold.skip(where, reason)
                continue
            milli = milli_of(line, "quantity")
            _add(sold, where, line_id, "sale", line, milli)
            left = milli - restocked.back_milli.get(line_id, 0)
            if is_off is not None and left > 0:
                _add(sold, where, f"{line_id}/void", "void", line, left)
    _sell_what_was_refunded(sold, refunds, restocked, virtual)
    source = Source(system=SYSTEM, id=f"order/{order_id}", version=version)
    sold.publish(source, occurred_at_ms, reading, lists=[order.get("line_items")])


def _containers(lines: Sequence[object]) -> set[str]:
    """Ids of lines that are bundles or composites of others: the parts are the goods.

    A container that WooCommerce has taken off its own stock is stocked itself, and is goods, too.
    """
    known = [each for each in lines if isinstance(each, Mapping)]
    if not any(_names_one_of(each, _PART_OF) for each in known):
        return set()
    return {str(each.get("id")) for each in known if _names_one_of(each, _PARTS) and not _is_reduced(each)}


def _names_one_of(line: Json, names: Collection[str]) -> bool:
    notes = notes_of(line)
    return any(line.get(name) or notes.get(f"_{name}") for name in names)


def _is_reduced(line: object) -> bool:
    """True when WooCommerce notes that it has taken some of the line off its stock."""
    if not isinstance(line, Mapping):
        return False
    reduced = unless_unreadable(lambda: number(notes_of(line), "_reduced_stock"))
    return reduced is not None and reduced > 0


def _sell_what_was_refunded(
    sold: SaleLines, refunds: Sequence[object], restocked: "_Restocked", virtual: Collection[str]
) -> None:
    """The sale of lines that were taken off the order after they were refunded: what came back had been sold."""
    gone: dict[str, list[Json]] = {}
    for refund in refunds:
        for line in parts(object_of(refund), "line_items") if isinstance(refund, Mapping) else ():
            if isinstance(line, Mapping) and (line_id := restocked.gone_line(line)):
                gone.setdefault(line_id, []).append(line)
    for line_id, lines in gone.items():
        where = f"/refunds of line {line_id}"
        with sold.line(where, line_id, _told_item(lines[0])):
            if all(_why_left_out(line, virtual) is None for line in lines):
                milli = sum(abs(milli_of(line, "quantity")) for line in lines)
                _add(sold, where, line_id, "sale", lines[0], milli)


class _Restocked:
    """The part of what refunds name that went back to the shelf.

    WooCommerce notes on each line of the order how much of it was restocked, in all refunds together; a line without
    any note of its stock is one whose stock it does not keep, and then its default is meant.
    """

    def __init__(self, lines: Sequence[object]) -> None:
        self.back_milli: dict[str, int] = {}
        """By the order's lines, so far."""
        self._left: dict[str, int] = {}
        self._line_ids = {line_name(each, index) for index, each in enumerate(lines)}
        for each in lines:
            if not isinstance(each, Mapping):
                continue
            notes = notes_of(each)
            if "_restock_refunded_items" in notes:
                restocked = unless_unreadable(lambda notes=notes: milli_of(notes, "_restock_refunded_items"))  # type: ignore[misc]
                self._left[str(each.get("id"))] = restocked or 0
            elif "_reduced_stock" in notes:
                self._left[str(each.get("id"))] = 0

    def gone_line(self, refunded: Json) -> str:
        """The id of the line that a refund's line names, if the order has it no more; else empty."""
        line_id = str(notes_of(refunded).get("_refunded_item_id") or "").strip()
        return "" if line_id in self._line_ids else line_id

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
    currency: object,
    version: int,
    store: StoreContext,
    reading: ReadContext,
    virtual: Collection[str],
    containers: Collection[str],
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
            lines = SaleLines(collector, store, currency)
            _refund_lines(collector, lines, where, refund, restocked, virtual, containers)
            if reading.was_reported(occurred_at_ms, version):
                collector.skip(where, SkipReason.already_reported)
                continue
            # A line that is gone from the order took with it the note of what went back to the shelf. What was told
            # before, under the order's later versions, stands.
            named = [each for each in parts(refund, "line_items") if isinstance(each, Mapping)]
            is_gone = any(restocked.gone_line(each) for each in named)
            source = Source(system=SYSTEM, id=f"refund/{refund_id}", version=occurred_at_ms - 1 if is_gone else version)
            lines.publish(source, occurred_at_ms, reading)


def _refund_lines(
    collector: Collector,
    lines: SaleLines,
    where: str,
    refund: Json,
    restocked: _Restocked,
    virtual: Collection[str],
    containers: Collection[str],
) -> None:
    returned = objects(refund, "line_items")
    if not returned:
        collector.skip(where, SkipReason.unlinked)
    for index, each in enumerate(returned):
        at, line_id = f"{where}/line_items/{index}", line_name(each, index)
        with lines.line(at, line_id, _told_item(each)):
            line = object_of(each)
            of_line = str(notes_of(line).get("_refunded_item_id") or "").strip()
            reason = _why_left_out(line, virtual)
            if reason is None and of_line in containers:
                reason = SkipReason.non_stock
            if reason is not None:
                lines.skip(at, SkipReason.unlinked if reason is SkipReason.not_moved else reason)
                continue
            milli = abs(milli_of(line, "quantity"))
            back = restocked.take(of_line, milli)
            if back:
                _add(lines, at, line_id, "return", line, back)
            if back < milli:
                _add(lines, at, f"{line_id}/kept", "return_not_restocked", line, milli - back)


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
            recorded_at_ms=now_ms, kind=StockReportKind.level,
            lines=(vendor_stock_line(collector, "", fields, StockReportKind.level, store.unit_words),),
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
    milli = milli_of(line, "quantity")
    total = unless_unreadable(lambda: number(line, "total"))
    if milli > 0 and total is not None and total < 0:  # a deposit paid back, a discount
        return SkipReason.fee
    return SkipReason.not_moved if milli == 0 else None


def _add(lines: SaleLines, where: str, line_id: str, kind: str, line: Json, milli: int) -> None:
    fields: dict[str, object] = {
        **product_code(_product_id(line), text_of(line, "sku")),
        "kind": kind,
        "quantity": Decimal(milli).scaleb(-3),
        "price": lines.price(where, lambda currency: _price(line, milli, currency)),
    }
    lines.add(where, line_id, fields)


def _price(line: Json, milli: int, currency: str) -> Decimal | None:
    """The price of `milli` of the line, taxes included."""
    total = number(line, "total")
    if total is None:
        return None
    tax = number(line, "total_tax") or Decimal(0)
    return rounded_price(abs(total + tax) * milli / abs(milli_of(line, "quantity")), currency)


def _told_item(line: object) -> Json:
    product_id, sku = found_at(line, "variation_id") or found_at(line, "product_id"), found_at(line, "sku")
    return product_code(str(product_id), str(sku or "")) if product_id or sku else {}


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
