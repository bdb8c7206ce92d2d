"""Goods handed over for orders, and rung up by a till that cannot name the order, move once.

Where a store's setting says that its hand-overs are rung up, they are matched with its sales by item, quantity and
business day. Units of one item are alike, so no receipt is tied to an order: of each item and day one balance is kept.
A hand-over moves goods and is owed a sale; a sale of what is owed moves nothing. A sale that comes while goods of
orders wait moves them, and is set against their hand-over, which then moves the rest. What is still owed when the day
is over is told: the store is asked to ring it up.
"""

from collections import defaultdict
from typing import Final

from schemas.types.journal import Fact
from schemas.types.stock import AppliedLine, HandOverRow, SaleRecorded
from schemas.types.tasks import TaskChanged, TaskLine
from streams.pool.aggregate import Trigger
from streams.pool.journal.facts import TASK_CHANGED, moved_milli
from streams.pool.orders.holds import CONFIRMED, PICKED, held_milli
from streams.pool.orders.index import ORDERS
from streams.pool.orders.rows import find_order
from streams.pool.state.agenda import Work
from streams.pool.state.forgetting import Forgettable
from streams.pool.state.part import Part, Pool
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import EntityKey, TableSpec
from streams.pool.tasks.index import TASKS
from streams.pool.tasks.opening_hours import business_day, local_time_ms
from streams.pool.tasks.rows import RING_UP, end_task, find_task, ring_up_task

HAND_OVERS_OF_DAY: Final = "hand_overs"
RUNG_UP_LATE: Work[str, None] = Work("rung_up_late")
"""Stores whose till rang up what was handed over, or took that back: what they were asked to ring up may be done."""
NOT_RUNG_UP: Final = "not_rung_up"
"""Reason of a task: goods were handed over for orders, and no till rang them up."""
_TOLD_AT_MINUTE = 6 * 60
"""Of the morning after: tills that send their day at night have sent it."""
_SIGN: Final = {"sale": 1, "void": -1}
_ASKED_AT_ONCE = 1_000
"""Items of one task to ring up: of more the store is asked by several."""


class HandOverIndex:
    """The balances of one pool, by what must be found fast. Made from the rows alone."""

    def __init__(self, state: Pool) -> None:
        self._state = state
        self.owed: dict[tuple[str, str], set[int]] = {}
        """(sku, store) → business days with goods handed over and not rung up."""
        self.untold: dict[str, set[str]] = {}
        """Day and store → the items of these that the store was not asked about."""
        self.forgettable = Forgettable()
        """Balances, by when no sale and no report about their day is taken any more."""

    def put(self, row: HandOverRow) -> None:
        """Take note of a balance."""
        self.remove(row)
        if row["owed_milli"] > 0:
            self.owed.setdefault((row["sku"], row["store"]), set()).add(row["day"])
            if not row["told"]:
                self.untold.setdefault(_day_of(row), set()).add(row["sku"])
                zone = self._state.config.pool["time_zone"]
                at_ms = local_time_ms(zone, row["day"] + 1, _TOLD_AT_MINUTE)
                self._state.alarms.set((HAND_OVERS_OF_DAY, _day_of(row)), at_ms)
        day_ends_ms = local_time_ms(self._state.config.pool["time_zone"], row["day"] + 2, 0)
        self.forgettable.set((HAND_OVERS_OF_DAY, _name(row)), day_ends_ms, day_ends_ms)

    def is_asked_for(self, sku: str, store: str) -> bool:
        """Is any of the item owed of a day that the store was asked about?"""
        days = self.owed.get((sku, store), ())
        return any(sku not in self.untold.get(f"{day}/{store}", ()) for day in days)

    def remove(self, row: HandOverRow) -> None:
        """The balance leaves the state."""
        shelf = (row["sku"], row["store"])
        days = self.owed.get(shelf, set())
        days.discard(row["day"])
        if not days:
            self.owed.pop(shelf, None)
        untold = self.untold.get(_day_of(row), set())
        untold.discard(row["sku"])
        if not untold:
            self.untold.pop(_day_of(row), None)
            self._state.alarms.set((HAND_OVERS_OF_DAY, _day_of(row)), None)
        self.forgettable.clear((HAND_OVERS_OF_DAY, _name(row)))


HAND_OVERS = Part(HandOverIndex)
"""The balances of a pool's hand-overs."""


def _load(state: Pool, row: HandOverRow) -> None:
    state[HAND_OVERS].put(row)


HAND_OVER_ROWS: TableSpec[EntityKey, HandOverRow] = TableSpec("handed", "HandOverRow", "/".join, load=_load)


def _name(row: HandOverRow) -> str:
    return f"{_day_of(row)}/{row['sku']}"


def _day_of(row: HandOverRow) -> str:
    return f"{row['day']}/{row['store']}"


def put_balances(state: PoolState, rows: list[HandOverRow]) -> None:
    """Fold: the balances as a fact has them; one that is even needs no row."""
    for row in rows:
        key = (state.pool, _name(row))
        if row["owed_milli"]:
            state.tables[HAND_OVER_ROWS].put(key, row)
            state[HAND_OVERS].put(row)
        else:
            state[HAND_OVERS].remove(row)
            state.tables[HAND_OVER_ROWS].delete(key)


class Balances:
    """The balances of one store while a fact about it is decided."""

    def __init__(self, state: PoolState, store: str) -> None:
        self._state = state
        self._store = store
        self._rows: dict[tuple[str, int], HandOverRow] = {}
        self.is_matched = state.config.stores[store]["rings_up_hand_overs"]
        """Does the store say that its hand-overs are rung up?"""

    def changed(self) -> list[HandOverRow]:
        """The rows that the fact changes."""
        return [self._rows[key] for key in sorted(self._rows)]

    def hand_over(self, sku: str, occurred_at_ms: int, milli: int) -> int:
        """Goods are handed over; gives what of them has left with a sale before."""
        if not self.is_matched or milli <= 0:
            return 0
        day = self._day(occurred_at_ms)
        rung_up = min(max(-self._owed(sku, day), 0), milli)
        self._add(sku, day, milli)
        return rung_up

    def ring_up(self, sku: str, occurred_at_ms: int, milli: int, waiting_milli: int) -> tuple[int, int]:
        """(what of a sale was handed over before, what of it is set against a hand-over to come)."""
        day = self._day(occurred_at_ms)
        owed = self._owed(sku, day)
        handed_over = min(max(owed, 0), milli)
        waiting = min(max(waiting_milli + min(owed, 0), 0), milli - handed_over)
        if handed_over or waiting:
            self._add(sku, day, -handed_over - waiting)
        return handed_over, waiting

    def settle(self, sku: str, occurred_at_ms: int, milli: int) -> int:
        """A sale names the order of goods that were handed over: they are owed no longer. Gives how many were."""
        day = self._day(occurred_at_ms)
        settled = min(max(self._owed(sku, day), 0), milli)
        if settled:
            self._add(sku, day, -settled)
        return settled

    def take_back(self, line: AppliedLine, occurred_at_ms: int) -> int:
        """Undo what a line of a sale was matched with; gives what a hand-over relied on, and moves now itself."""
        handed_over, waiting = line.get("handed_over_milli", 0), line.get("waiting_milli", 0)
        if not handed_over and not waiting:
            return 0
        day = self._day(occurred_at_ms)
        unused = min(max(-self._owed(line["sku"], day), 0), waiting)
        self._add(line["sku"], day, handed_over + waiting)
        return waiting - unused

    def _day(self, occurred_at_ms: int) -> int:
        config = self._state.config
        return business_day(config.stores[self._store], config.pool["time_zone"], occurred_at_ms)

    def _row(self, sku: str, day: int) -> HandOverRow:
        row: HandOverRow = {
            "pool": self._state.pool, "store": self._store, "sku": sku, "day": day, "owed_milli": 0, "told": False,
        }  # fmt: skip
        known = self._rows.get((sku, day))
        return known or self._state.tables[HAND_OVER_ROWS].get((self._state.pool, _name(row))) or row

    def _owed(self, sku: str, day: int) -> int:
        return self._row(sku, day)["owed_milli"]

    def _add(self, sku: str, day: int, milli: int) -> None:
        row = self._row(sku, day)
        told = row["told"] and milli <= 0  # what is added is told anew
        self._rows[sku, day] = {**row, "owed_milli": row["owed_milli"] + milli, "told": told}


def match_sale(state: PoolState, sale: SaleRecorded, before: SaleRecorded | None, undone: list[AppliedLine]) -> None:
    """Say in the fact of a sale which of its units were handed over before, or wait to be.

    `before` is the fact that is known of the sale, `undone` those of its applied lines that are reversed. Voids count
    against the sales of their own receipt; one with a receipt of its own is a plain movement.
    """
    event = sale["event"]
    store, at_ms = event["store"], event["occurred_at_ms"]
    balances = Balances(state, store)
    if before is not None:
        for line, old in zip(sale["reversed"], undone, strict=False):
            line["delta_milli"] -= balances.take_back(old, before["event"]["occurred_at_ms"])
    if balances.is_matched:
        net: dict[str, int] = defaultdict(int)
        for applied in sale["applied"]:
            told = event["lines"][applied["line"]]
            gone_before = (
                moved_milli(applied, told) + applied["delta_milli"] if applied.get("sold_at_till_milli", 0) > 0 else 0
            )
            settled = balances.settle(applied["sku"], at_ms, gone_before)
            if settled:
                applied["handed_over_milli"] = settled
            net[applied["sku"]] += _plainly_sold(applied, _SIGN.get(told["kind"], 0) * moved_milli(applied, told))
        for sku, milli in sorted(net.items()):
            if milli > 0:
                _match_lines(sale, sku, *balances.ring_up(sku, at_ms, milli, _waiting_milli(state, sku, store)))
    sale["hand_overs"] = balances.changed()


def _plainly_sold(applied: AppliedLine, milli: int) -> int:
    """What of a line is no goods of an order that the sale names."""
    return milli - applied.get("sold_at_till_milli", 0)


def _match_lines(sale: SaleRecorded, sku: str, handed_over: int, waiting: int) -> None:
    lines = sale["event"]["lines"]
    for applied in sale["applied"]:
        told = lines[applied["line"]]
        if applied["sku"] != sku or told["kind"] != "sale":
            continue
        room = _plainly_sold(applied, moved_milli(applied, told))
        now = min(handed_over, room)
        later = min(waiting, room - now)
        if now:
            applied["handed_over_milli"] = now
            applied["delta_milli"] += now
        if later:
            applied["waiting_milli"] = later
        handed_over, waiting = handed_over - now, waiting - later


def _waiting_milli(state: PoolState, sku: str, store: str) -> int:
    """What the store keeps for confirmed orders, picked or not."""
    waiting = 0
    for name in state[ORDERS].holding.get((sku, store), ()):
        order = find_order(state, name)
        for hold in order["holds"] if order is not None else ():
            if (hold["sku"], hold["store"]) == (sku, store) and hold["state"] in (CONFIRMED, PICKED):
                waiting += held_milli(hold)
    return waiting


def tell_not_rung_up(state: PoolState, name: str, trigger: Trigger) -> Fact:
    """Ask the store to ring up what it handed over on a day that is over."""
    skus = sorted(state[HAND_OVERS].untold[name])[:_ASKED_AT_ONCE]
    found = [state.tables[HAND_OVER_ROWS].get((state.pool, f"{name}/{sku}")) for sku in skus]
    rows = [row for row in found if row is not None]
    told: list[HandOverRow] = [{**row, "told": True} for row in rows]
    lines: list[TaskLine] = [
        {"line_id": row["sku"], "sku": row["sku"], "quantity_milli": row["owed_milli"]} for row in rows
    ]
    task = ring_up_task(state, rows[0]["store"], lines, NOT_RUNG_UP, trigger.now_ms)
    fact: TaskChanged = {"kind": NOT_RUNG_UP, "tasks": [task], "hand_overs": told}
    return TASK_CHANGED, fact


def end_rung_up(state: PoolState, store: str, _: None, trigger: Trigger) -> Fact | None:
    """End what the store was asked to ring up, once nothing of the same items is owed that it was asked for."""
    tasks = [find_task(state, name) for name in sorted(state[TASKS].at_store.get(store, ()))]
    done = [
        end_task(state, task, "done", "rung_up", trigger.now_ms)
        for task in tasks
        if task is not None
        and task["kind"] == RING_UP
        and not any(state[HAND_OVERS].is_asked_for(line["sku"], store) for line in task["lines"])
    ]
    fact: TaskChanged = {"kind": "rung_up", "tasks": done, "hand_overs": []}
    return (TASK_CHANGED, fact) if done else None
