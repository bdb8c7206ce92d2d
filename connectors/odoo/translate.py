"""Odoo's records to events. Pure. Source: Odoo 19, models pos.order, pos.order.line, stock.move, stock.quant.

| Odoo | event |
|---|---|
| pos.order that is paid or done | sale `order/{id}`, version `write_date`: its lines; those below zero are returns |
| stock.move that is done, over the edge of the store's stock | goods received, or an adjustment, `move/{id}` |
| stock.quant | level `level/{product}/{time}`: what all quants of a product come to |

Odoo writes times in UTC without saying so, a reference as [id, name], and nothing as false. Its floats come as the
shortest decimal of a double, and are read to nine decimals, so that 0.30000000000000004 is 0.3.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from connectors.contract import FieldRefused, SkipReason, StoreContext, Translated
from connectors.parsing.lines import text_of
from connectors.parsing.quantities import shorten
from connectors.parsing.units import UnitWords, measure_of, unknown_unit
from connectors.vendor.collector import Collector, line_report, vendor_stock_line
from connectors.vendor.echo import is_ours
from connectors.vendor.fields import Json, ReadContext, number, object_of, rounded_price, time_ms
from connectors.vendor.sale_lines import SaleLines, found_at, line_name, servers_time_ms, unless_unreadable
from schemas.models.pos import Source, StockLine, StockReportKind

SYSTEM = "odoo"
_UTC = ZoneInfo("UTC")
_SOLD = frozenset({"paid", "done", "invoiced"})
_WITHOUT_MEASURE = frozenset({"m", "cm", "mm", "km", "in", "ft", "yd", "mi", "m²", "ft²", "hours", "days"})
"""Odoo's units of length, area and time: goods that are sold by them are counted in pieces of it."""
_NINE_DECIMALS = Decimal("1E-9")


@dataclass(frozen=True, slots=True)
class OdooShop:
    """The store, and what its settings and its points of sale say.

    tip_products: ids of the products that are tips. kits: what one of a kit (a product with a phantom bill of
    materials) consists of, by the kit's id.
    """

    store: StoreContext
    returns_restocked: bool = True
    tip_products: frozenset[int] = frozenset()
    kits: Mapping[int, Sequence["KitPart"]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KitPart:
    """A component of a kit. quantity: of one kit, in the unit [id, name]."""

    product: int
    quantity: Decimal
    unit: object = None


def orders(
    found: Sequence[object],
    lines: Mapping[int, Sequence[object]],
    products: Mapping[int, Json],
    shop: OdooShop,
    reading: ReadContext,
) -> Translated:
    """Sales. lines: of each order, by its id. products: their records by id, of which `type` is read."""
    collector = Collector()
    for at, order in enumerate(found):
        where = place("order", order, at)
        with collector.at(where):
            _order(collector, where, _present(order), lines, products, shop, reading)
    return collector.done()


def moves(found: Sequence[object], inside: frozenset[int], shop: OdooShop, reading: ReadContext) -> Translated:
    """Stock reports. inside: ids of the locations that are the store's stock."""
    collector = Collector()
    for at, move in enumerate(found):
        where = place("move", move, at)
        with collector.at(where):
            _move(collector, where, _present(move), inside, shop, reading)
    return collector.done()


def levels(quants: Iterable[object], shop: OdooShop, reading: ReadContext) -> Translated:
    """Levels: one of each product of which there are quants."""
    collector = Collector()
    of_product: dict[int, list[Json]] = {}
    for at, quant in enumerate(quants):
        with collector.at(place("quant", quant, at)):
            fields = _present(quant)
            of_product.setdefault(_needed(fields, "product_id"), []).append(fields)
    for product, each in of_product.items():
        with collector.at(f"product {product}"):
            _level(collector, product, each, shop, reading)
    return collector.done()


def reference(fields: Json, name: str) -> int | None:
    """The id that a reference [id, name] holds; None for false. Raises FieldRefused for what is none."""
    value = fields.get(name)
    if isinstance(value, list) and value:
        value = value[0]
    if value is None or value is False:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise FieldRefused(name, f"{shorten(value)} is not a reference")


def place(kind: str, record: object, at: int) -> str:
    """The place of a record, for messages."""
    given = record.get("id") if isinstance(record, dict) else None
    return f"{kind} {given}" if isinstance(given, int) else f"{kind} #{at + 1}"


def _order(
    collector: Collector,
    where: str,
    order: Json,
    lines: Mapping[int, Sequence[object]],
    products: Mapping[int, Json],
    shop: OdooShop,
    reading: ReadContext,
) -> None:
    order_id = _needed(order, "id")
    own = [_present(line) if isinstance(line, dict) else line for line in lines.get(order_id, ())]
    occurred_at_ms = _needed_ms(order, "date_order")
    version = max([_needed_ms(order, "write_date"), *_written_ms(own)])
    reason = _no_sale(order)
    if reason is None and reading.was_reported(occurred_at_ms, version):
        reason = SkipReason.already_reported
    if not own:
        collector.skip(where, reason or SkipReason.no_content)
    if reason is not None:
        for at, line in enumerate(own):
            collector.skip(f"{where}/{place('line', line, at)}", reason)
        return
    lines_sold = SaleLines(collector, shop.store, _currency(order))
    for at, line in enumerate(own):
        line_at, name = f"{where}/{place('line', line, at)}", line_name(line, at)
        with lines_sold.line(line_at, name, {"item": found_at(line, "product_id", 0)}):
            fields = object_of(line)
            reason = _no_goods(fields, products, shop)
            if reason is not None:
                lines_sold.skip(line_at, reason)
            else:
                _add_line(lines_sold, line_at, name, fields, shop)
    till = unless_unreadable(lambda: reference(order, "config_id"))
    created_at_ms = unless_unreadable(lambda: time_ms(order, "create_date", _UTC))
    lines_sold.publish(
        Source(system=SYSTEM, id=f"order/{order_id}", version=version),
        servers_time_ms(collector, where, occurred_at_ms, created_at_ms or version),
        reading,
        till,
        lists=[lines.get(order_id)],
    )


def _no_sale(order: Json) -> SkipReason | None:
    if is_ours(order.get("pos_reference")):
        return SkipReason.echo
    state = text_of(order, "state")
    if state == "cancel":
        return SkipReason.cancelled
    return None if state in _SOLD else SkipReason.unpaid


def _no_goods(line: Json, products: Mapping[int, Json], shop: OdooShop) -> SkipReason | None:
    product = _needed(line, "product_id")
    if product in shop.tip_products:
        return SkipReason.tip
    # A combo's own line has the price, and the goods stand in lines of their own.
    if products.get(product, {}).get("type") in ("service", "combo"):
        return SkipReason.non_stock
    quantity = _exact(line, "qty")
    total = unless_unreadable(lambda: number(line, "price_subtotal_incl"))
    if quantity > 0 and total is not None and total < 0:  # a deposit paid back, a discount
        return SkipReason.fee
    return SkipReason.not_moved if quantity.is_zero() else None


def _add_line(lines: SaleLines, where: str, name: str, line: Json, shop: OdooShop) -> None:
    """Read a line. Of a kit the parts are the goods, each a line below the kit's; which part bore the price is open."""
    product, quantity = _needed(line, "product_id"), _exact(line, "qty")
    kind = "sale"
    if quantity < 0:
        kind = "return" if shop.returns_restocked else "return_not_restocked"
    unit, each = _unit(line, "product_uom_id", lines.own_units)
    said: dict[str, object] = {"kind": kind, "quantity": abs(quantity), "unit": unit}
    parts = shop.kits.get(product)
    if not parts:
        price = lines.price(where, lambda currency: _price(line, currency))
        lines.add(where, name, {**said, "item": str(product), "price": price})
        return
    for part in parts:
        part_unit, _ = _unit({"unit": part.unit}, "unit", lines.own_units)
        in_all = abs(quantity) * part.quantity * each.numerator / each.denominator
        item = {"item": str(part.product), "quantity": in_all, "unit": part_unit}
        lines.add(where, f"{name}/{part.product}", {**said, **item})


def _price(line: Json, currency: str) -> Decimal | None:
    total = number(line, "price_subtotal_incl")
    return None if total is None else rounded_price(abs(total), currency)


def _move(
    collector: Collector, where: str, move: Json, inside: frozenset[int], shop: OdooShop, reading: ReadContext
) -> None:
    comes = reference(move, "location_dest_id") in inside
    goes = reference(move, "location_id") in inside
    if is_ours(move.get("origin")) or is_ours(move.get("reference")):
        collector.skip(where, SkipReason.echo)
        return
    if text_of(move, "state") != "done" or comes == goes:
        collector.skip(where, SkipReason.cancelled if text_of(move, "state") == "cancel" else SkipReason.not_moved)
        return
    quantity = _exact(move, "quantity")
    if quantity.is_zero():
        collector.skip(where, SkipReason.not_moved)
        return
    usage = text_of(move, "location_usage" if comes else "location_dest_usage")
    kind = (
        StockReportKind.received if comes and usage in ("supplier", "internal", "transit") else StockReportKind.adjusted
    )
    unit, _ = _unit(move, "product_uom", shop.store.unit_words)
    said = {
        "item": str(_needed(move, "product_id")),
        "quantity": quantity if comes else -quantity,
        "unit": unit,
        "reason": "other",
    }
    line = vendor_stock_line(collector, where, said, kind, shop.store.unit_words)
    _report(collector, kind, f"move/{_needed(move, 'id')}", line, _needed_ms(move, "date"), shop, reading)


def _level(collector: Collector, product: int, quants: Sequence[Json], shop: OdooShop, reading: ReadContext) -> None:
    at_ms = max(_needed_ms(quant, "write_date") for quant in quants)
    total = sum((_exact(quant, "quantity") for quant in quants), Decimal())
    unit, _ = _unit(quants[0], "product_uom_id", shop.store.unit_words)
    said = {"item": str(product), "quantity": total, "unit": unit}
    line = vendor_stock_line(collector, f"product {product}", said, StockReportKind.level, shop.store.unit_words)
    _report(collector, StockReportKind.level, f"level/{product}/{at_ms}", line, at_ms, shop, reading)


def _report(
    collector: Collector,
    kind: StockReportKind,
    source_id: str,
    line: StockLine,
    at_ms: int,
    shop: OdooShop,
    reading: ReadContext,
) -> None:
    source = Source(system=SYSTEM, id=source_id, version=1)
    collector.events.append(line_report(shop.store, source, kind, line, at_ms, reading))


def _present(record: object) -> Json:
    """The fields that have a value: Odoo writes false where there is none."""
    return {name: value for name, value in object_of(record).items() if value is not False}


def _needed(fields: Json, name: str) -> int:
    found = reference(fields, name)
    if found is None:
        raise FieldRefused(name, "it is missing")
    return found


def _needed_ms(fields: Json, name: str) -> int:
    found = time_ms(fields, name, _UTC)
    if found is None:
        raise FieldRefused(name, "the time is missing")
    return found


def _written_ms(lines: Sequence[object]) -> list[int]:
    times = (time_ms(line, "write_date", _UTC) for line in lines if isinstance(line, Mapping))
    return [at_ms for at_ms in times if at_ms is not None]


def _exact(fields: Json, name: str) -> Decimal:
    """A quantity without the noise of a double. Raises FieldRefused."""
    value = number(fields, name)
    if value is None:
        raise FieldRefused(name, "the quantity is missing")
    try:
        return value.quantize(_NINE_DECIMALS)
    except ArithmeticError as error:
        raise FieldRefused(name, f"{shorten(value)} is out of range") from error


def _unit(fields: Json, name: str, own_units: UnitWords) -> tuple[str, Fraction]:
    """The word of a unit [id, name], and how much of ours it is; pieces where none is named. Raises FieldRefused."""
    value = fields.get(name)
    if not isinstance(value, list) or len(value) < 2:
        return "each", Fraction(1)
    word = str(value[1]).strip()
    measure = measure_of(word, own_units)
    if measure is None and word.lower() in _WITHOUT_MEASURE:
        return "each", Fraction(1)
    if measure is None:
        raise FieldRefused(name, unknown_unit(word))
    return word, measure.factor


def _currency(order: Json) -> object:
    value = order.get("currency_id")
    return value[1] if isinstance(value, list) and len(value) > 1 else None
