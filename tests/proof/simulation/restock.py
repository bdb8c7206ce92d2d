"""Restock of a simulated pool: terms drawn from the seed, the worker stopped and killed, and what shops answer."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.codec import topic_codec
from schemas.models.local_calendar import LocalCalendar, LocalEvent
from schemas.models.restock_terms import RestockSettings
from schemas.topics import ORDERS_REQUESTS, POOL_JOURNAL, RESTOCK_ANSWERS, RESTOCK_PROPOSALS
from streams.restock.processor import RestockPartition, RestockProcessor
from streams.runtime.contract import Batch, InputRecord, OutputRecord, Rows
from tests.proof.restock.judge import problems_of
from tests.proof.simulation.order_checks import require

Row = dict[str, Any]


def restock_terms(seed: int) -> RestockSettings:
    """What the pool says of restocking."""
    chance = random.Random(f"restock terms of {seed}")
    return RestockSettings(
        lead_days=chance.choice((0, 1, 2)), budget_minor=chance.choice((2_000, 40_000, 1_000_000)),
        minimum_minor=chance.choice((0, 0, 500)), move_minor_per_trip=chance.choice((0, 10, 300)),
    )  # fmt: skip


def town_calendar(from_ms: int) -> LocalCalendar:
    """A street fair of some days that all stores feel, and works on the road before one of them."""
    days = [datetime.fromtimestamp(from_ms / 1000, UTC).date() + timedelta(days=ahead) for ahead in range(9)]
    fair, works = (
        {"first_day": days[first].isoformat(), "last_day": days[last].isoformat()} for first, last in ((2, 4), (1, 8))
    )
    return LocalCalendar(
        calendar="town",
        events=(
            LocalEvent(kind="roadworks", name="New pipes", stores=("share",), **works),
            LocalEvent(kind="street fair", name="Fair", **fair),
        ),
    )


class RestockedLife:
    """Follows the journal of one pool in batches of any size; while one is committed, the next is folded."""

    def __init__(self, seed: int, answered_until_ms: int) -> None:
        self.faults: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self._chance = random.Random(f"restock of {seed}")
        self._answered_until_ms = answered_until_ms
        self._rows: dict[str, bytes] = {}
        self._records: list[InputRecord] = []
        self._told: list[OutputRecord] = []
        self._offsets: Counter[str] = Counter()
        self._open: list[InputRecord] = []
        self._in_flight: tuple[list[InputRecord], Batch] | None = None
        self._to_say: list[Row] = []
        self._requests: list[bytes] = []
        self._work = self._start()

    def _start(self) -> RestockPartition:
        return RestockProcessor().open(0, 1, Rows(self._rows.get, self._scan, lambda _: None))

    def _scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        return iter(sorted(item for item in self._rows.items() if item[0].startswith(prefix) and item[0] > after))

    def take(self, pages: Iterable[bytes], at_ms: int) -> list[bytes]:
        """Pages that the pool wrote. Gives the requests that the pool is sent."""
        for page in pages:
            self._put(POOL_JOURNAL.name, page, at_ms)
        to_say, self._to_say = self._to_say, []
        for said in to_say:
            self._put(RESTOCK_ANSWERS.name, topic_codec(RESTOCK_ANSWERS.name).encode(said), at_ms)
        requests, self._requests = self._requests, []
        return requests

    def _put(self, topic: str, value: bytes, at_ms: int) -> None:
        record = InputRecord(topic, 0, self._offsets[topic], at_ms, b"k", value)
        self._offsets[topic] += 1
        self._records.append(record)
        self._open.append(record)
        self._work.apply(record)
        draw = self._chance.random()
        if draw < 0.05:
            self._die()
        elif draw < 0.3:
            self._close()
            if draw < 0.1:
                self.faults["restock restarted"] += 1
                self._settle(at_ms)
                self._work = self._start()
        if self._in_flight is not None and self._chance.random() < 0.7:
            self._settle(at_ms)

    def _die(self) -> None:
        """What was folded is lost, and what was being committed, too, unless Kafka has it."""
        self.faults["restock killed"] += 1
        lost = self._open
        if self._in_flight is not None:
            records, batch = self._in_flight
            if self._chance.random() < 0.5:
                self._store(batch)
            else:
                lost = records + lost
            self._in_flight = None
        self._work, self._open = self._start(), lost
        for record in lost:
            self._work.apply(record)

    def _close(self) -> None:
        if self._in_flight is not None:
            self._settle(self._records[-1].appended_at_ms)
        self._in_flight = self._open, self._work.close_batch()
        self._open = []

    def _settle(self, at_ms: int) -> None:
        if self._in_flight is None:
            return
        _, batch = self._in_flight
        self._in_flight = None
        self._store(batch)
        self._work.committed()
        for one in batch.outputs:
            if one.topic == RESTOCK_PROPOSALS.name and at_ms < self._answered_until_ms:
                self._answer(topic_codec(one.topic).decode(one.value), at_ms)

    def _store(self, batch: Batch) -> None:
        for key, row in batch.rows:
            if row is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = row
        self._told += batch.outputs
        self._requests += [one.value or b"" for one in batch.outputs if one.topic == ORDERS_REQUESTS.name]

    # --- shopkeepers ------------------------------------------------------------------------------------

    def _answer(self, proposal: Row, at_ms: int) -> None:
        chance = self._chance
        if proposal["status"] != "open" or chance.random() < 0.4:
            return
        kind = chance.choice(("approved", "approved", "approved", "changed", "refused"))
        packs = chance.choice((0, 1, 1, 2, 2.5))
        said = {
            "pool": proposal["pool"], "store": proposal["store"], "sku": proposal["sku"],
            "version": proposal["version"] + chance.choice((0,) * 12 + (-1, 1)), "kind": kind,
            "buy_milli": int(packs * proposal["pack_milli"]) if kind == "changed" else None,
            "with_moves": chance.random() < 0.8, "by": "Anna", "recorded_at_ms": at_ms, "origin": "simulation",
        }  # fmt: skip
        self._to_say.append(said)
        if chance.random() < 0.1:
            with_moves = said["with_moves"] ^ (chance.random() < 0.2)
            self._to_say.append({**said, "kind": chance.choice((kind, "refused")), "with_moves": with_moves})

    # --- the end ----------------------------------------------------------------------------------------

    def check_end(self) -> None:
        """All is folded, and each record that was told follows from the inputs, once."""
        self._close()
        self._settle(self._answered_until_ms)
        problems = problems_of(self._records, self._told, self._rows)
        require(not problems, "what restock told", *problems)
        for one in self._told:
            decoded = None if ".dlq." in one.topic else topic_codec(one.topic).decode(one.value)
            if one.topic == RESTOCK_PROPOSALS.name and decoded is not None:
                self.seen[f"proposal {decoded['status']} {decoded['cause']}"] += 1
                self.seen["move proposed"] += len(decoded["moves"])
                self.seen["event named"] += decoded["event"] is not None
            else:
                self.seen[f"told on {one.topic}"] += 1
