"""The options of `demo`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from commonshelf.stack.runtime_file import DEMO_DATA_DIR
from world.grocers import GROCERS

DataSource = Literal["generated", "completejourney"]
LIVE_LINES_PER_SECOND = 200.0
"""A pace at which a laptop breathes."""
ORDERS_PER_SECOND = 2.0
JOURNEY_RUN_S = 180.0
"""Into how long a replayed month is fitted unless `for_s` or `lines_per_second` says otherwise."""


@dataclass(frozen=True)
class DemoOptions:
    """The options of one demo.

    for_s: seconds of selling before it drains and ends by itself; None: until Ctrl-C (a replay: until its month ends).
    as_json: print one JSON object as the last line of stdout.
    seed: of the generated world. stores: how many take part. demand_multiplier: times the world's usual demand of
    1.3 units a week per store and item.
    orders_per_second: how often customers order, 0 for never; a replay has no orders.
    lines_per_second: the pace; None takes 200, or for a replay what fits the month into the run.
    exporter: also run the process that shows pools and stores to Prometheus.
    faults: kill the ledger's worker now and then.
    keep: leave the data directory, and go on in it the next time.
    """

    for_s: float | None = None
    as_json: bool = False
    seed: int = 1
    stores: int = GROCERS
    lines_per_second: float | None = None
    data: DataSource = "generated"
    demand_multiplier: float = 1.0
    orders_per_second: float = ORDERS_PER_SECOND
    exporter: bool = False
    faults: bool = False
    keep: bool = False
    data_dir: Path = DEMO_DATA_DIR

    def __post_init__(self) -> None:
        """Raises ValueError with a sentence for the user."""
        if not 1 <= self.stores <= 500:
            raise ValueError(f"--stores is {self.stores}; from 1 to 500 can take part")
        if self.data == "completejourney" and self.stores > GROCERS:
            raise ValueError(f"--stores is {self.stores}; --data completejourney replays at most {GROCERS}")
        if self.lines_per_second is not None and self.lines_per_second <= 0:
            raise ValueError(f"--lines-per-second is {self.lines_per_second:g}; it must be more than 0")
        if self.for_s is not None and self.for_s <= 0:
            raise ValueError(f"--for is {self.for_s:g} s; it must be more than 0")
        if not 0 <= self.orders_per_second <= 1_000:
            raise ValueError(f"--orders-per-second is {self.orders_per_second:g}; it must be from 0 to 1000")
        if self.demand_multiplier <= 0:
            raise ValueError(f"--demand-multiplier is {self.demand_multiplier:g}; it must be more than 0")
