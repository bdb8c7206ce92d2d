"""Lightspeed X-Series' sales and inventory records to events. Pure.

A sale comes in three forms, of one meaning: as the dated API has it (`state`, `line_items`, `source`), as API 2.0 has
it (`status`, `line_items`), and as webhooks have it (`status`, `register_sale_products`).
Source: x-series-api.lightspeedhq.com, API reference (Sales, Inventory), "Webhooks" and "States and attributes".

| Lightspeed | event |
|---|---|
| sale | sale `sale/{id}`, version `updated_at` (webhooks have no other): its lines, returns among them |
| inventory record | level `level/{outlet}/{product}`: Lightspeed's own count when it is reported |

A line names its product by id alone, since only some of the forms have its SKU. Only the fields named here are read, so
customers and notes go nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.contract import FieldRefused, SkipReason, StoreContext, Translated
from connectors.parsing.lines import taken_back, text_of
from connectors.parsing.quantities import shorten
from connectors.vendor.collector import Collector, vendor_stock_line
from connectors.vendor.echo import is_ours
from connectors.vendor.fields import (
    UTC_ZONE,
    Json,
    ReadContext,
    identifier,
    inner,
    is_set,
    milli_of,
    number,
    object_of,
    objects,
    parts,
    rounded_price,
    time_ms,
)
from connectors.vendor.sale_lines import SaleLines, found_at, line_name, servers_time_ms, unless_unreadable
from schemas.models.pos import Source, StockReport, StockReportKind

SYSTEM = "lightspeed"
_STATES = {
    "saved": ("parked", ""), "open": ("pending", ""), "voided": ("voided", ""), "closed": ("closed", ""),
    "onaccount": ("pending", "onaccount"), "onaccount_closed": ("closed", "onaccount"), "layby": ("pending", "layby"),
    "layby_closed": ("closed", "layby"), "awaiting_dispatch": ("pending", "delivery"),
    "dispatched_closed": ("closed", "delivery"), "awaiting_pickup": ("pending", "pickup"),
    "picked_up_closed": ("closed", "pickup"), "service": ("pending", "service"),
    "service_closed": ("closed", "service"),
}  # fmt: skip
"""The older statuses, and what they are now: state and attribute."""
_STATES_NOW = ("parked", "pending", "voided", "closed")
_GONE_BEFORE_PAID = frozenset({"onaccount", "layby"})
_HERE_UNTIL_CLOSED = frozenset({"pickup", "delivery", "service"})
_NO_GOODS = {
    "vend-gift-card": SkipReason.gift_card, "gift-card": SkipReason.gift_card, "vend-discount": SkipReason.fee,
    "vend-tip": SkipReason.tip,
}  # fmt: skip
"""Handles of products that Lightspeed itself puts on receipts."""
_LEVELS = ("current_inventory_level", "count", "inventory_level", "current_amount")


@dataclass(frozen=True, slots=True)
class Outlet:
    """The outlet whose sales they are.

    outlet_id: the store's outlet at Lightspeed; None when the retailer has one. outlets: register → outlet, for what
    names only its register.
    """

    store: StoreContext
    outlet_id: str | None = None
    outlets: Mapping[str, str] = field(default_factory=dict)


def translate_sale(sale: Json, outlet: Outlet, reading: ReadContext) -> Translated:
    """The sale as it stands: a later state is a revision. Problems have JSON pointers into the sale."""
    collector = Collector()
    with collector.at(""):
        _sale(collector, sale, outlet, reading)
    return collector.done()


def translate_inventory(record: Json, outlet: Outlet, reading: ReadContext) -> Translated:
    """A system level as of now: the record says no time."""
    collector = Collector()
    with collector.at(""):
        _level(collector, record, outlet, reading)
    return collector.done()


def register_of(sale: Json) -> str:
    """The id of the register that rang it up; empty when it says none."""
    return text_of(sale, "register_id") or text_of(inner(sale, "source"), "register_id")


def outlet_of(sale: Json) -> str:
    """The id of the outlet; empty when the sale names none, as in webhooks."""
    return text_of(sale, "outlet_id") or text_of(inner(sale, "source"), "outlet_id")


def _sale(collector: Collector, sale: Json, outlet: Outlet, reading: ReadContext) -> None:
    sale_id, register = identifier(sale), register_of(sale)
    if is_ours(sale.get("source_id")) or is_ours(inner(sale, "source").get("id")):
        collector.skip("", SkipReason.echo)
        return
    if outlet.outlet_id is not None:
        at = outlet_of(sale) or outlet.outlets.get(register, "")
        if not at:
            raise FieldRefused("outlet_id", "the sale names neither its outlet nor a register that is known")
        if at != outlet.outlet_id:
            collector.skip("", SkipReason.other_store)
            return
    occurred_at_ms = time_ms(sale, "date", UTC_ZONE) or time_ms(sale, "sale_date", UTC_ZONE)
    if occurred_at_ms is None:
        raise FieldRefused("sale_date", "the time is missing")
    version = time_ms(sale, "updated_at", UTC_ZONE)
    if version is None:
        raise FieldRefused("updated_at", "the time of the last change is missing: it orders the changes")
    reason = _why_not_sold(sale)
    if reason not in (None, SkipReason.voided):
        collector.skip("", reason)
        return
    if reading.was_reported(occurred_at_ms, version) and reason is None:
        collector.skip("", SkipReason.already_reported)
        return
    if reason is not None:
        collector.skip("", reason)
    for name, why in (("adjustments", SkipReason.fee), ("ecom_custom_charges", SkipReason.fee)):
        for index, each in enumerate(parts(sale, name)):
            kind = str(each.get("adjustment_type", "")).lower() if isinstance(each, Mapping) else ""
            collector.skip(f"/{name}/{index}", SkipReason.tip if "tip" in kind else why)
    lines = SaleLines(collector, outlet.store, None)
    _read_lines(lines, sale, is_voided=reason is not None)
    created_at_ms = unless_unreadable(lambda: time_ms(sale, "created_at", UTC_ZONE))
    occurred_at_ms = servers_time_ms(collector, "", occurred_at_ms, created_at_ms or version)
    source = Source(system=SYSTEM, id=f"sale/{sale_id}", version=version)
    lines.publish(source, occurred_at_ms, reading, register, lists=[sale.get(_lines_field(sale))])


def _why_not_sold(sale: Json) -> SkipReason | None:
    """The reason why the goods have not left, or None. Voided is what was sold and is so no more."""
    if text_of(sale, "deleted_at"):
        return SkipReason.voided
    state, attributes = text_of(sale, "state").lower(), _attributes(sale)
    if not state:
        status = text_of(sale, "status").lower()
        if status not in _STATES:
            raise FieldRefused("status", f"{shorten(status)} is not a status of a sale")
        state, attribute = _STATES[status]
        attributes = {attribute, *attributes}
    if state not in _STATES_NOW:
        raise FieldRefused("state", f"{shorten(state)} is none of {', '.join(_STATES_NOW)}")
    if state == "voided":
        return SkipReason.voided
    if state == "closed":
        return None
    is_gone = bool(attributes & _GONE_BEFORE_PAID) and not attributes & _HERE_UNTIL_CLOSED
    return None if state == "pending" and is_gone else SkipReason.unpaid


def _attributes(sale: Json) -> set[str]:
    found = [*objects(sale, "attributes"), *objects(sale, "register_sale_attributes")]
    return {text_of(each, "name").lower() if isinstance(each, Mapping) else str(each).lower() for each in found}


def _read_lines(lines: SaleLines, sale: Json, *, is_voided: bool) -> None:
    name = _lines_field(sale)
    for index, each in enumerate(objects(sale, name)):
        where, line_id = f"/{name}/{index}", line_name(each, index)
        with lines.line(where, line_id, {"item": found_at(each, "product_id") or found_at(each, "product", "id")}):
            line = object_of(each)
            reason = _why_left_out(line)
            if reason is not None:
                lines.skip(where, reason)
                continue
            milli = milli_of(line, "quantity")
            is_return = milli < 0 or _is_return(line)
            kind = "return" if is_return else "sale"
            if is_voided and is_return:  # it brought nothing back
                kind = "return_not_restocked"
            price = lines.price(where, lambda currency, line=line, milli=milli: _price(line, abs(milli), currency))  # type: ignore[misc]
            quantity = abs(number(line, "quantity") or Decimal(0))
            moved = lines.add(
                where, line_id, {"item": _product_id(line), "kind": kind, "quantity": quantity, "price": price}
            )
            if is_voided and not is_return:
                lines.found.append(taken_back(moved)[1])


def _lines_field(sale: Json) -> str:
    return "line_items" if "line_items" in sale else "register_sale_products"


def _level(collector: Collector, record: Json, outlet: Outlet, reading: ReadContext) -> None:
    product_id, outlet_id = identifier(record, "product_id"), identifier(record, "outlet_id")
    if outlet.outlet_id not in (None, outlet_id):
        collector.skip("", SkipReason.other_store)
        return
    if text_of(record, "deleted_at"):
        collector.skip("", SkipReason.no_content)
        return
    name = next((name for name in _LEVELS if record.get(name) is not None), None)
    if name is None:
        collector.skip("", SkipReason.non_stock)
        return
    fields = {"item": product_id, "quantity": number(record, name)}
    now_ms, store = reading.received_at_ms, outlet.store
    collector.events.append(
        StockReport(
            pool=store.pool, store=store.id,
            source=Source(system=SYSTEM, id=f"level/{outlet_id}/{product_id}", version=now_ms), occurred_at_ms=now_ms,
            recorded_at_ms=now_ms, kind=StockReportKind.level,
            lines=(vendor_stock_line(collector, "", fields, StockReportKind.level, store.unit_words),),
        )
    )  # fmt: skip


def _why_left_out(line: Json) -> SkipReason | None:
    """The reason why a line moves no stock, or None."""
    if text_of(line, "gift_card_number"):
        return SkipReason.gift_card
    for name in ("handle", "sku"):
        reason = _NO_GOODS.get(text_of(line, name).lower())
        if reason is not None:
            return reason
    if not _product_id(line):
        return SkipReason.non_stock
    total = unless_unreadable(lambda: _first(line, "price_total", "total_price", "price"))
    if total is not None and total < 0 and milli_of(line, "quantity") > 0 and not _is_return(line):
        return SkipReason.fee  # a deposit paid back, a discount
    return SkipReason.not_moved if milli_of(line, "quantity") == 0 else None


def _is_return(line: Json) -> bool:
    return is_set(line, "is_return") or is_set(inner(line, "return"), "is_return")


def _product_id(line: Json) -> str:
    return text_of(line, "product_id") or text_of(inner(line, "product"), "id")


def _price(line: Json, milli: int, currency: str) -> Decimal | None:
    """The price of the line, taxes included; from unit prices where it says no totals."""
    pricing, tax = inner(line, "pricing"), inner(line, "tax")
    total = _first_of(_first(line, "price_total", "total_price"), _first(pricing, "total"))
    if total is not None:
        total_tax = _first_of(_first(line, "tax_total", "total_tax"), _first(tax, "total")) or Decimal(0)
        return rounded_price(abs(total + total_tax), currency)
    unit_price = _first_of(_first(line, "price", "unit_price"), _first(pricing, "price"))
    if unit_price is None:
        return None
    unit_tax = _first(tax, "amount") if tax else _first(line, "tax", "unit_tax")
    return rounded_price((unit_price + (unit_tax or Decimal(0))) * milli / 1000, currency)


def _first_of(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """The first that is there; nothing is worth 0, too."""
    return other if one is None else one


def _first(fields: Json, *names: str) -> Decimal | None:
    """The first of the numbers that is there."""
    return next((found for name in names if (found := number(fields, name)) is not None), None)
