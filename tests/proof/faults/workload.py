"""The tills of the fault test, as a process: a trickle of events, and bursts on demand, all through one producer.

Reads commands from its input: `burst N` sends events of at least N lines at once; the end of the input stops it.
Prints `sent LINES` after each burst and at the end. What Kafka acknowledged is written to a file, a line each:
topic, partition, offset, digest of the value.
"""

import argparse
import select
import sys
import time
from collections.abc import Collection, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, TextIO

from confluent_kafka import OFFSET_BEGINNING, KafkaError, Producer, TopicPartition

from schemas.codec import topic_codec
from schemas.partition import partition_of
from schemas.topics import POOL_TASKS
from tests.proof.faults.topic_log import reader
from tests.proof.faults.world import Mix, Outgoing, TillWorld, pool_names

_TURN_S = 0.05


def digest(value: bytes | None) -> str:
    """Of a record's value, for the list of what was acknowledged."""
    return "none" if value is None else blake2b(value, digest_size=8).hexdigest()


class Till:
    """Sends records and notes what was acknowledged."""

    def __init__(self, bootstrap_servers: str, partitions: int, acknowledged: TextIO) -> None:
        self._partitions = partitions
        self._acknowledged = acknowledged
        self.lines = 0
        self.failures: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "acks": "all",
                "linger.ms": 2, "message.max.bytes": 8_000_000, "delivery.timeout.ms": 180_000,
                "reconnect.backoff.max.ms": 500, "log_level": 2,
            }
        )  # fmt: skip

    def send(self, record: Outgoing) -> None:
        home = partition_of(record.pool, self._partitions)
        partition = home if record.partition is None else record.partition
        self._producer.produce(record.topic, record.value, record.key, partition, on_delivery=self._delivered)
        self.lines += record.lines

    def _delivered(self, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self.failures.append(error.str())
            return
        place = (message.topic(), str(message.partition()), str(message.offset()), digest(message.value()))
        self._acknowledged.write("\t".join(place) + "\n")

    def poll(self) -> None:
        self._producer.poll(0)

    def flush(self, timeout_s: float) -> None:
        """Raises RuntimeError when a record was not acknowledged."""
        left = self._producer.flush(timeout_s)
        if left or self.failures:
            raise RuntimeError(f"{left} records not acknowledged, {len(self.failures)} failed: {self.failures[:3]}")


class Pickers:
    """Read the open tasks of the pools' stores as they come, each once."""

    def __init__(self, bootstrap_servers: str, partitions: int, pools: Collection[str]) -> None:
        self._pools = pools
        self._consumer = reader(bootstrap_servers, "read_committed", "pickers")
        self._consumer.assign([TopicPartition(POOL_TASKS.name, n, OFFSET_BEGINNING) for n in range(partitions)])
        self._told: set[tuple[str, str]] = set()

    def new_tasks(self) -> Iterator[dict[str, Any]]:
        """Picks that were not handed out before."""
        decode = topic_codec(POOL_TASKS.name).decode
        for message in self._consumer.consume(100, timeout=0):
            if message.error() is not None or message.value() is None:
                continue
            task = decode(message.value())
            name = (task["pool"], task["task"])
            is_theirs = task["pool"] in self._pools and name not in self._told
            if is_theirs and task["kind"] == "pick" and task["status"] == "open":
                self._told.add(name)
                yield task

    def close(self) -> None:
        self._consumer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--pools", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--lines-per-s", type=int, required=True)
    parser.add_argument("--repeats", type=float, required=True)
    parser.add_argument("--receipt-lines-min", type=int, required=True)
    parser.add_argument("--acknowledged", type=Path, required=True)
    options = parser.parse_args()
    mix = Mix(options.repeats, options.receipt_lines_min)
    pools = pool_names(options.partitions, options.pools)
    world = TillWorld(pools, options.partitions, options.seed, mix)
    with options.acknowledged.open("w") as acknowledged:
        till = Till(options.bootstrap_servers, options.partitions, acknowledged)
        pickers = Pickers(options.bootstrap_servers, options.partitions, pools)
        _work(till, world, pickers, options.lines_per_s)
        till.flush(120)
        pickers.close()
    print(f"sent {till.lines}", flush=True)


def _work(till: Till, world: TillWorld, pickers: Pickers, lines_per_s: int) -> None:
    began = time.monotonic()
    trickled = 0
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], _TURN_S)
        burst = 0
        if ready:
            command = sys.stdin.readline()
            if not command:
                return
            burst = int(command.removeprefix("burst "))
        due = int((time.monotonic() - began) * lines_per_s) - trickled
        trickled += due
        goal = till.lines + due + burst
        while till.lines < goal:
            till.send(world.next(time.time_ns() // 1_000_000))
        for task in pickers.new_tasks():
            till.send(world.report(task, time.time_ns() // 1_000_000))
        till.poll()
        if burst:
            print(f"sent {till.lines}", flush=True)


if __name__ == "__main__":
    main()
