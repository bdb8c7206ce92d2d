"""How long stores took to prepare orders, summed up anew from a journal in the UTC time zone: the long way."""

from collections import Counter, defaultdict
from itertools import chain, repeat
from typing import Any

from streams.pool.journal.facts import CONFIG_CHANGE, FULFILMENT_REPORT_DECIDED, Fact
from tests.support.pool import DAY_MS, HOUR_MS, MINUTE_MS

QUARTER_MS = 15 * MINUTE_MS
WHOLE_DAY, FROM_CLAIM = 24, 25
Row = dict[str, Any]


class Preparation:
    """Follows one pool from its first fact."""

    def __init__(self) -> None:
        self.stores: dict[str, Row] = {}
        self.places: dict[str, Row] = {}
        self.learns = True
        self._slots: dict[tuple[str, str], Row] = {}
        self._tasks: dict[str, Row] = {}
        self._told: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        """(store, hour) → permille of what was declared that each pick took, in order."""

    def take(self, fact: Fact) -> None:
        """The next fact."""
        kind, fields = fact[0], dict(fact[1])
        if kind == CONFIG_CHANGE:
            self._configure(*fields["change"])
        if kind == FULFILMENT_REPORT_DECIDED and self.learns:
            for task in fields["tasks"]:
                if (task["kind"], task["status"]) == ("pick", "done"):
                    self._learn(task, fields["report"]["occurred_at_ms"])
        order = fields.get("order")
        if isinstance(order, dict):
            for known in [one for one in self._slots if one[0] == order["order"]]:
                del self._slots[known]
            for slot in order["slots"]:
                self._slots[order["order"], slot["store"]] = slot
        for task in fields.get("tasks", ()):
            self._tasks[task["task"]] = task

    def rows(self) -> dict[str, tuple[int, list[int]]]:
        """Store and hour → (picks, their weights by eighths of what was declared)."""
        return {
            f"{store}/{hour:02}": (len(told), [self._weights(store, hour)[step] for step in range(1, 33)])
            for (store, hour), told in self._told.items()
            if told
        }

    def pace(self, store: str, at_ms: int) -> tuple[int, int]:
        """Permille of what is declared that the store usually needs at a time, and that it seldom needs more than."""
        hour = self._begins_ms(store, at_ms) // HOUR_MS % 24
        if not self.learns or not self._told[store, WHOLE_DAY]:
            return 1000, 1000
        weights = self._weights(store, hour if len(self._told[store, hour]) >= 8 else WHOLE_DAY)
        spread = sorted(chain.from_iterable(repeat(125 * step, weight) for step, weight in weights.items()))
        usual, long = (spread[-(-percent * len(spread) // 100) - 1] for percent in (75, 95))
        return max(1000, usual), max(1000, long)

    def declared_ms(self, place: str, lines: int) -> int:
        """What the place says."""
        return int(self.places[place]["preparation_ms"] + lines * self.places[place]["preparation_per_line_ms"])

    def open_ms(self, store: str, from_ms: int, until_ms: int) -> int:
        """The store's opening time between the two."""
        spans = self.stores[store]["opening"]
        if not spans:
            return max(0, until_ms - from_ms)
        return sum(
            max(0, min(until_ms, closes_ms) - max(from_ms, opens_ms))
            for opens_ms, closes_ms in self._spans(store, from_ms, until_ms)
        )

    def _configure(self, kind: str, change: Row) -> None:
        match kind.rpartition(".")[2]:
            case "StoreSettings":
                self.stores[change["store"]] = change
            case "PickupPlace":
                self.places[change["place"]] = change
            case "PoolSettings":
                self.learns = change["learns_preparation"]

    def _spans(self, store: str, from_ms: int, until_ms: int) -> list[tuple[int, int]]:
        return [
            (day * DAY_MS + span["opens_minute"] * MINUTE_MS, day * DAY_MS + span["closes_minute"] * MINUTE_MS)
            for day in range(from_ms // DAY_MS, until_ms // DAY_MS + 1)
            for span in self.stores[store]["opening"]
            if span["weekday"] == (day + 3) % 7 + 1
        ]

    def _begins_ms(self, store: str, at_ms: int) -> int:
        if not self.stores[store]["opening"]:
            return at_ms
        spans = self._spans(store, at_ms, at_ms + 8 * DAY_MS)
        return min(max(at_ms, opens_ms) for opens_ms, closes_ms in spans if closes_ms >= at_ms)

    def _learn(self, task: Row, done_at_ms: int) -> None:
        store, opened_ms, slot = task["store"], task["opened_at_ms"], self._slots.get((task["order"], task["store"]))
        if slot is None or self._tasks[task["task"]]["status"] not in ("open", "claimed"):
            return
        declared_ms = self.declared_ms(slot["place"], len(task["lines"]))
        if self.open_ms(store, opened_ms, slot["slot_ms"]) > 4 * declared_ms + QUARTER_MS:
            return
        hours = {opened_ms: [self._begins_ms(store, opened_ms) // HOUR_MS % 24, WHOLE_DAY]}
        told = [known["recorded_at_ms"] for known in task["reports"]]
        if len(told) > 1 and not task["reports_forgotten_ms"]:
            hours.setdefault(min(told), []).append(FROM_CLAIM)
        for since_ms, of_since in hours.items():
            taken_ms = self.open_ms(store, since_ms, done_at_ms)
            for hour in of_since if taken_ms else ():
                self._told[store, hour].append(-(-1000 * taken_ms // declared_ms))

    def _weights(self, store: str, hour: int) -> Counter[int]:
        """Eighths of what was declared → weight: 64 for a pick, and a 64th less with each that came after it."""
        weights = Counter({8: 8 * 64} if hour == WHOLE_DAY else {})
        for permille in self._told[store, hour]:
            for step in weights:
                weights[step] -= -(-weights[step] // 64)
            weights[min(-(-permille // 125), 32)] += 64
        return weights
