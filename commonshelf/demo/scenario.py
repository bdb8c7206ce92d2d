"""The data of a demo: a consortium, and what its tills say."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from commonshelf.demo.consortium import Consortium
from commonshelf.demo.latency import Latencies
from commonshelf.demo.store_tills import StoreTills


@dataclass(frozen=True)
class Signals:
    """Signals between a scenario and the demo that runs it."""

    caught_up: Callable[[], Awaitable[None]]
    """Of the demo: returns when the ledger has accounted for all that was confirmed to the tills."""
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    """Of the scenario: all stores have said what they have; from now on they sell."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Of the demo: say no more."""


class Scenario(Protocol):
    """Data for a demo and its course. `run` is awaited once."""

    consortium: Consortium
    latencies: Latencies
    export_interval_s: float | None
    """How often tills with a drop folder write a file; None: when `run` says so."""
    orders_per_second: float
    """How often a customer orders; 0 for never."""
    seed: int
    has_night: bool
    """The shops close at the end, and restock plans their night: the items have costs and prices."""
    notice: str
    """The notice about the data for the user, one line."""

    @property
    def pace_lost_s(self) -> float:
        """Time by which the pace was missed in all: the connectors answered too slowly for it."""

    def collected(self, store: str, sku: str, quantity_milli: int) -> None:
        """A customer took ordered goods away: they are no longer on the shelf."""

    def export_time_ms(self) -> int:
        """The time by which exports are dated, ms since 1970 UTC."""

    def shops_clock(self) -> str:
        """The shops' time, for the user."""

    async def run(self, tills: StoreTills, kafka_options: dict[str, str], partitions: int, signals: Signals) -> None:
        """Open the stores and let their tills speak, until the signal to stop or the data's end. Raises TillError."""
