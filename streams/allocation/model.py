"""Questions to allocation and its answers. Formula and rules: docs/allocation.md.

Quantities are thousandths of a unit. Costs are milli-minor: thousandths of the currency's minor unit, so that every
term is exact. Nothing here checks its values: `case_file` does for files, the pool for orders.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from schemas.models.config import AllocationSettings

MAX_LINES = 30
MAX_STORES = 100
MAX_QUANTITY_MILLI = 10_000_000
MAX_MINOR = 100_000_000
"""Largest price of a policy and value of a unit. Within these four limits no sum leaves 64 bits."""

Reason = Literal[
    "closed", "past_deadline", "no_capacity", "too_far", "no_slot", "no_stock", "excluded", "confidence_too_low",
    "not_enough", "costs_more",
]  # fmt: skip
"""Why a store is not used; the first that holds. docs/allocation.md says when each does."""


class Line(NamedTuple):
    """One line of an order. A case has each SKU once."""

    line_id: str
    sku: str
    quantity_milli: int
    step_milli: int = 1000
    """What it is sold by: 1000 for `each`, 1 for weighed goods. The quantity is a multiple of it."""
    unit_value_minor: int = 0
    """What a unit is worth to the shop when it would spoil otherwise: its cost."""


class Offer(NamedTuple):
    """An offer: so much of one SKU one store can promise."""

    available_milli: int
    confidence_permille: int
    """Chance that it is found on the shelf."""
    days_to_spoil: int | None = None
    """Whole days until the oldest of it spoils; None for goods that keep."""


class Store(NamedTuple):
    """A store of the pool as the order sees it."""

    store: str
    distance_m: int
    """From where the customer is or wants the goods."""
    capacity_left: int
    """Orders that it can still take; with 0 it takes none."""
    offers: Mapping[str, Offer]
    """By SKU."""
    above_fair_share: int = 0
    """Fulfilments that it was given today above its fair share; below it counts as 0."""
    is_open: bool = True
    """Open for pool orders at all."""
    meets_deadline: bool = True
    """Open long enough to be done before the deadline."""
    excluded_lines: frozenset[str] = frozenset()
    """Lines that it has refused or not found before: they never come back."""
    slot_minutes_away: int | None = 0
    """Minutes between its appointment and the wished window; 0 where none is wished, None when it has no slot."""


class Case(NamedTuple):
    """An order's open lines and the pool's stores."""

    lines: tuple[Line, ...]
    stores: tuple[Store, ...]
    may_split: bool
    """Over several stores, a line's units included."""
    may_part_fill: bool
    """False: every line is filled, or nothing is."""
    preferred_store: str | None = None


_DEFAULTS = AllocationSettings()


class Policy(NamedTuple):
    """A pool's prices, in minor units of its currency, and limits: docs/pool-settings.md says what each is."""

    max_stores: int = _DEFAULTS.max_stores
    max_distance_m: int = _DEFAULTS.max_distance_m
    min_confidence_permille: int = _DEFAULTS.min_confidence_permille
    distance_minor_per_km: int = _DEFAULTS.distance_minor_per_km
    handling_minor_per_store: int = _DEFAULTS.handling_minor_per_store
    handling_minor_per_share: int = _DEFAULTS.handling_minor_per_share
    split_minor_per_extra_store: int = _DEFAULTS.split_minor_per_extra_store
    line_split_minor_per_extra_store: int = _DEFAULTS.line_split_minor_per_extra_store
    reroute_minor_per_store: int = _DEFAULTS.reroute_minor_per_store
    last_slot_minor: int = _DEFAULTS.last_slot_minor
    short_pick_minor: int = _DEFAULTS.short_pick_minor
    fairness_minor_per_fulfilment: int = _DEFAULTS.fairness_minor_per_fulfilment
    spoilage_horizon_days: int = _DEFAULTS.spoilage_horizon_days
    spoilage_saved_permille: int = _DEFAULTS.spoilage_saved_permille
    slot_minor_per_minute: int = _DEFAULTS.slot_minor_per_minute
    slot_minutes_max: int = _DEFAULTS.slot_minutes_max
    missing_minor_per_unit: int = _DEFAULTS.missing_minor_per_unit


class Share(NamedTuple):
    """One line's part at one store."""

    line_id: str
    store: str
    quantity_milli: int


class Costs(NamedTuple):
    """The terms of the formula, each in milli-minor."""

    distance: int
    handling: int
    split: int
    reroute: int
    capacity: int
    short_pick: int
    fairness: int
    slot: int
    spoilage: int
    """Waste avoided: 0 or less."""
    missing: int

    def total(self) -> int:
        """The cost that is minimised."""
        return sum(self)


class RunnerUp(NamedTuple):
    """The best answer that does without one of the chosen stores at least."""

    stores: tuple[str, ...]
    """By id; none when filling nothing is next best."""
    cost_milli_minor: int


class Refusal(NamedTuple):
    """A store that is not used, and why."""

    store: str
    reason: Reason


class Short(NamedTuple):
    """The part of a line that nobody fills."""

    line_id: str
    missing_milli: int


class Answer(NamedTuple):
    """An answer: the stores that fill the lines, the cost, and why not others."""

    shares: tuple[Share, ...]
    """In the order of the lines, then of store ids."""
    costs: Costs
    runner_up: RunnerUp | None
    """None when nothing is filled."""
    refused: tuple[Refusal, ...]
    """Every store that has no share, by id."""
    short: tuple[Short, ...]

    def stores(self) -> tuple[str, ...]:
        """The stores that have shares, by id."""
        return tuple(sorted({share.store for share in self.shares}))
