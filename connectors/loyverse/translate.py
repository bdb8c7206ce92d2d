"""Loyverse's receipts and inventory levels to events. Pure. Source: developer.loyverse.com/docs, API v1.0.

| Loyverse | event |
|---|---|
| receipt | sale `receipt/{number}`, version `updated_at`: its lines; those of a REFUND are returns |
| receipt that was cancelled | the same, taken back |
| inventory level | level `level/{store}/{variant}/{time}` |

A line names its goods by the variant's id, as levels do: they have no SKU. Of a composite item the components move,
unless it is made beforehand (`use_production`) and has a stock of its own. Only the fields named here are read, so
customers, notes and payments go nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.contract import FieldRefused, SkipReason, StoreContext, Translated
from connectors.parsing.lines import taken_back, text_of
from connectors.parsing.quantities import shorten
from connectors.vendor.collector import Collector, line_report, vendor_stock_line
from connectors.vendor.echo import is_ours
from connectors.vendor.fields import (
    UTC_ZONE,
    Json,
    ReadContext,
    identifier,
    milli_of,
    number,
    object_of,
    objects,
    parts,
    rounded_price,
    time_ms,
)
from connectors.vendor.sale_lines import SaleLines, line_name, servers_time_ms, unless_unreadable
from schemas.models.pos import Source, StockReportKind

SYSTEM = "loyverse"
_KINDS = {"SALE": "sale", "REFUND": "return"}


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a composite item. quantity: in one of it."""

    variant_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Variant:
    """The part of an item's variant that matters here. components: of a composite; empty for one with its own stock."""

    is_tracked: bool
    components: Sequence[Component] = ()


@dataclass(frozen=True, slots=True)
class LoyverseShop:
    """The store, its id at Loyverse, and what the account's items say. variants: by id."""

    store: StoreContext
    store_id: str
    returns_restocked: bool = True
    variants: Mapping[str, Variant] = field(default_factory=dict)

    def parts_of(self, variant_id: str, within: tuple[str, ...] = ()) -> dict[str, Decimal]:
        """The variants that move when one is sold, and how much of each: no composites, but for one within itself."""
        variant = self.variants.get(variant_id)
        if variant is None or not variant.components or variant_id in within:
            return {variant_id: Decimal(1)}
        moved: dict[str, Decimal] = {}
        for part in variant.components:
            for inner_id, quantity in self.parts_of(part.variant_id, (*within, variant_id)).items():
                moved[inner_id] = moved.get(inner_id, Decimal(0)) + quantity * part.quantity
        return moved


def receipts(found: Sequence[object], shop: LoyverseShop, reading: ReadContext) -> Translated:
    """Sales and returns, as they stand."""
    collector = Collector()
    for at, receipt in enumerate(found):
        where = _place("receipt", receipt, "receipt_number", at)
        with collector.at(where):
            _receipt(collector, where, object_of(receipt), shop, reading)
    return collector.done()


def levels(found: Sequence[object], shop: LoyverseShop, reading: ReadContext) -> Translated:
    """Levels of variants whose stock Loyverse tracks."""
    collector = Collector()
    for at, level in enumerate(found):
        where = _place("level", level, "variant_id", at)
        with collector.at(where):
            _level(collector, where, object_of(level), shop, reading)
    return collector.done()


def variants_of(item: Json) -> dict[str, Variant]:
    """The variants of an item, by id. A component that cannot be read leaves its composite a thing of its own."""
    components: list[Component] = []
    if item.get("is_composite") is True and item.get("use_production") is not True:
        read = [_component(each) for each in parts(item, "components")]
        components = [each for each in read if each is not None] if None not in read else []
    variant = Variant(item.get("track_stock") is True and not components, tuple(components))
    return {variant_id: variant for variant_id in map(variant_id_of, parts(item, "variants")) if variant_id}


def variant_id_of(fields: object) -> str:
    """The variant that a line, a level or an item's variant names; empty when it names none."""
    value = fields.get("variant_id") if isinstance(fields, Mapping) else None
    return value.strip() if isinstance(value, str) else ""


def _component(component: object) -> Component | None:
    variant_id = variant_id_of(component)
    quantity = unless_unreadable(lambda: number(object_of(component), "quantity"))
    return Component(variant_id, quantity) if variant_id and quantity else None


def _receipt(collector: Collector, where: str, receipt: Json, shop: LoyverseShop, reading: ReadContext) -> None:
    receipt_number = identifier(receipt, "receipt_number")
    if is_ours(receipt.get("order")):
        collector.skip(where, SkipReason.echo)
        return
    if text_of(receipt, "store_id") != shop.store_id:
        collector.skip(where, SkipReason.other_store)
        return
    kind = _KINDS.get(text_of(receipt, "receipt_type").upper())
    if kind is None:
        raise FieldRefused("receipt_type", f"{shorten(receipt.get('receipt_type'))} is neither SALE nor REFUND")
    created_at_ms = unless_unreadable(lambda: time_ms(receipt, "created_at", UTC_ZONE))
    occurred_at_ms = time_ms(receipt, "receipt_date", UTC_ZONE) or created_at_ms
    if occurred_at_ms is None:
        raise FieldRefused("receipt_date", "the time is missing")
    version = time_ms(receipt, "updated_at", UTC_ZONE)
    if version is None:
        raise FieldRefused("updated_at", "the time of the last change is missing: it orders the changes")
    is_cancelled = bool(text_of(receipt, "cancelled_at"))
    if reading.was_reported(occurred_at_ms, version) and not is_cancelled:
        collector.skip(where, SkipReason.already_reported)
        return
    if is_cancelled:
        collector.skip(where, SkipReason.cancelled)
    if kind == "return" and (is_cancelled or not shop.returns_restocked):
        kind = "return_not_restocked"  # nothing came back
    found = objects(receipt, "line_items")
    if not found:
        collector.skip(where, SkipReason.no_content)
    lines = SaleLines(collector, shop.store, None)
    for at, line in enumerate(found):
        _line(lines, where, line, at, kind, shop)
    if is_cancelled and kind == "sale":
        lines.found += [taken_back(line)[1] for line in lines.found]
    for name, reason in (("tip", SkipReason.tip), ("surcharge", SkipReason.fee)):
        if unless_unreadable(lambda name=name: number(receipt, name)):  # type: ignore[misc]
            collector.skip(f"{where}/{name}", reason)
    lines.publish(
        Source(system=SYSTEM, id=f"receipt/{receipt_number}", version=version),
        servers_time_ms(collector, where, occurred_at_ms, created_at_ms or version),
        reading,
        receipt.get("pos_device_id"),
        lists=[receipt.get("line_items")],
    )


def _line(lines: SaleLines, receipt_at: str, line: object, at: int, kind: str, shop: LoyverseShop) -> None:
    where, name = f"{receipt_at}/{_place('line', line, 'id', at)}", line_name(line, at)
    with lines.line(where, name, {"item": variant_id_of(line)}):
        fields = object_of(line)
        milli = milli_of(fields, "quantity")
        total = unless_unreadable(lambda: number(fields, "total_money"))
        if milli == 0:
            lines.skip(where, SkipReason.not_moved)
            return
        if milli > 0 and total is not None and total < 0:  # a deposit paid back, a discount
            lines.skip(where, SkipReason.fee)
            return
        variant_id, quantity = text_of(fields, "variant_id"), number(fields, "quantity") or Decimal(0)
        said: dict[str, object] = {"kind": kind, "item": variant_id, "quantity": quantity}
        moved = shop.parts_of(variant_id)
        if list(moved) == [variant_id]:
            lines.add(where, name, said | {"price": lines.price(where, lambda currency: _price(fields, currency))})
            return
        # Each part is a line below the composite's; which of them bore the price is open.
        for part_id, each in moved.items():
            lines.add(where, f"{name}/{part_id}", said | {"item": part_id, "quantity": quantity * each})


def _price(line: Json, currency: str) -> Decimal | None:
    total = number(line, "total_money")
    return None if total is None else rounded_price(abs(total), currency)


def _level(collector: Collector, where: str, level: Json, shop: LoyverseShop, reading: ReadContext) -> None:
    variant_id = identifier(level, "variant_id")
    if text_of(level, "store_id") != shop.store_id:
        collector.skip(where, SkipReason.other_store)
        return
    variant = shop.variants.get(variant_id)
    if variant is None or not variant.is_tracked or level.get("in_stock") is None:
        collector.skip(where, SkipReason.non_stock)
        return
    at_ms = time_ms(level, "updated_at", UTC_ZONE)
    if at_ms is None:
        raise FieldRefused("updated_at", "the time is missing")
    said = {"item": variant_id, "quantity": number(level, "in_stock")}
    line = vendor_stock_line(collector, where, said, StockReportKind.level, shop.store.unit_words)
    source = Source(system=SYSTEM, id=f"level/{shop.store_id}/{variant_id}/{at_ms}", version=1)
    collector.events.append(line_report(shop.store, source, StockReportKind.level, line, at_ms, reading))


def _place(kind: str, fields: object, name: str, at: int) -> str:
    given = fields.get(name) if isinstance(fields, Mapping) else None
    return f"{kind} {str(given)[:40]}" if isinstance(given, str | int) else f"{kind} #{at + 1}"
