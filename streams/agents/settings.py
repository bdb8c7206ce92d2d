"""Settings of the Faust lane, in one frozen object made at the edge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from streams.agents.callers import Run


@dataclass(frozen=True)
class AgentsSettings:
    """Settings of one agents worker.

    bootstrap_servers: "HOST:PORT[,HOST:PORT…]".
    data_dir: a folder for Faust's own files; it is made if absent and holds nothing that matters.
    kafka_options: security settings under librdkafka's names; see `streams.agents.kafka_security`.
    partitions: how many partitions every topic has.
    http_port: port of /health, /ready and /metrics on http_host; 0 takes a free one, which the log names.
    tick_interval_ms: time between two ticks of a pool.
    data_clock_pools: pools that run on their data's clock (a demo, a replay), so the wall clock leaves them alone.
    vault_engine: makes the engine of the vault of addresses; None leaves nothing to erase there.
    vault_sweep_interval_s: how often what has expired is erased there.
    callers: makes what calls the outside, by name; it is given the registry of the process's metrics.
    group: consumer group of all agents workers.
    instance_id: this worker's stable name in the group: restarted under it, it has its partitions back at once.
    """

    bootstrap_servers: str
    data_dir: Path
    kafka_options: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a password
    partitions: int = 12
    http_host: str = "127.0.0.1"
    http_port: int = 0
    tick_interval_ms: int = 1000
    data_clock_pools: frozenset[str] = frozenset()
    vault_engine: Callable[[], Engine] | None = field(default=None, repr=False)
    vault_sweep_interval_s: int = 60
    callers: Callable[[CollectorRegistry], Mapping[str, Run]] = field(default=lambda _: {}, repr=False)
    group: str = "commonshelf-agents"
    instance_id: str = "agents-1"
