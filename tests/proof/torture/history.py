"""What clients of pools asked and heard, written down as it happens and judged afterwards: `check_history(path)`.

An operation begins when its record is handed to Kafka's producer and ends when a read_committed reader of orders.events
has the answer; a sale or a delivery, which nobody answers, when one of the journal sees that it counted. What was not
heard of stays open and may count at any time after, or never. What came about by itself (a
hold that broke, a reroute, an expiry) may have come about at any time after its order was asked for, an expiry not
before its time. Each pool is judged alone, and in it each group of items that no order joins with others.
"""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.proof.torture.linearizability import Operation, Outcome, check
from tests.proof.torture.promise_state import Act, Shelf, Told, amounts
from tests.proof.torture.promises import FOLLOW_UPS, Promises

Row = dict[str, Any]
STATES_MAX = 300_000
_REQUESTS = ("placed", "confirmed", "cancelled")
_OF_SHELVES = ("sold", "received")
"""Nobody answers these; the journal tells that they counted."""
_EARLY_NS = 2_000_000
"""Requests say their time in whole milliseconds."""


class Recorder:
    """Writes the history of any number of clients and readers, each from its own thread. Times are CLOCK_MONOTONIC,
    so several processes of one machine may write parts of one history."""

    def __init__(self, path: Path, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._clock_ns = clock_ns
        self._lock = threading.Lock()

    def opens(self, pool: str, shelves: Mapping[Shelf, int]) -> None:
        """What lies on the pool's shelves before anybody asks, in thousandths; those that are empty, too."""
        self._write("opens", {"pool": pool, "shelves": [[*shelf, milli] for shelf, milli in shelves.items()]})

    def asks(self, pool: str, key: str, kind: str, order: str = "", *, lines: Sequence[tuple[str, str, int]] = (),
             store: str = "", reason: str = "", is_all_or_nothing: bool = False, ttl_ms: int = 0) -> None:  # fmt: skip
        """Call it just before the record goes to the producer. `kind` and `lines` are those of `promises.Act`; `key` is
        the request's key, the report's id, or any name of a sale. Who asks again under one key is answered in turn."""
        self._write("asks", {
            "pool": pool, "key": key, "kind": kind, "order": order, "lines": [list(line) for line in lines],
            "store": store, "reason": reason, "is_all_or_nothing": is_all_or_nothing, "ttl_ms": ttl_ms,
        })  # fmt: skip

    def hears(self, event: Row) -> None:
        """Call it with each event of orders.events as soon as a read_committed reader has it."""
        told = {name: event[name] for name in ("pool", "order", "position", "kind", "reason", "key", "status")}
        holds: Counter[tuple[str, ...]] = Counter()
        for hold in event["holds"]:
            holds[hold["line_id"], hold["sku"], hold["store"], hold["state"]] += hold["quantity_milli"]
        given_up = [[line["line_id"], line["unfilled_milli"]] for line in event["lines"] if line["unfilled_milli"]]
        self._write("hears", told | {"holds": [[list(place), milli] for place, milli in holds.items()],
                                     "given_up": given_up})  # fmt: skip

    def counts(self, pool: str, key: str) -> None:
        """Call it when a read_committed reader of the journal sees that a sale or a delivery counted."""
        self._write("counts", {"pool": pool, "key": key})

    def _write(self, what: str, row: Row) -> None:
        line = json.dumps({"at_ns": self._clock_ns(), what: row}) + "\n"
        with self._lock:
            self._file.write(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


@dataclass(frozen=True)
class HistoryVerdict:
    """`problems` is empty when the history is linearizable. `parts` were judged apart."""

    operations: int
    answered: int
    parts: int
    states_tried: int
    problems: tuple[str, ...]

    @property
    def is_linearizable(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        judged = f"{self.operations} operations, {self.answered} of them answered, in {self.parts} parts"
        verdict = "linearizable" if self.is_linearizable else "\n".join(("NOT linearizable", *self.problems))
        return f"{judged}, {self.states_tried} states tried: {verdict}"


def check_history(
    history: Path | Iterable[Row], *, is_drained: bool = False, states_max: int = STATES_MAX
) -> HistoryVerdict:
    """Judge a file that a `Recorder` wrote, or its rows.

    `is_drained` says that all input was worked off before the last reading: each request must have its answer then.
    Raises ValueError for what no recorder writes.
    """
    if isinstance(history, Path):
        with history.open(encoding="utf-8") as lines:
            history = [json.loads(line) for line in lines]
    pools: dict[str, _PoolHistory] = defaultdict(_PoolHistory)
    for row in sorted(history, key=lambda row: row["at_ns"]):
        (what,) = row.keys() - {"at_ns"}
        if what not in ("opens", "asks", "hears", "counts"):
            raise ValueError(f"a row of a history opens, asks, hears or counts, and does not {what!r}")
        getattr(pools[row[what]["pool"]], what)(row["at_ns"], row[what])
    operations = answered = parts = tried = 0
    problems: list[str] = []
    for name, pool in sorted(pools.items()):
        judged = pool.parts()
        if is_drained:
            problems += [f"pool {name}: {key} has no answer" for key in pool.unanswered()]
        problems += [f"pool {name}: {problem}" for problem in pool.problems]
        for skus, part in judged:
            on_hand = {shelf: milli for shelf, milli in pool.shelves.items() if shelf[0] in skus}
            steps = Counter(one.what.order for one in part)
            verdict = check(part, Promises(on_hand, steps), states_max)
            operations += len(part)
            answered += sum(one.returned is not None for one in part)
            parts += 1
            tried += verdict.states_tried
            if verdict.outcome != Outcome.linearizable:
                stuck = [part[at].what for at in verdict.stuck if part[at].returned is not None]
                problems.append(
                    f"pool {name}, items {', '.join(sorted(skus))}: {verdict.outcome} after {len(verdict.order)} of "
                    f"{len(part)} operations; then no state allows {stuck[:3]}"
                )
    return HistoryVerdict(operations, answered, parts, tried, tuple(problems))


class _PoolHistory:
    """One pool's operations, put together from what was asked and heard, in order of time."""

    def __init__(self) -> None:
        self.shelves: dict[Shelf, int] = {}
        self.problems: list[str] = []
        self._asked: dict[str, list[tuple[int, Row]]] = defaultdict(list)
        self._placed: dict[str, tuple[int, Row]] = {}
        self._answers: dict[str, list[tuple[int, Told | None]]] = defaultdict(list)
        self._is_counted = False
        self._by_itself: list[tuple[int, str, Told]] = []
        self._numbers: set[int] = set()

    def opens(self, at_ns: int, row: Row) -> None:
        self.shelves |= {(sku, store): milli for sku, store, milli in row["shelves"]}

    def asks(self, at_ns: int, row: Row) -> None:
        self._asked[row["key"]].append((at_ns, row))
        if row["kind"] == "placed":
            self._placed.setdefault(row["order"], (at_ns, row))

    def hears(self, at_ns: int, row: Row) -> None:
        if row["position"] in self._numbers:
            self.problems.append(f"event {row['number']} came twice")
        self._numbers.add(row["position"])
        holds = amounts({tuple(at): milli for at, milli in row["holds"]})
        given_up = tuple(sorted((line, milli) for line, milli in row["given_up"]))
        told = Told(row["kind"], row["reason"], row["status"], holds, given_up)
        key = row["key"]
        if key is None:
            self._by_itself.append((at_ns, row["order"], told))
        elif len(self._answers[key]) == len(self._asked[key]):
            self.problems.append(f"an answer that nobody asked for: {row['kind']} {row['order']}, key {key}")
        else:
            self._answers[key].append((at_ns, told))

    def counts(self, at_ns: int, row: Row) -> None:
        self._is_counted = True
        if len(self._answers[row["key"]]) == len(self._asked[row["key"]]):
            self.problems.append(f"{row['key']} counted more often than it was told")
        else:
            self._answers[row["key"]].append((at_ns, None))

    def unanswered(self) -> list[str]:
        """Keys of what was asked more often than answered; of sales and deliveries only when somebody looked."""
        return [
            key for key, asked in self._asked.items()
            if len(asked) > len(self._answers[key]) and (self._is_counted or asked[0][1]["kind"] not in _OF_SHELVES)
        ]  # fmt: skip

    def parts(self) -> list[tuple[frozenset[str], list[Operation]]]:
        """The operations on each group of items that orders join."""
        groups = _joined({sku for sku, _ in self.shelves}, [row for _, row in self._placed.values()])
        parts: dict[frozenset[str], list[Operation]] = defaultdict(list)
        for key, asked in self._asked.items():
            for (called, row), (returned, told) in zip_longest(asked, self._answers[key], fillvalue=(None, None)):
                part = parts[self._group(groups, row)]
                part.append(Operation(called, returned, _act(row, told)))
        for returned, order, told in self._by_itself:
            if order not in self._placed or told.kind not in FOLLOW_UPS:
                self.problems.append(f"{told.kind} of {order}, which nobody asked for")
                continue
            called, row = self._placed[order]
            if told.kind == "expired":
                called += row["ttl_ms"] * 1_000_000 - _EARLY_NS
                if returned < called:
                    early_ms = (called - returned) // 1_000_000
                    self.problems.append(f"the holds of {order} expired {early_ms} ms too early")
                    called = returned
            parts[self._group(groups, row)].append(Operation(called, returned, Act(told.kind, order, told=told)))
        return sorted(parts.items(), key=lambda part: sorted(part[0]))

    def _group(self, groups: Mapping[str, frozenset[str]], row: Row) -> frozenset[str]:
        if row["kind"] not in _OF_SHELVES and row["order"] in self._placed:
            row = self._placed[row["order"]][1]
        if not row["lines"] or row["lines"][0][1] not in groups:
            raise ValueError(f"{row['kind']} {row['order']}: of no order that was placed, or an item without a shelf")
        return groups[row["lines"][0][1]]


def _act(row: Row, told: Told | None) -> Act:
    lines = tuple((line, sku, milli) for line, sku, milli in row["lines"])
    key = row["key"] if row["kind"] in _REQUESTS else ""
    return Act(row["kind"], row["order"], key, lines, row["store"], row["reason"], row["is_all_or_nothing"], told)


def _joined(skus: Iterable[str], orders: Iterable[Row]) -> dict[str, frozenset[str]]:
    """Item → the items that orders join it with, itself included."""
    groups = {sku: frozenset([sku]) for sku in skus}
    for order in orders:
        joined = frozenset().union(*(groups[sku] for _, sku, _ in order["lines"]))
        groups |= dict.fromkeys(joined, joined)
    return groups
