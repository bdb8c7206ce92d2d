"""The sections of the settings file. Made by `python -m schemas.generate`; change `config.py` beside it."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.models.base import Currency, Text, TimeZone
from schemas.models.config import AllocationSettings
from schemas.models.restock_terms import RestockSettings
from schemas.types.config import WeighedCodesRegion


class PoolTerms(BaseModel):
    """The pool itself. As the settings file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    """Human name."""
    currency: Currency = "EUR"
    """ISO 4217."""
    time_zone: TimeZone = "UTC"
    """IANA name."""
    late_limit_days: Annotated[int, Field(ge=1, le=400)] = 7
    """Older facts are quarantined."""
    future_skew_s: Annotated[int, Field(ge=0, le=86400)] = 300
    """Facts dated further ahead than this are quarantined."""
    weighed_codes_region: WeighedCodesRegion | None = None
    """Whose GS1 rules the labels of the stores' scales follow (ISO 3166); none when null."""
    hold_ttl_min: Annotated[int, Field(ge=1, le=10080)] = 15
    """How long goods are held for an order that is not confirmed."""
    reroutes_max: Annotated[int, Field(ge=0, le=100)] = 5
    """How often one order is allocated anew before what is missing stays unfilled."""
    claim_within_min: Annotated[int, Field(ge=1, le=43200)] = 15
    """Opening time after which a task that nobody claimed escalates."""
    pick_within_min: Annotated[int, Field(ge=1, le=43200)] = 60
    """Opening time after which a pick that is not done goes to another store."""
    lease_min: Annotated[int, Field(ge=1, le=43200)] = 30
    """How long a claim holds unless it is renewed."""
    preparation_min: Annotated[int, Field(ge=0, le=43200)] = 10
    """Opening time that a store needs before an order's deadline."""
    collect_grace_h: Annotated[int, Field(ge=0, le=720)] = 24
    """How long after the deadline picked goods wait to be collected."""
    recount_within_h: Annotated[int, Field(ge=1, le=720)] = 8
    """Opening time in which a recount is due."""
    ship_within_h: Annotated[int, Field(ge=1, le=720)] = 8
    """Opening time in which a transfer must be shipped, or it is called off."""
    transit_within_h: Annotated[int, Field(ge=1, le=720)] = 48
    """How long after shipping a transfer is late."""
    transit_lost_after_days: Annotated[int, Field(ge=1, le=400)] = 7
    """How long after shipping goods that have not come count as lost."""
    resend_after_min: Annotated[int, Field(ge=1, le=43200)] = 10
    """How long a message to another pool waits for its answer before it is sent again; twice as long after each."""
    order_ahead_max_days: Annotated[int, Field(ge=1, le=400)] = 60
    """How far ahead a deadline may be."""
    ended_retention_days: Annotated[int, Field(ge=0, le=400)] = 3
    """How long ended orders, transfers and tasks stay in the state at least."""
    learns_preparation: bool = True
    """Learn how long each store takes to prepare orders, and promise appointments by that."""
    offers_substitutes: bool = True
    """Name substitutes for what is short."""
    allocation: AllocationSettings = AllocationSettings()
    """How stores are chosen for orders."""
    restock: RestockSettings = RestockSettings()
    """How much is bought and moved."""


class StoreTerms(BaseModel):
    """A store of the pool. As the settings file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    """Human name."""
    open: bool = True
    """False takes the store's stock out of the pool."""
    reports_sales: bool = True
    """False: the store has no sale lines, so the levels that it reports are its stock."""
    rings_up_hand_overs: bool = False
    """True: its till rings up what is handed over for orders and cannot name them; such sales are matched."""
    safety_stock_units: Annotated[Decimal, Field(ge=0, le=1000000, decimal_places=3)] = Decimal(0)
    """Kept back of every item."""
    latitude_deg: Annotated[Decimal, Field(ge=-90, le=90)] = Decimal(0)
    """North of the equator."""
    longitude_deg: Annotated[Decimal, Field(ge=-180, le=180)] = Decimal(0)
    """East of Greenwich."""
    orders_at_once_max: Annotated[int, Field(ge=0, le=1000000)] = 20
    """Orders that it works on at a time."""
    orders_per_day_max: Annotated[int, Field(ge=0, le=1000000)] = 200
    """Orders that it is given in a day."""
