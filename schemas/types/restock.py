"""The records of `schemas/records/restock`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange
from schemas.types.pos import Unit
from schemas.types.state import OffsetsRow

ProposalStatus = Literal["open", "approved", "changed", "refused", "withdrawn"]
"""open: waits for an answer.
approved: agreed to as it is.
changed: agreed to with another quantity.
withdrawn: nothing is needed any more.
"""

RunCause = Literal["nightly", "low_cover", "requested"]
"""nightly: the store's business day ended.
low_cover: what is there and on its way lasts no longer than new goods take to come.
requested: somebody asked for it.
"""

RestockAnswerKind = Literal["approved", "changed", "refused"]


class DatedQuantity(TypedDict):
    """A quantity of a day."""

    day: int
    quantity_milli: int


class ForecastBlock(TypedDict):
    """A piece of what a pool has learned."""

    pool: str
    name: str
    numbers: bytes


class ShelfDay(TypedDict):
    """A store's business day of one item."""

    sku: str
    day: int
    sold_milli: int
    returned_milli: int
    wasted_milli: int
    ordered_milli: int
    unmet_milli: int
    opening_milli: int
    closing_milli: int
    out_ms: int
    steps: int
    squares: int


class ProposedMove(TypedDict):
    """Goods that a neighbour has to spare."""

    from_store: str
    quantity_milli: int
    cost_minor: int
    transfer: str | None


class PurchaseLine(TypedDict):
    """What a store orders of its supplier of one item: a proposal that was agreed to."""

    pool: str
    store: str
    supplier: str
    sku: str
    gtin: str | None
    name: str
    unit: Unit
    version: int
    quantity_milli: int
    packs: int
    pack_milli: int
    cost_minor: int
    currency: str
    order_on: str
    arrives_on: str
    agreed_by: str
    agreed_at_ms: int


class QueuedRun(TypedDict):
    """A store that is to be planned."""

    store: str
    day: int
    cause: RunCause
    position: int


class TransitLine(TypedDict):
    """An item of a transfer."""

    sku: str
    leaving_milli: int
    coming_milli: int


class WantedLine(TypedDict):
    """An item of an order, as it counts."""

    sku: str
    quantity_milli: int
    unfilled_milli: int


class PastSaleRow(TypedDict):
    """A sale of the past that was counted."""

    pool: str
    sale: str
    version: int
    store: str
    items: list[ShelfDay]


class RestockShelfRow(TypedDict):
    """What restock knows of one item in one store."""

    pool: str
    store: str
    sku: str
    number: int
    first_day: int
    on_hand_milli: int
    counted_at_ms: int
    out_since_ms: int
    floor_milli: int
    low_day: int
    days: list[ShelfDay]
    receipts: list[DatedQuantity]
    ordered: list[DatedQuantity]


class StoreDayRow(TypedDict):
    """A store's business day, item by item; of items that are not named nothing moved, and they were in stock."""

    pool: str
    store: str
    day: int
    items: list[ShelfDay]


class RestockProposal(TypedDict):
    """What a store is proposed to buy of one item, and to get from its neighbours, with the numbers behind it. A
    higher version supersedes it.
    """

    pool: str
    store: str
    sku: str
    version: int
    status: ProposalStatus
    name: str
    unit: Unit
    run: str
    cause: RunCause
    position: int
    planned_at_ms: int
    event: str | None
    event_permille: int | None
    on_hand_milli: int
    expiring_milli: int
    incoming_milli: int
    lead_days: int
    review_days: int
    mean_milli: int
    p50_milli: int
    p80_milli: int
    p90_milli: int
    p95_milli: int
    cover_days: int | None
    order_up_to_milli: int
    buy_milli: int
    packs: int
    pack_milli: int
    pack_cost_minor: int
    buy_cost_minor: int
    currency: str
    supplier: str | None
    order_on: str
    arrives_on: str
    moves: list[ProposedMove]
    cost_nothing_minor: int
    cost_buy_minor: int | None
    cost_move_minor: int | None
    why: str
    agreed_milli: int
    answered_by: str | None
    answered_at_ms: int | None


class RestockPoolRow(TypedDict):
    """What restock knows of a pool as a whole."""

    pool: str
    position: int
    clock_ms: int
    first_day: int
    learned_day: int
    past_at_ms: int
    stores: list[str]
    skus: list[str]
    categories: list[str]
    kinds: list[str]
    live_days: dict[str, int]
    planned_days: dict[str, int]
    queue: list[QueuedRun]


class RestockAnswer(TypedDict):
    """What a shopkeeper says to a proposal. The first answer to a version counts; a version that was superseded
    takes none.
    """

    pool: str
    store: str
    sku: str
    version: int
    kind: RestockAnswerKind
    buy_milli: int | None
    with_moves: bool
    by: str
    recorded_at_ms: int
    origin: str


class TransitRow(TypedDict):
    """A transfer that goes on, as it counts."""

    pool: str
    transfer: str
    from_store: str
    to_store: str
    lines: list[TransitLine]


class WantedOrderRow(TypedDict):
    """The demand of an order that goes on."""

    pool: str
    order: str
    store: str
    day: int
    lines: list[WantedLine]


RestockRow = (
    tuple[Literal["commonshelf.RestockPoolRow"], RestockPoolRow]
    | tuple[Literal["commonshelf.RestockShelfRow"], RestockShelfRow]
    | tuple[Literal["commonshelf.StoreDayRow"], StoreDayRow]
    | tuple[Literal["commonshelf.PastSaleRow"], PastSaleRow]
    | tuple[Literal["commonshelf.WantedOrderRow"], WantedOrderRow]
    | tuple[Literal["commonshelf.TransitRow"], TransitRow]
    | tuple[Literal["commonshelf.ForecastBlock"], ForecastBlock]
    | tuple[Literal["commonshelf.RestockProposal"], RestockProposal]
    | tuple[Literal["commonshelf.ConfigChange"], ConfigChange]
    | tuple[Literal["commonshelf.CatalogItem"], CatalogItem]
    | tuple[Literal["commonshelf.OffsetsRow"], OffsetsRow]
)
"""The row."""


class RestockStateRow(TypedDict):
    """One row of restock's state; the changelog that restores it. Internal."""

    row: RestockRow
