"""The records of `schemas/records/restock`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

from schemas.types.pos import Unit

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
