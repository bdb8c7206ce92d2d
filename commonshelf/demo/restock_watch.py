"""Follows what restock proposes, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from commonshelf.demo.topic_watch import TopicWatch
from schemas.topics import ORDERS_REQUESTS, RESTOCK_PROPOSALS, RESTOCK_PURCHASES
from schemas.types.restock import RestockProposal
from streams.restock.planning.answers import ORIGIN


@dataclass(slots=True)
class RestockView:
    """Restock as seen so far, since the demo began."""

    proposals: dict[tuple[str, str], RestockProposal] = field(default_factory=dict)
    """(Store, SKU) → the newest."""
    bought_minor: int = 0
    """Value of what was agreed to buy, minor units."""
    transfers: int = 0
    """Transfers that restock asked the pool for."""

    @property
    def proposed(self) -> int:
        """Proposals that a night's run made, answered or not."""
        return sum(one["status"] != "withdrawn" for one in list(self.proposals.values()))

    @property
    def moves(self) -> int:
        """Among them those that take a neighbour's surplus."""
        return sum(one["status"] != "withdrawn" and bool(one["moves"]) for one in list(self.proposals.values()))

    @property
    def accepted(self) -> int:
        """Those that a shop has approved."""
        return sum(one["status"] == "approved" for one in list(self.proposals.values()))

    @property
    def example(self) -> RestockProposal | None:
        """A proposal to show: one that was accepted and moves goods, or else the first of the best there is."""
        shown = [one for _, one in sorted(self.proposals.items()) if one["status"] != "withdrawn"]
        return max(shown, key=lambda one: (one["status"] == "approved", bool(one["moves"])), default=None)

    def take(self, topic: str, row: Any) -> None:
        """A row of one of the watched topics."""
        if topic == RESTOCK_PROPOSALS.name:
            self.proposals[row["store"], row["sku"]] = row
        elif topic == RESTOCK_PURCHASES.name:
            self.bought_minor += row["cost_minor"]
        elif row["origin"] == ORIGIN:
            self.transfers += 1


class RestockWatch(TopicWatch):
    """Reads one pool's proposals, purchases and requests from now on, in a thread of its own.

    `view` is written by that thread only. `check` raises what ended the thread.
    """

    def __init__(self, kafka_options: Mapping[str, str], pool: str, partitions: int) -> None:
        self.view = RestockView()
        topics = (RESTOCK_PROPOSALS.name, RESTOCK_PURCHASES.name, ORDERS_REQUESTS.name)
        super().__init__(kafka_options, "restock", topics, pool, partitions)

    def _take(self, topic: str, row: Any) -> None:
        self.view.take(topic, row)
