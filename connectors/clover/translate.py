"""Clover's orders and item stocks to events. Pure. Source: Clover REST API v3 (orders, line items, item stocks).

| Clover | event |
|---|---|
| order that is paid | sale `order/{id}`: one line for each line item |
| its line items that were refunded or exchanged | sale `returns/{id}/{refund}`: returns, at the refund's time |
| order whose payment was voided | sale `order/{id}` again, taken back |
| item stock | level `level/{item}/{time}` |

The version of an order's events is its `modifiedTime`. A line item is one piece, or `unitQty` thousandths of
`unitName`. Only the fields named here are read, so customers, titles, notes and cards go nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.contract import FieldRefused, SkipReason, StoreContext, Translated
from connectors.parsing.lines import sale_line, stock_line, taken_back, text_of
from connectors.parsing.quantities import currency_exponent, shorten
from connectors.vendor.collector import Collector
from connectors.vendor.echo import is_ours
from connectors.vendor.fields import Json, ReadContext, identifier, inner, is_set, number, object_of
from schemas.models.base import LINES_MAX
from schemas.models.pos import Sale, SaleLine, Source, StockReport, StockReportKind

SYSTEM = "clover"
_SOLD = frozenset({"PAID", "REFUNDED", "PARTIALLY_REFUNDED"})
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
        currency = (text_of(self._order, "currency") or self._shop.store.currency).upper()
        sold = self._lines(currency)
        if not self._is_paid():
            sold = [both for line in sold for both in taken_back(line)]
        self._add(f"order/{order_id}", version, occurred_at_ms, currency, sold)
        if self._is_paid():
            kind = "return" if self._shop.returns_restocked else "return_not_restocked"
            for refund_id, items in self._returned_by_refund().items():
                returned = {text_of(each, "id") for each in items}
                back = [self._back(line, kind) for line in sold if line.line_id in returned]
                source_id = f"returns/{order_id}/{refund_id}" if refund_id else f"returns/{order_id}"
                self._add(source_id, version, self._returned_at_ms(items, version), currency, back)
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
        paid = sum(_ms(each, "amount") or 0 for each in succeeded)
        return bool(succeeded) and paid >= (_ms(self._order, "total") or 0)

    def _was_voided(self) -> bool:
        """Unpaid, although there was a payment: it was voided, and the order may have been reported as a sale."""
        return bool(self._voids) or any(each.get("result") not in _NEVER_PAID for each in self._payments)

    def _sold_at_ms(self) -> int:
        """The time of its first payment, by the device's clock where that is given: it may have been offline."""
        times = [_ms(each, "clientCreatedTime") or _ms(each, "createdTime") for each in self._payments + self._voids]
        own_ms = _ms(self._order, "clientCreatedTime") or _ms(self._order, "createdTime")
        at_ms = min((each for each in times if each is not None), default=own_ms)
        if at_ms is None:
            raise FieldRefused("createdTime", "the time is missing")
        return at_ms

    def _returned(self) -> list[Json]:
        return [each for each in self._items if isinstance(each, dict) and _is_back(each)]

    def _returned_by_refund(self) -> dict[str, list[Json]]:
        """By the refund's id; those that name none, as exchanges may, together."""
        found: dict[str, list[Json]] = {}
        for each in self._returned():
            found.setdefault(text_of(inner(each, "refund"), "id"), []).append(each)
        return found

    def _returned_at_ms(self, items: Sequence[Json], version: int) -> int:
        named = [inner(each, "refund") for each in items]
        ids = {text_of(each, "id") for each in named} - {""}
        named += [each for each in elements(self._order, "refunds") if isinstance(each, dict) and each.get("id") in ids]
        own = [at_ms for each in named if (at_ms := _ms(each, "createdTime")) is not None]
        if own:
            return min(own)
        times = [_ms(each, "createdTime") for each in elements(self._order, "refunds") if isinstance(each, dict)]
        return min((at_ms for at_ms in times if at_ms is not None), default=version)

    def _back(self, line: SaleLine, kind: str) -> SaleLine:
        return SaleLine.model_validate({**line.model_dump(), "kind": kind})

    def _lines(self, currency: str) -> list[SaleLine]:
        lines = []
        for at, item in enumerate(self._items):
            where = f"{self._where}/{_place('line', item, at)}"
            with self._work.at(where):
                fields = object_of(item)
                reason = _no_goods(fields)
                if reason is not None:
                    self._work.skip(where, reason)
                else:
                    lines.append(_line(fields, currency))
        if len(lines) > LINES_MAX:
            raise FieldRefused("lineItems", f"{len(lines)} lines in one order; at most {LINES_MAX}")
        return lines

    def _add(self, source_id: str, version: int, occurred_at_ms: int, currency: str, lines: Sequence[SaleLine]) -> None:
        if not lines:
            return
        self._work.events.append(
            Sale(
                pool=self._shop.store.pool,
                store=self._shop.store.id,
                source=Source(system=SYSTEM, id=source_id, version=version),
                occurred_at_ms=occurred_at_ms,
                recorded_at_ms=max(self._reading.received_at_ms, occurred_at_ms),
                currency=currency,
                lines=tuple(lines),
            )
        )

    def _skip_items(self, reason: SkipReason) -> None:
        for at, item in enumerate(self._items):
            self._work.skip(f"{self._where}/{_place('line', item, at)}", reason)
        if not self._items:
            self._work.skip(self._where, reason)

    def _leave_out_money(self, has_goods: bool) -> None:
        """Money that moves no goods, counted."""
        if any(_ms(each, "tipAmount") for each in self._payments):
            self._work.skip(f"{self._where}/tipAmount", SkipReason.tip)
        if inner(self._order, "serviceCharge"):
            self._work.skip(f"{self._where}/serviceCharge", SkipReason.fee)
        if elements(self._order, "refunds") and not self._returned():
            self._work.skip(f"{self._where}/refunds", SkipReason.unlinked)
        if not has_goods and not self._items:
            self._work.skip(self._where, SkipReason.non_stock)


def _no_goods(line: Json) -> SkipReason | None:
    if text_of(line, "orderFeeType") == "AUTO_GRATUITY":
        return SkipReason.tip
    if is_set(line, "isOrderFee") or is_set(line, "isPlatformOrderFee"):
        return SkipReason.fee
    if line.get("isRevenue") is False:
        return SkipReason.gift_card
    if not text_of(inner(line, "item"), "id"):
        return SkipReason.non_stock
    return None


def _line(line: Json, currency: str) -> SaleLine:
    thousandths = number(line, "unitQty")
    said: dict[str, object] = {
        "item": text_of(inner(line, "item"), "id"),
        # 0 and null stand for an item that is not sold by a unit: one piece.
        "quantity": thousandths.scaleb(-3) if thousandths else 1,
        "unit": text_of(line, "unitName") if thousandths else "each",
    }
    price = number(line, "price")
    if price is not None:
        said["unit_price"] = price.scaleb(-currency_exponent(currency))
    return sale_line(identifier(line), said, currency)


def _level(collector: Collector, where: str, item: Json, shop: CloverShop, reading: ReadContext) -> None:
    stock = inner(item, "itemStock")
    quantity = stock.get("quantity", stock.get("stockCount"))  # the latter is rounded, and on its way out
    if quantity is None:
        collector.skip(where, SkipReason.no_content)
        return
    item_id = identifier(item)
    at_ms = _ms(stock, "modifiedTime") or _ms(item, "modifiedTime") or reading.received_at_ms
    unit = text_of(item, "unitName") if text_of(item, "priceType") == "PER_UNIT" else "each"
    line = stock_line("1", {"item": item_id, "quantity": quantity, "unit": unit}, StockReportKind.level)
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
