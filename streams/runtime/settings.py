"""Settings of a ledger worker, and the ways in which it ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from messaging.errors import UserError


@dataclass(frozen=True)
class WorkerSettings:
    """Settings of one worker. Kafka options are librdkafka's (security.protocol, sasl.username …)."""

    bootstrap_servers: str
    group: str
    instance_id: str
    """Stable name of this worker's slot; unique in the group."""
    state_dir: Path
    partitions: int
    kafka_options: Mapping[str, str] = field(default_factory=dict)
    http_host: str = "127.0.0.1"
    http_port: int = 0
    """0 takes a free port."""
    batch_records: int = 20_000
    batch_bytes: int = 2_097_152
    """A micro-batch closes when its records reach this: receipts of many lines weigh more than their number tells."""
    batch_rows: int = 16_384
    """It closes, too, when it has changed so many rows: each is held several times over until it is committed."""
    batch_age_ms: int = 20
    session_timeout_ms: int = 6_000
    transaction_timeout_ms: int = 5_000
    """How long Kafka lets a transaction be open. The worker's other limits of time follow from it, so that they fit."""
    store_cache_mib: int = 32
    """RocksDB's block cache for all partitions of the worker; its write buffers take as much again."""

    step_over: str = ""
    """How an operator steps over a record, with {topic}, {partition} and {offset}; told when one fails."""
    accept_gap: str = ""
    """How an operator gives up records that are gone from an input, with {until} beside these."""

    @property
    def batch_s(self) -> float:
        """A micro-batch closes when it has been folded for so long: what follows has four times as long."""
        return self.transaction_timeout_ms / 5_000

    @property
    def give_up_s(self) -> float:
        """How long each step of a commit is tried again. `/health` says stuck when a turn, or a try, takes as long."""
        return max(12 * self.transaction_timeout_ms / 1_000, 60.0)

    @property
    def poll_interval_ms(self) -> int:
        """How long Kafka waits for the next turn: for a fold, and a commit whose three steps are each given up."""
        return int(5_000 * self.give_up_s)

    def client_options(self) -> dict[str, str | int]:
        """Options of every client of this worker."""
        return {**self.kafka_options, "bootstrap.servers": self.bootstrap_servers, "client.id": self.instance_id}


class WorkerStopped(UserError):
    """The worker cannot go on; the message says why and what to do. The process exits non-zero."""


class Rejoin(RuntimeError):
    """The worker lost its place (fenced, unknown member, timed out): drop uncommitted state and join again."""


class LocalStoreBroken(Rejoin):
    """The local store of a partition cannot be read; it is dropped and restored from the changelog."""

    def __init__(self, partition: int, cause: Exception) -> None:
        super().__init__(f"local store of partition {partition}: {cause}")
        self.partition = partition
