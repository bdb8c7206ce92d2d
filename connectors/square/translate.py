"""Square's objects to events. Pure. Source: Square API 2026-09-16, Order, InventoryCount, InventoryChange.

- An order is a sale once it is COMPLETED, or paid (nothing is due): Square takes the goods off its own stock then,
  though they may be picked up days later. `returns` in it are returns; its `version` orders its revisions. One that is
  canceled after it was paid is taken back.
- A count of the state IN_STOCK is a level: what Square believes at `calculated_at`.
- A change is a physical count, an adjustment (goods received, waste, theft), or a transfer between locations.
  Adjustments that a sale, a return or a count made are reported by these.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from connectors.contract import FieldRefused, SkipReason, StoreContext, Translated
from connectors.parsing.lines import taken_back, text_of
from connectors.parsing.quantities import decimal_of, shorten
from connectors.parsing.units import UnitWords, measure_of
from connectors.square.money import amount_of, currency_of, price_of
from connectors.vendor.collector import Collector, line_report, vendor_stock_line
from connectors.vendor.contract import VendorObject
from connectors.vendor.echo import is_ours
from connectors.vendor.fields import Json, ReadContext, identifier, newest_ms, object_of, objects, parts, time_ms
from connectors.vendor.sale_lines import SaleLines, found_at, line_name, servers_time_ms, unless_unreadable
from schemas.models.pos import Source, StockLine, StockReportKind

SYSTEM = "square"

_UNITS = {
    "METRIC_KILOGRAM": "kg", "METRIC_GRAM": "g", "METRIC_MILLIGRAM": "mg", "IMPERIAL_POUND": "lb",
    "IMPERIAL_WEIGHT_OUNCE": "oz", "IMPERIAL_STONE": "stone", "METRIC_LITER": "l", "METRIC_MILLILITER": "ml",
    "GENERIC_FLUID_OUNCE": "fl oz", "GENERIC_CUP": "cup", "GENERIC_PINT": "pint", "GENERIC_QUART": "quart",
    "GENERIC_GALLON": "gallon",
}  # fmt: skip
"""Square's weights and volumes. All else is counted in pieces of it: UNIT, lengths, areas, the merchant's own."""
_RECEIVED_FROM = frozenset({"NONE", "ORDERED_FROM_VENDOR", "RECEIVED_FROM_VENDOR", "IN_TRANSIT", "IN_TRANSIT_TO"})
_TOLD_BY_ORDERS = frozenset({"SOLD", "SOLD_ONLINE", "RETURNED_BY_CUSTOMER", "UNLINKED_RETURN", "RESERVED_FOR_SALE"})
_TOLD_REASONS = frozenset({"SALE", "RETURNED", "CANCELED_SALE"})
_REASONS = {
    "DAMAGED": "damage", "THEFT": "theft", "SPOILAGE_WASTE": "waste", "PRODUCTION_WASTE": "waste",
    "SAMPLES_PROMOTIONAL": "own_use", "INTERNAL_USE": "own_use",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SquareShop:
    """The store, and what its settings say about Square."""

    store: StoreContext
    location_id: str
    returns_restocked: bool = True
    counts_are_levels: bool = True
    """True when IN_STOCK counts say what lies there; not while we take goods out there ourselves."""


def orders(
    found: Iterable[object], shop: SquareShop, reading: ReadContext, occurred_at_ms: int | None = None
) -> Translated:
    """Sales. occurred_at_ms: where it is known better than by the order, as of a payment taken offline."""
    collector = Collector()
    for order in found:
        where = f"order {_name(order, 'id')}"
        with collector.at(where):
            _order(collector, where, object_of(order), shop, reading, occurred_at_ms)
    return collector.done()


def counts(found: Iterable[object], shop: SquareShop, reading: ReadContext) -> Translated:
    """Levels."""
    collector = Collector()
    for count in found:
        where = f"count of {_name(count, 'catalog_object_id')}"
        with collector.at(where):
            _count(collector, where, object_of(count), shop, reading)
    return collector.done()


def changes(found: Iterable[object], shop: SquareShop, reading: ReadContext) -> Translated:
    """Physical counts and adjustments."""
    collector = Collector()
    for change in found:
        kind = change.get("type") if isinstance(change, dict) else None
        inner = change.get(str(kind).lower()) if isinstance(change, dict) else None
        where = f"change {_name(inner, 'id')}"
        with collector.at(where):
            if kind == "PHYSICAL_COUNT":
                _physical_count(collector, where, object_of(inner), object_of(change), shop, reading)
            elif kind == "TRANSFER":
                _transfer(collector, where, object_of(inner), object_of(change), shop, reading)
            elif kind == "ADJUSTMENT":
                _adjustment(collector, where, object_of(inner), object_of(change), shop, reading)
            else:
                collector.skip(where, SkipReason.no_content)
    return collector.done()


def names(found: Iterable[object]) -> Iterator[VendorObject]:
    """List what has a name among locations and catalog objects: a location, each variation of an item."""
    for each in found:
        thing = object_of(each)
        data = thing.get("item_data")
        if isinstance(data, dict):
            for variation in objects(data, "variations"):
                inner = variation.get("item_variation_data") or {}
                words = (data.get("name"), inner.get("name"))
                yield VendorObject(
                    "item", str(variation.get("id")), " ".join(str(word) for word in words if word),
                    str(inner.get("upc") or ""), str(inner.get("sku") or ""),
                )  # fmt: skip
        elif thing.get("type") is None or "address" in thing:
            yield VendorObject("location", str(thing.get("id")), str(thing.get("name")))


def _order(
    collector: Collector, where: str, order: Json, shop: SquareShop, reading: ReadContext, occurred_at_ms: int | None
) -> None:
    refusal = _order_refusal(order, shop)
    if refusal is not None:
        collector.skip(where, refusal)
    is_taken_back = refusal is SkipReason.cancelled and _was_paid(order)
    if refusal is not None and not is_taken_back:
        return
    order_id = identifier(order)
    closed_at_ms = _sold_at_ms(order, shop) or _time_ms(order, ("closed_at", "created_at"), shop)
    updated_at_ms = unless_unreadable(lambda: time_ms(order, "updated_at", shop.store.zone)) or closed_at_ms
    if reading.was_reported(closed_at_ms, updated_at_ms) and not is_taken_back:
        collector.skip(where, SkipReason.already_reported)
        return
    if occurred_at_ms is None:
        occurred_at_ms = closed_at_ms
    occurred_at_ms = servers_time_ms(collector, where, occurred_at_ms, closed_at_ms)
    noted_before = collector.noted
    lines = SaleLines(collector, shop.store, currency_of(order))
    for at, line in enumerate(objects(order, "line_items")):
        _sale_line(lines, where, at, line, "sale", "", is_taken_back=is_taken_back)
    kind = "return" if shop.returns_restocked else "return_not_restocked"
    at = 0
    returned_ids: list[str] = []
    for returned in objects(order, "returns"):
        fields = object_of(returned)
        returned_here = fields.get("source_order_id") in (None, order_id)
        for line in objects(fields, "return_line_items"):
            if returned_here:
                returned_ids.append(_name(line, "source_line_item_uid", ""))
            _sale_line(lines, where, at, line, kind, "return/")
            at += 1
        _skip_each(
            collector, f"{where}/return_service_charges", parts(fields, "return_service_charges"), SkipReason.fee
        )
        _skip_each(collector, f"{where}/return_tips", parts(fields, "return_tips"), SkipReason.tip)
    lines.keep_returned(returned_ids, objects(order, "line_items"), "uid")
    _skip_each(collector, f"{where}/service_charges", parts(order, "service_charges"), SkipReason.fee)
    if amount_of(order.get("total_tip_money")):
        collector.skip(f"{where}/total_tip_money", SkipReason.tip)
    if not lines.found and collector.noted == noted_before:
        collector.skip(where, SkipReason.unlinked if parts(order, "refunds") else SkipReason.not_moved)
    source = Source(system=SYSTEM, id=order_id, version=_version(order))
    lines.publish(source, occurred_at_ms, reading, order_ref=_our_order(order), lists=[order.get("line_items")])


def _order_refusal(order: Json, shop: SquareShop) -> SkipReason | None:
    if order.get("location_id") not in (None, shop.location_id):
        return SkipReason.other_store
    state = order.get("state")
    if state == "CANCELED":
        return SkipReason.cancelled
    if state != "COMPLETED" and (state == "DRAFT" or not _is_paid(order)):  # Square's default is OPEN
        return SkipReason.unpaid
    return None


def _is_paid(order: Json) -> bool:
    """True when nothing is due. Square names what is due; of an order with no price nothing ever is."""
    return _was_paid(order) and amount_of(order.get("net_amount_due_money")) == 0


def _was_paid(order: Json) -> bool:
    """True when some tender was taken, not only authorized."""
    return any(isinstance(each, dict) and _is_taken(each) for each in parts(order, "tenders"))


def _is_taken(tender: Json) -> bool:
    card = tender.get("card_details")
    status = card.get("status") if isinstance(card, dict) else None
    return status in (None, "CAPTURED")


def _sold_at_ms(order: Json, shop: SquareShop) -> int | None:
    """When an order of which the payment is known was paid: the same before and after it is handed over."""
    if not _was_paid(order) or not parts(order, "fulfillments"):
        return None
    tenders = [each for each in parts(order, "tenders") if isinstance(each, dict) and _is_taken(each)]
    return newest_ms(tenders, "created_at", shop.store.zone) or _time_ms(order, ("created_at",), shop)


def _sale_line(
    lines: SaleLines, order_at: str, at: int, line: object, kind: str, prefix: str, *, is_taken_back: bool = False
) -> None:
    """Read one line, or skip it. A bundle's own line has the price; its components are told as lines of their own."""
    where = f"{order_at}/{prefix}line/{_name(line, 'uid', at)}"
    name = prefix + line_name(line, at, "uid")
    with lines.line(where, name, {"item": found_at(line, "catalog_object_id")}):
        fields = object_of(line)
        item_type, item = fields.get("item_type"), text_of(fields, "catalog_object_id")
        if item_type == "GIFT_CARD":
            lines.skip(where, SkipReason.gift_card)
        elif item_type in ("CUSTOM_AMOUNT", "BUNDLE", "COMBO") or not item:
            lines.skip(where, SkipReason.non_stock)
        elif decimal_of(fields.get("quantity")).is_zero():
            lines.skip(where, SkipReason.not_moved)
        elif kind == "sale" and (amount_of(fields.get("total_money")) or 0) < 0:  # a deposit paid back, a discount
            lines.skip(where, SkipReason.fee)
        else:
            said = {
                "item": item,
                "kind": kind,
                "quantity": fields.get("quantity"),
                "unit": _unit(fields.get("quantity_unit"), lines.own_units),
                "price": price_of(fields.get("total_money"), lines.currency or ""),
            }
            added = lines.add(where, name, said)
            if is_taken_back:
                lines.found.append(taken_back(added)[1])


def _count(collector: Collector, where: str, count: Json, shop: SquareShop, reading: ReadContext) -> None:
    if count.get("location_id") not in (None, shop.location_id):
        collector.skip(where, SkipReason.other_store)
        return
    if count.get("state") != "IN_STOCK" or count.get("catalog_object_type") not in (None, "ITEM_VARIATION"):
        collector.skip(where, SkipReason.not_moved)
        return
    if not shop.counts_are_levels:
        collector.skip(where, SkipReason.echo)
        return
    item = text_of(count, "catalog_object_id")
    calculated_at_ms = _time_ms(count, ("calculated_at",), shop)
    said = {"item": item, "quantity": count.get("quantity")}
    line = vendor_stock_line(collector, where, said, StockReportKind.level, shop.store.unit_words)
    source_id = f"level/{item}/{calculated_at_ms}"
    _report(collector, StockReportKind.level, source_id, line, calculated_at_ms, shop, reading)


def _physical_count(
    collector: Collector, where: str, count: Json, change: Json, shop: SquareShop, reading: ReadContext
) -> None:
    if count.get("location_id") not in (None, shop.location_id):
        collector.skip(where, SkipReason.other_store)
    elif is_ours(count.get("reference_id")):
        collector.skip(where, SkipReason.echo)
    elif count.get("state") != "IN_STOCK":
        collector.skip(where, SkipReason.not_moved)
    else:
        said = {**_what(count, change, shop), "quantity": count.get("quantity")}
        line = vendor_stock_line(collector, where, said, StockReportKind.counted, shop.store.unit_words)
        _change_report(collector, StockReportKind.counted, count, line, shop, reading)


def _adjustment(
    collector: Collector, where: str, change: Json, outer: Json, shop: SquareShop, reading: ReadContext
) -> None:
    before, after = str(change.get("from_state")), str(change.get("to_state"))
    given = change.get("reason_id")
    reason = str(given.get("type")) if isinstance(given, dict) else ""
    places = [change.get(name) for name in ("from_location_id", "to_location_id", "location_id")]
    if shop.location_id not in places and any(places):
        collector.skip(where, SkipReason.other_store)
        return
    if is_ours(change.get("reference_id")):
        collector.skip(where, SkipReason.echo)
        return
    if _TOLD_BY_ORDERS & {before, after} or reason in _TOLD_REASONS or change.get("physical_count_id"):
        collector.skip(where, SkipReason.already_reported)
        return
    comes = after == "IN_STOCK" and change.get("to_location_id") in (None, shop.location_id)
    goes = before == "IN_STOCK" and change.get("from_location_id") in (None, shop.location_id)
    if comes == goes:
        collector.skip(where, SkipReason.not_moved)
        return
    quantity = abs(decimal_of(change.get("quantity")))
    said = {**_what(change, outer, shop), "quantity": quantity if comes else -quantity}
    kind = StockReportKind.received if comes and before in (_RECEIVED_FROM | {"IN_STOCK"}) else StockReportKind.adjusted
    if kind is StockReportKind.adjusted:
        said["reason"] = _REASONS.get(reason, "waste" if after == "WASTE" else "other") if goes else "other"
    line = vendor_stock_line(collector, where, said, kind, shop.store.unit_words)
    _change_report(collector, kind, change, line, shop, reading)


def _transfer(
    collector: Collector, where: str, change: Json, outer: Json, shop: SquareShop, reading: ReadContext
) -> None:
    """Goods that went from one of the merchant's locations to another."""
    comes, goes = (change.get(name) == shop.location_id for name in ("to_location_id", "from_location_id"))
    if is_ours(change.get("reference_id")):
        collector.skip(where, SkipReason.echo)
        return
    if comes == goes:
        collector.skip(where, SkipReason.not_moved if comes else SkipReason.other_store)
        return
    quantity = abs(decimal_of(change.get("quantity")))
    kind = StockReportKind.received if comes else StockReportKind.adjusted
    said = {
        **_what(change, outer, shop),
        "quantity": quantity if comes else -quantity,
        "reason": "" if comes else "other",
    }
    line = vendor_stock_line(collector, where, said, kind, shop.store.unit_words)
    _change_report(collector, kind, change, line, shop, reading)


def _what(change: Json, outer: Json, shop: SquareShop) -> dict[str, object]:
    unit = _unit(outer.get("measurement_unit"), shop.store.unit_words)
    return {"item": text_of(change, "catalog_object_id"), "unit": unit}


def _change_report(
    collector: Collector, kind: StockReportKind, change: Json, line: StockLine, shop: SquareShop, reading: ReadContext
) -> None:
    change_id = identifier(change)
    occurred_at_ms = _time_ms(change, ("occurred_at", "created_at"), shop)
    _report(collector, kind, f"change/{change_id}", line, occurred_at_ms, shop, reading)


def _report(
    collector: Collector,
    kind: StockReportKind,
    source_id: str,
    line: StockLine,
    occurred_at_ms: int,
    shop: SquareShop,
    reading: ReadContext,
) -> None:
    source = Source(system=SYSTEM, id=source_id, version=1)
    collector.events.append(line_report(shop.store, source, kind, line, occurred_at_ms, reading))


def _unit(given: object, own_units: UnitWords) -> str:
    """Our word for a unit of Square's. Raises FieldRefused for a weight or volume that is not known."""
    inner = given.get("measurement_unit") if isinstance(given, dict) else None
    if not isinstance(inner, dict):
        return "each"
    name = next((found for kind in ("weight", "volume") if (found := inner.get(f"{kind}_unit"))), None)
    if name is None:
        return _own_unit(inner.get("custom_unit"), own_units)
    unit = _UNITS.get(str(name))
    if unit is None:
        raise FieldRefused("quantity_unit", f"{shorten(name)} is a weight or volume that is not known here")
    return unit


def _own_unit(given: object, own_units: UnitWords) -> str:
    """A unit of the merchant's own, such as a bunch: pieces of it, unless its name says how much it is."""
    names = [text_of(given, name) for name in ("name", "abbreviation")] if isinstance(given, dict) else []
    return next((name for name in names if measure_of(name, own_units) is not None), "each")


def _version(order: Json) -> int:
    version = order.get("version")
    if version is None:
        return 1
    if isinstance(version, int) and not isinstance(version, bool):
        return version
    raise FieldRefused("version", f"{shorten(version)} is not a whole number")


def _our_order(order: Json) -> str | None:
    """The order of ours that these goods were handed over for, when its reference says so."""
    reference = order.get("reference_id")
    return str(reference)[:200] if is_ours(reference) else None


def _time_ms(fields: Json, names: tuple[str, ...], shop: SquareShop) -> int:
    """The first of these times that is there. Raises FieldRefused."""
    for name in names:
        at_ms = time_ms(fields, name, shop.store.zone)
        if at_ms is not None:
            return at_ms
    raise FieldRefused(names[0], "the time is missing")


def _skip_each(collector: Collector, where: str, parts: Sequence[object], reason: SkipReason) -> None:
    for at, _ in enumerate(parts):
        collector.skip(f"{where}/{at}", reason)


def _name(value: object, field: str, otherwise: object = "?") -> str:
    """An id for messages: ids alone, for other fields may say who somebody is."""
    found = value.get(field) if isinstance(value, dict) else None
    return found[:64] if isinstance(found, str) and found.isascii() and found.isprintable() else str(otherwise)
