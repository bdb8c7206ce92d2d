"""One pool's history, as the fold beside this module writes it. docs/restock.md has the rules.

Times are inputs: days end when a tick says so. A fact that is told after its day was learned counts on the first day
that is not.
"""

from collections import defaultdict
from typing import Any, cast

from schemas.models.config import ConfigChange as CheckedChange
from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange
from schemas.types.restock import (
    DatedQuantity,
    ForecastBlock,
    RestockPoolRow,
    RestockShelfRow,
    RunCause,
    ShelfDay,
    TransitRow,
)
from streams.catalog.pool_config import PoolConfig
from streams.pool.journal.movements import Movement, Movements
from streams.pool.state.tables import Tables
from streams.pool.tasks.opening_hours import takes_part
from streams.restock.calendar.events import Event, Occasions, Shelves, events_of, kinds_named
from streams.restock.forecast.state import Kind, Layout
from streams.restock.history.days import add_to, count_line, day_of
from streams.restock.history.hours import business_day, end_ms, open_ms
from streams.restock.history.tables import CONFIG, DAYS, ITEMS, POOLS, SHELVES

_RECEIPTS_MAX = 12
_LATE_GOODS_DAYS = 7
"""So long after the day they were expected, goods that were ordered are not counted on any more."""
_OUT_DAYS_MAX = 40
"""Days without stock that are counted at once, when the clock leaps."""
_KINDS_MAX = 100
_OTHER_KIND = "other"
"""The last kind of event of a pool that has so many; what is of yet another kind counts as of this one."""
_GOODS_IN = ("received", "opening", "transfer_in")


class PoolHistory:
    """The memory of a pool. Rows are changed by its methods alone."""

    def __init__(self, pool: str, tables: Tables) -> None:
        self.pool = pool
        self.tables = tables
        self.config = PoolConfig()
        self.calendars: dict[str, list[Event]] = {}
        self.movements = Movements()
        self.row: RestockPoolRow = {
            "pool": pool, "position": 0, "clock_ms": 0, "first_day": 0, "learned_day": 0, "past_at_ms": 0,
            "stores": [], "skus": [], "categories": [], "kinds": [], "live_days": {}, "planned_days": {}, "queue": [],
        }  # fmt: skip
        self.shelves: dict[tuple[str, str], RestockShelfRow] = {}
        """(Store, SKU) → its row."""
        self.by_number: list[tuple[str, str]] = []
        self.out: set[tuple[str, str]] = set()
        """Shelves without stock."""
        self.open_days: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
        """Day → the shelves that have it among their days."""
        self.coming: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.leaving: defaultdict[tuple[str, str], int] = defaultdict(int)
        """(Store, SKU) → thousandths of transfers that come to it, or leave it."""
        self.blocks: dict[str, bytes] = {}
        """Name → the numbers of what was learned, as they were kept last."""

    # --- restored rows ----------------------------------------------------------------------------------

    def load_row(self, row: RestockPoolRow) -> None:
        """Take the committed row of the pool itself."""
        self.row = row

    def load_block(self, row: ForecastBlock) -> None:
        """Take a committed row."""
        self.blocks[row["name"]] = row["numbers"]

    def load_shelf(self, row: RestockShelfRow) -> None:
        """Take a committed row."""
        key = (row["store"], row["sku"])
        self.shelves[key] = row
        self.by_number.extend([key] * (row["number"] + 1 - len(self.by_number)))
        self.by_number[row["number"]] = key
        if row["counted_at_ms"]:
            self.movements.counted_at_ms[key] = row["counted_at_ms"]
        if row["out_since_ms"]:
            self.out.add(key)
        for day in row["days"]:
            self.open_days[day["day"]].add(key)

    # --- settings ---------------------------------------------------------------------------------------

    def load_change(self, change: ConfigChange) -> None:
        """Take a setting that was committed."""
        if change["change"][0] == "commonshelf.LocalCalendar":
            self.calendars[change["change"][1]["calendar"]] = events_of(change["change"][1])
        self.config.apply_change(change["change"])

    def take_change(self, change: ConfigChange) -> None:
        """Take a setting."""
        key = CheckedChange.from_avro(cast("dict[str, Any]", change)).key
        self.load_change(change)
        for event in (one for events in self.calendars.values() for one in events):
            self._number_kind(event.kind)
        self.tables[CONFIG].put((self.pool, key.partition("/")[2]), change)

    def _number_kind(self, name: str) -> None:
        kinds = self.row["kinds"]
        if name not in kinds and len(kinds) < _KINDS_MAX:
            kinds.append(name if len(kinds) < _KINDS_MAX - 1 else _OTHER_KIND)
            self.keep_row()

    def kinds(self) -> list[Kind]:
        """The kinds of events that were ever known ahead, in the order of their numbers in the forecast."""
        return kinds_named(self.row["kinds"])

    def events(self) -> list[Event]:
        """The events of all calendars, each of a kind that is numbered."""
        known = set(self.row["kinds"])
        return [
            event if event.kind in known else event._replace(kind=_OTHER_KIND)
            for _, told in sorted(self.calendars.items())
            for event in told
        ]

    def named_shelves(self, layout: Layout) -> Shelves:
        """The shelves as they are numbered now, with their names and places."""
        places = {name: (one["latitude_e6"], one["longitude_e6"]) for name, one in self.config.stores.items()}
        return Shelves(layout, self.row["stores"], self.row["skus"], places)

    def occasions(self, layout: Layout) -> Occasions:
        """The events on the shelves."""
        return Occasions(self.events(), self.kinds(), self.named_shelves(layout))

    def take_item(self, item: CatalogItem) -> None:
        """Take an item of the product master."""
        self.config.apply_item(item)
        if item["sku"] in self.row["skus"]:
            self._number_category(item["sku"])
        self.tables[ITEMS].put((self.pool, item["sku"]), item)

    def category_of(self, sku: str) -> str:
        """The item's category; empty for an item that has none."""
        item = self.config.items.get(sku)
        return "" if item is None else item["category"]

    def _number_category(self, sku: str) -> None:
        name = self.category_of(sku)
        if name not in self.row["categories"]:
            self.row["categories"].append(name)
            self.keep_row()

    # --- shelves and days -------------------------------------------------------------------------------

    def keep_row(self) -> None:
        """Write the pool's row: at ticks, and when what it names has changed. It is large, and entries are many."""
        self.tables[POOLS].put((self.pool,), self.row)

    def zone(self) -> str:
        """The pool's time zone."""
        return self.config.pool["time_zone"]

    def is_open(self, store: str) -> bool:
        """Whether the store takes part in the pool now, by the pool's clock."""
        settings = self.config.stores.get(store)
        return settings is not None and settings["open"] and takes_part(settings, self.zone(), self.row["clock_ms"])

    def day_at(self, store: str, at_ms: int) -> int:
        """The store's business day at a time."""
        settings = self.config.stores.get(store)
        return 0 if settings is None else business_day(settings, self.zone(), at_ms)

    def today(self, store: str) -> int:
        """The store's business day by the pool's clock."""
        return self.day_at(store, self.row["clock_ms"])

    def shelf(self, store: str, sku: str, day: int) -> RestockShelfRow:
        """The shelf's row, new on the day if it was not there."""
        key = (store, sku)
        row = self.shelves.get(key)
        if row is None:
            row = self.shelves[key] = {
                "pool": self.pool, "store": store, "sku": sku, "number": len(self.by_number), "first_day": day,
                "on_hand_milli": 0, "counted_at_ms": 0, "out_since_ms": 0, "floor_milli": 0, "low_day": 0, "days": [],
                "receipts": [], "ordered": [],
            }  # fmt: skip
            self.by_number.append(key)
            if store not in self.row["stores"]:
                self.row["stores"].append(store)
            if sku not in self.row["skus"]:
                self.row["skus"].append(sku)
                self._number_category(sku)
            self.keep_row()
        row["first_day"] = min(row["first_day"], day)
        self.tables[SHELVES].put((self.pool, store, sku), row)
        return row

    def counted_day(self, store: str, at_ms: int) -> int:
        """The day on which something counts: its own, unless that was learned."""
        day = max(self.day_at(store, at_ms), self.row["learned_day"] + 1)
        self.note_day(day)
        live = self.row["live_days"]
        if day < live.get(store, day + 1):
            live[store] = day
            self.keep_row()
        return day

    def note_day(self, day: int) -> None:
        if day < (self.row["first_day"] or day + 1):
            self.row["first_day"] = day
            self.keep_row()

    def open_day(self, shelf: RestockShelfRow, day: int) -> ShelfDay:
        self.open_days[day].add((shelf["store"], shelf["sku"]))
        return day_of(shelf, day)

    def move(self, movement: Movement, handed_milli: int) -> None:
        """Take a movement of a store's goods. handed_milli: of a sale, what was handed over for orders before."""
        store, sku, at_ms = movement.store, movement.sku, movement.occurred_at_ms
        if store not in self.config.stores:
            return
        day = self.counted_day(store, at_ms)
        shelf = self.shelf(store, sku, day)
        today = self.open_day(shelf, day)
        self._count(today, movement, handed_milli)
        if movement.cause in _GOODS_IN and movement.quantity_milli > 0 and not movement.is_undone:
            _receive(shelf, day, movement.quantity_milli, movement.cause == "received")
        counted_at_ms = self.movements.counted_at_ms.get((store, sku), 0)
        shelf["counted_at_ms"] = counted_at_ms
        if movement.books_milli:
            self._change_books(shelf, movement.books_milli, at_ms, movement.cause == "sale" and not movement.is_undone)
            today["closing_milli"] = shelf["on_hand_milli"]
        if movement.books_milli < 0:
            self._check_cover(shelf)

    def _count(self, day: ShelfDay, movement: Movement, handed_milli: int) -> None:
        cause, milli = movement.cause, movement.quantity_milli
        if cause in ("sale", "void"):
            if movement.order is None:
                sold_milli = -milli - handed_milli
                day["sold_milli"] += sold_milli
                if cause == "sale" and sold_milli:
                    unit = self.config.unit(day["sku"])
                    count_line(day, abs(sold_milli), unit, -1 if movement.is_undone else 1)
        elif cause in ("return", "return_not_restocked"):
            day["returned_milli"] += milli
        elif cause in ("adjusted", "damaged"):
            day["wasted_milli"] -= milli

    def _change_books(self, shelf: RestockShelfRow, delta_milli: int, at_ms: int, is_sale: bool) -> None:
        key, before = (shelf["store"], shelf["sku"]), shelf["on_hand_milli"]
        after = shelf["on_hand_milli"] = before + delta_milli
        if shelf["out_since_ms"]:
            if is_sale:  # the books are wrong: there was some
                shelf["out_since_ms"] = 0
            elif after > 0:
                self.count_out(shelf, at_ms)
                shelf["out_since_ms"] = 0
            if not shelf["out_since_ms"]:
                self.out.discard(key)
        elif before > 0 >= after:
            shelf["out_since_ms"] = max(at_ms, 1)
            self.out.add(key)

    def count_out(self, shelf: RestockShelfRow, until_ms: int) -> None:
        """Count the opening time without stock up to a time, on the days that are not learned."""
        store = self.config.stores.get(shelf["store"])
        since_ms = shelf["out_since_ms"]
        if store is None or until_ms <= since_ms:
            return
        last = business_day(store, self.zone(), until_ms)
        first = max(business_day(store, self.zone(), since_ms), self.row["learned_day"] + 1, last - _OUT_DAYS_MAX)
        for day in range(first, last + 1):
            out_ms = open_ms(store, self.zone(), day, since_ms, until_ms)
            if out_ms:
                self.open_day(shelf, day)["out_ms"] += out_ms
        shelf["out_since_ms"] = until_ms
        self.tables[SHELVES].put((self.pool, shelf["store"], shelf["sku"]), shelf)

    def settle_day(self, day: int) -> None:
        """Move what the shelves have of a day to the stores' days. Nothing of it may be told any more."""
        for key in sorted(self.out):
            shelf = self.shelves[key]
            self.count_out(shelf, end_ms(self.config.stores[key[0]], self.zone(), day))
        for store, sku in sorted(self.open_days.pop(day, ())):
            shelf = self.shelves[store, sku]
            self.add_to_store_day(store, day_of(shelf, day))
            shelf["days"] = [one for one in shelf["days"] if one["day"] != day]
            self.tables[SHELVES].put((self.pool, store, sku), shelf)

    def add_to_store_day(self, store: str, counted: ShelfDay, sign: int = 1) -> None:
        key = (self.pool, store, f"{counted['day']:06d}")
        known = self.tables[DAYS].get(key)
        row = known or {"pool": self.pool, "store": store, "day": counted["day"], "items": []}
        add_to(row["items"], counted, sign)
        self.tables[DAYS].put(key, row)

    # --- what is on its way, and what runs short --------------------------------------------------------

    def incoming_milli(self, shelf: RestockShelfRow) -> int:
        """Ordered of suppliers, or sent by neighbours, and not there yet."""
        coming = self.coming.get((shelf["store"], shelf["sku"]), 0)
        if not shelf["ordered"]:
            return coming
        since = self.today(shelf["store"]) - _LATE_GOODS_DAYS
        return coming + sum(one["quantity_milli"] for one in shelf["ordered"] if one["day"] >= since)

    def _check_cover(self, shelf: RestockShelfRow) -> None:
        floor = shelf["floor_milli"]
        if not floor or shelf["on_hand_milli"] + self.incoming_milli(shelf) >= floor:
            return
        today = self.today(shelf["store"])
        if shelf["low_day"] < today:
            shelf["low_day"] = today
            self.queue(shelf["store"], today, "low_cover")

    def queue(self, store: str, day: int, cause: RunCause) -> None:
        """Have the store planned. It is planned once for all causes; its night is the one that is told of."""
        runs = self.row["queue"]
        queued = next((run for run in runs if run["store"] == store), None)
        if queued is None:
            runs.append({"store": store, "day": day, "cause": cause, "position": self.row["position"]})
        elif cause == "nightly":
            queued["day"], queued["cause"], queued["position"] = day, cause, self.row["position"]
        self.keep_row()

    def load_transit(self, row: TransitRow, sign: int = 1) -> None:
        """Take a transfer into the sums of what comes and leaves; sign -1 takes it out."""
        for line in row["lines"]:
            self.leaving[row["from_store"], line["sku"]] += sign * line["leaving_milli"]
            self.coming[row["to_store"], line["sku"]] += sign * line["coming_milli"]


def _receive(shelf: RestockShelfRow, day: int, quantity_milli: int, is_delivery: bool) -> None:
    """Goods came: they are the newest on the shelf, and no longer on their way."""
    came: DatedQuantity = {"day": day, "quantity_milli": quantity_milli}
    shelf["receipts"] = [*shelf["receipts"], came][-_RECEIPTS_MAX:]
    left = quantity_milli if is_delivery else 0
    still: list[DatedQuantity] = []
    for one in shelf["ordered"]:
        taken = min(left, one["quantity_milli"])
        left -= taken
        if one["quantity_milli"] > taken:
            still.append({"day": one["day"], "quantity_milli": one["quantity_milli"] - taken})
    shelf["ordered"] = still
