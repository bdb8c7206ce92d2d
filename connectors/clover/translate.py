"""Clover's orders and item stocks to events. Pure. Source: Clover REST API v3 (orders, line items, item stocks).

| Clover | event |
|---|---|
| order that is paid, or in part | sale `order/{id}`: one line for each line item |
| a line item that was refunded or exchanged | sale `returns/{id}/{line item}`: a return, at the refund's time |
| order whose payment was voided | sale `order/{id}` again, taken back |
| item stock | level `level/{item}/{time}` |

The version of an order's events is its `modifiedTime`. A line item is one piece, or `unitQty` thousandths of
`unitName`. Only the fields named here are read, so customers, titles, notes and cards go nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.contract import FieldRefused, SkipReason, StoreContext, Translated
from connectors.parsing.lines import taken_back, text_of
from connectors.parsing.quantities import shorten
from connectors.parsing.units import UnitWords, measure_of
from connectors.vendor.collector import Collector, vendor_stock_line
from connectors.vendor.echo import is_ours
from connectors.vendor.fields import Json, ReadContext, identifier, inner, is_set, number, object_of
from connectors.vendor.sale_lines import SaleLines, found_at, line_name, servers_time_ms, unless_unreadable
from schemas.currency import currency_exponent
from schemas.models.pos import SaleLine, Source, StockReport, StockReportKind

SYSTEM = "clover"
_SOLD = frozenset({"PAID", "PARTIALLY_PAID", "REFUNDED", "PARTIALLY_REFUNDED"})
_SUCCESS = "SUCCESS"
_NEVER_PAID = ("FAIL", "AUTH", "INITIATED", "PREAUTH")


@dataclass(frozen=True, slots=True)
class CloverShop:
    """The store, and what its settings say about Clover."""

    store: StoreContext
    returns_restocked: bool = True


def orders(found: Sequence[object], shop: CloverShop, reading: ReadContext) -> Translated:
    """Sales and returns."""
    collector = Collector()
    for at, order in enumerate(found):
        where = _place("order", order, at)
        with collector.at(where):
            _Order(collector, where, object_of(order), shop, reading).take()
    return collector.done()


def levels(items: Sequence[object], shop: CloverShop, reading: ReadContext) -> Translated:
    """Levels, of items with their `itemStock`."""
    collector = Collector()
    for at, item in enumerate(items):
        where = _place("item", item, at)
        with collector.at(where):
            _level(collector, where, object_of(item), shop, reading)
    return collector.done()


def elements(fields: Json, name: str) -> Sequence[Any]:
    """A list as Clover nests it, {"elements": […]}, or bare. Raises FieldRefused for what is neither."""
    found = fields.get(name)
    if isinstance(found, Mapping):
        found = found.get("elements")
    if found is None:
        return ()
    if not isinstance(found, list):
        raise FieldRefused(name, f"{shorten(found)} is not a list")
    return found


class _Order:
    def __init__(self, collector: Collector, where: str, order: Json, shop: CloverShop, reading: ReadContext) -> None:
        self._work = collector
        self._where = where
        self._order = order
        self._shop = shop
        self._reading = reading
        self._payments = [each for each in elements(order, "payments") if isinstance(each, dict)]
        self._voids = [each for each in elements(order, "voids") if isinstance(each, dict)]
        self._items = elements(order, "lineItems")

    def take(self) -> None:
        """Add the order's events, or why there are none."""
        order_id = identifier(self._order)
        reason = self._no_sale()
        if reason is not None:
            self._skip_items(reason)
            return
        version = _ms(self._order, "modifiedTime") or _ms(self._order, "createdTime") or 0
        occurred_at_ms = self._sold_at_ms()
        if self._reading.was_reported(occurred_at_ms, version) and not self._returned():
            self._skip_items(SkipReason.already_reported)
            return
        lines = self._lines()
        back_ids = [
            str(found_at(line, "id") or "") for each in elements(self._order, "refunds") for line in _named(each)
        ]
        lines.keep_returned(back_ids, self._items)
        sold = list(lines.found)
        if not self._is_paid():
            lines.found += [taken_back(line)[1] for line in sold]
        source = Source(system=SYSTEM, id=f"order/{order_id}", version=version)
        lines.publish(source, occurred_at_ms, self._reading, lists=[self._items] if "lineItems" in self._order else [])
        if self._is_paid():
            kind = "return" if self._shop.returns_restocked else "return_not_restocked"
            back = {line_name(each, at): each for at, each in enumerate(self._items) if _is_returned(each)}
            for line in sold:
                if line.line_id in back:
                    self._return(order_id, version, line, kind, self._returned_at_ms(back[line.line_id], version))
        self._leave_out_money(bool(sold))

    def _no_sale(self) -> SkipReason | None:
        order = self._order
        if is_ours(order.get("externalReferenceId")):
            return SkipReason.echo
        if is_set(order, "testMode"):
            return SkipReason.training
        if text_of(order, "paymentState") == "CREDITED" or (elements(order, "credits") and not self._items):
            return SkipReason.unlinked
        if self._is_paid() or self._was_voided():
            return None
        return SkipReason.cancelled if order.get("deletedTimestamp") else SkipReason.unpaid

    def _is_paid(self) -> bool:
        state = text_of(self._order, "paymentState")
        if state:
            return state in _SOLD
        succeeded = [each for each in self._payments if each.get("result") in (None, _SUCCESS)]
        return bool(succeeded)

    def _was_voided(self) -> bool:
        """Unpaid, although there was a payment: it was voided, and the order may have been reported as a sale."""
        return bool(self._voids) or any(each.get("result") not in _NEVER_PAID for each in self._payments)

    def _sold_at_ms(self) -> int:
        """The time of its first payment, by the device's clock where that is given: it may have been offline."""
        times = [self._by_the_server(each) for each in self._payments + self._voids]
        at_ms = min((each for each in times if each is not None), default=None)
        at_ms = self._by_the_server(self._order) if at_ms is None else at_ms
        if at_ms is None:
            raise FieldRefused("createdTime", "the time is missing")
        return at_ms

    def _by_the_server(self, fields: Json) -> int | None:
        device_ms, server_ms = _ms(fields, "clientCreatedTime"), _ms(fields, "createdTime")
        if not device_ms:
            return server_ms
        return servers_time_ms(self._work, self._where, device_ms, server_ms)

    def _returned(self) -> list[Json]:
        return [each for each in self._items if _is_returned(each)]

    def _returned_at_ms(self, item: Json, version: int) -> int:
        named = [inner(item, "refund")]
        ids = {str(each.get("id")) for each in named if each.get("id")}
        named += [each for each in elements(self._order, "refunds") if isinstance(each, dict) and each.get("id") in ids]
        own = [at_ms for each in named if (at_ms := _ms(each, "createdTime")) is not None]
        if own:
            return min(own)
        times = [_ms(each, "createdTime") for each in elements(self._order, "refunds") if isinstance(each, dict)]
        return min((at_ms for at_ms in times if at_ms is not None), default=version)

    def _return(self, order_id: str, version: int, line: SaleLine, kind: str, at_ms: int) -> None:
        """Each by the name of its line, for an exchange is told before its refund is named, and then again."""
        back = SaleLines(self._work, self._shop.store, self._order.get("currency"))
        back.found.append(SaleLine.model_validate({**line.model_dump(), "kind": kind}))
        back.publish(
            Source(system=SYSTEM, id=f"returns/{order_id}/{line.line_id}", version=version), at_ms, self._reading
        )

    def _lines(self) -> SaleLines:
        lines = SaleLines(self._work, self._shop.store, self._order.get("currency"))
        for at, item in enumerate(self._items):
            where, name = f"{self._where}/{_place('line', item, at)}", line_name(item, at)
            with lines.line(where, name, {"item": found_at(item, "item", "id")}):
                fields = object_of(item)
                reason = _no_goods(fields)
                if reason is not None:
                    lines.skip(where, reason)
                else:
                    _add_line(lines, where, name, fields)
        return lines

    def _skip_items(self, reason: SkipReason) -> None:
        for at, item in enumerate(self._items):
            self._work.skip(f"{self._where}/{_place('line', item, at)}", reason)
        if not self._items:
            self._work.skip(self._where, reason)

    def _leave_out_money(self, has_goods: bool) -> None:
        """Money that moves no goods, counted."""
        if any(unless_unreadable(lambda each=each: _ms(each, "tipAmount")) for each in self._payments):  # type: ignore[misc]
            self._work.skip(f"{self._where}/tipAmount", SkipReason.tip)
        if inner(self._order, "serviceCharge"):
            self._work.skip(f"{self._where}/serviceCharge", SkipReason.fee)
        if elements(self._order, "refunds") and not self._returned():
            self._work.skip(f"{self._where}/refunds", SkipReason.unlinked)
        if not has_goods and not self._items:
            self._work.skip(self._where, SkipReason.non_stock)


def _named(refund: object) -> Sequence[Any]:
    """The lines that a refund names."""
    return elements(refund, "lineItems") if isinstance(refund, Mapping) else ()


def _no_goods(line: Json) -> SkipReason | None:
    if text_of(line, "orderFeeType") == "AUTO_GRATUITY":
        return SkipReason.tip
    if is_set(line, "isOrderFee") or is_set(line, "isPlatformOrderFee"):
        return SkipReason.fee
    if line.get("isRevenue") is False:
        return SkipReason.gift_card
    if not text_of(inner(line, "item"), "id"):
        return SkipReason.non_stock
    price = unless_unreadable(lambda: number(line, "price"))
    return SkipReason.fee if price is not None and price < 0 else None  # a deposit paid back, a discount


def _add_line(lines: SaleLines, where: str, name: str, line: Json) -> None:
    thousandths = number(line, "unitQty")
    said: dict[str, object] = {
        "item": text_of(inner(line, "item"), "id"),
        # 0 and null stand for an item that is not sold by a unit: one piece.
        "quantity": thousandths.scaleb(-3) if thousandths else 1,
        "unit": _unit(line.get("unitName"), lines.own_units) if thousandths else "each",
    }
    price = lines.price(where, lambda currency: _unit_price(line, currency))
    if price is not None:
        said["unit_price"] = price
    lines.add(where, name, said)


def _unit_price(line: Json, currency: str) -> Decimal | None:
    price = number(line, "price")
    return None if price is None else price.scaleb(-currency_exponent(currency))


def _unit(name: object, own_units: UnitWords) -> str:
    """A unit that can be converted; else the merchant's own word, such as a bottle, of which there are so many."""
    return name if isinstance(name, str) and measure_of(name, own_units) is not None else "each"


def _level(collector: Collector, where: str, item: Json, shop: CloverShop, reading: ReadContext) -> None:
    stock = inner(item, "itemStock")
    quantity = stock.get("quantity", stock.get("stockCount"))  # the latter is rounded, and on its way out
    if quantity is None:
        collector.skip(where, SkipReason.no_content)
        return
    item_id = identifier(item)
    at_ms = _ms(stock, "modifiedTime") or _ms(item, "modifiedTime") or reading.received_at_ms
    unit = _unit(item.get("unitName"), shop.store.unit_words) if text_of(item, "priceType") == "PER_UNIT" else "each"
    said = {"item": item_id, "quantity": quantity, "unit": unit}
    line = vendor_stock_line(collector, where, said, StockReportKind.level, shop.store.unit_words)
    collector.events.append(
        StockReport(
            pool=shop.store.pool,
            store=shop.store.id,
            source=Source(system=SYSTEM, id=f"level/{item_id}/{at_ms}", version=1),
            occurred_at_ms=at_ms,
            recorded_at_ms=max(reading.received_at_ms, at_ms),
            kind=StockReportKind.level,
            lines=(line,),
        )
    )


def _is_returned(line: object) -> bool:
    return isinstance(line, dict) and _is_back(line)


def _is_back(line: Json) -> bool:
    return is_set(line, "refunded") or is_set(line, "exchanged")


def _ms(fields: Json, name: str) -> int | None:
    """A whole number, as Clover gives times and cents. Raises FieldRefused."""
    value = number(fields, name)
    if value is None:
        return None
    if value != value.to_integral_value() or abs(value) >= 2**62:
        raise FieldRefused(name, f"{shorten(value)} is not a whole number in range")
    return int(value)


def _place(kind: str, fields: object, at: int) -> str:
    given = fields.get("id") if isinstance(fields, dict) else None
    return f"{kind} {str(given)[:40]}" if isinstance(given, str | int) else f"{kind} #{at + 1}"
