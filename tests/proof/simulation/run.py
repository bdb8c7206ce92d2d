"""`./shelf simulate`: lives of a pool, and of two that lend each other, drawn from seeds, without Kafka, audited.

Restarts, crashes in the middle of a batch and the ends of batches are drawn, too. A seed that fails is printed, and
fails again in the same step.
"""

import argparse
import json
import random
import time
from collections import Counter
from hashlib import blake2b
from typing import Any, NamedTuple

from schemas.topics import POOL_JOURNAL
from streams.runtime.contract import InputRecord
from tests.proof.faults.replay import fold_again
from tests.proof.simulation.auditor import Auditor
from tests.proof.simulation.lending import LendingLife
from tests.proof.simulation.order_checks import ViolationError, require
from tests.proof.simulation.restock import RestockedLife
from tests.proof.simulation.settlement import SettledLife
from tests.proof.simulation.world import START_MS, PoolWorld
from tests.support.lanes import take
from tests.support.pool import DAY_MS, POOL, PoolBench, assert_agenda_is_empty, decode_row


class Life(NamedTuple):
    """What one seed gave."""

    digest: str
    """Of the journal: two runs of a seed give the same."""
    records: int
    faults: Counter[str]
    seen: Counter[str]


class _Broker:
    """Gives records their offsets, ends batches, and stops and starts the partition."""

    def __init__(self, seed: int, restocked: RestockedLife | None) -> None:
        self._chance = random.Random(f"batches of {seed}")
        self.bench = PoolBench(cached_rows_max=self._chance.choice((1, 100, 50_000)))
        self.auditor = Auditor()
        self.settled = SettledLife(seed)
        self.restocked = restocked
        self.requests: list[bytes] = []
        """What restock asks the pool for, and is not sent yet."""
        self.faults: Counter[str] = Counter()
        self._offsets: Counter[str] = Counter()
        self._open: list[InputRecord] = []

    def put(self, topic: str, value: bytes | None, at_ms: int) -> list[dict[str, Any]]:
        """Apply a record; gives the tasks that were published, if a batch ended."""
        record = InputRecord(topic, 0, self._offsets[topic], at_ms, b"k", value)
        self._offsets[topic] += 1
        self._open.append(record)
        take(self.bench.partition, record)
        assert_agenda_is_empty(self.bench.partition)
        draw = self._chance.random()
        if draw < 0.005:
            self.faults["crashed"] += 1
            self.bench.restart()
            for one in self._open:
                take(self.bench.partition, one)
        if draw > 0.15:
            return []
        tasks = self.commit()
        if draw < 0.01:
            self.faults["restarted"] += 1
            self.bench.restart()
        return tasks

    def commit(self) -> list[dict[str, Any]]:
        self.bench.commit()
        outputs, self.bench.outputs = self.bench.outputs, []
        records, self._open = self._open, []
        pages = [one.value or b"" for one in outputs if one.topic == POOL_JOURNAL.name]
        self.settled.take(pages)
        if self.restocked is not None and records:
            self.requests += self.restocked.take(pages, records[-1].appended_at_ms)
        row = self.bench.committed.rows.get(f"pool/{POOL}")
        return self.auditor.check(records, outputs, None if row is None else decode_row(row))


def simulate(seed: int, days: int, *, is_restocked: bool = False) -> Life:
    """A pool's life of `days` days. Raises ViolationError, or whatever the pool raises.

    is_restocked: restock proposes, and asks the pool for transfers; its nights take longer than all else.
    """
    restocked = RestockedLife(seed, START_MS + days * DAY_MS) if is_restocked else None
    world, broker = PoolWorld(seed, days), _Broker(seed, restocked)
    records = 0
    while (arrival := world.next()) is not None:
        records += 1
        world.hear(broker.put(arrival.topic, arrival.value, arrival.at_ms))
        requests, broker.requests = broker.requests, []
        for request in requests:
            world.ask(request)
    broker.commit()
    auditor, settled = broker.auditor, broker.settled
    auditor.check_end(broker.bench.committed.rows)
    settled.check_end(auditor.entries)
    faults, seen = world.faults + broker.faults + settled.faults, auditor.seen + settled.seen
    if restocked is not None:
        restocked.check_end()
        faults, seen = faults + restocked.faults, seen + restocked.seen
    require(fold_again(auditor.entries) == broker.bench.committed.rows, "folding the journal gives other rows")
    digest = blake2b(b"".join(entry.fact_bytes for entry in auditor.entries), digest_size=12).hexdigest()
    return Life(digest, records, faults, seen)


def simulate_lending(seed: int, days: int) -> LendingLife:
    """`days` days of two pools that lend each other. Raises ViolationError, or whatever a pool raises."""
    life = LendingLife(seed)
    life.live(days)
    return life


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    began, seed, days = time.monotonic(), options.seed, 0
    faults: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    failed = None
    while failed is None and (days == 0 or time.monotonic() - began < options.seconds):
        try:
            life = simulate(seed, options.days, is_restocked=True)
            lending = simulate_lending(seed, options.days)
        except Exception as error:  # whatever the pool raises is a finding, and the seed must be told
            failed = seed
            print(f"seed {seed}: {type(error).__name__}: {error}")
            print(f"again: ./shelf simulate --seed {seed} --days {options.days} --for 1s")
            if not isinstance(error, ViolationError):
                raise
        else:
            faults += life.faults + lending.faults
            seen += life.seen + lending.seen
            days += options.days
            seed += 1
    per_minute = round(days / (time.monotonic() - began) * 60)
    lives = f"seeds {options.seed} to {seed - 1}" if days else "no life"
    print(f"{days} pool-days, {per_minute} a minute, {lives} without a violation; as many of two pools that lend")
    print("faults:", ", ".join(f"{count} {name}" for name, count in sorted(faults.items())))
    if options.json:
        figures = {"pool_days": days, "pool_days_per_minute": per_minute, "failed_seed": failed}
        print(json.dumps({**figures, "faults": dict(faults), "seen": dict(seen)}))
    return int(failed is not None)


if __name__ == "__main__":
    raise SystemExit(main())
