"""Shapes of the API's answers. Quantities are thousandths of the item's unit, times ms since 1970 UTC."""

from typing import Literal

from pydantic import BaseModel, Field

Unit = Literal["each", "kg", "l"]
BandWord = Literal["in", "low", "out"]
UNTIL = "When the window ends that was promised with the slot, which it begins with."


class ItemShape(BaseModel):
    """An item of the pool's product master."""

    sku: str
    gtin: str | None
    name: str
    category: str
    unit: Unit
    pack_milli: int


class ItemsPage(BaseModel):
    items: list[ItemShape]
    next: str | None


class Numbers(BaseModel):
    """The numbers of a shelf: of the key's own store, or opened to it by a grant."""

    available_milli: int
    on_hand_milli: int
    held_milli: int
    safety_stock_milli: int
    contribution_milli: int
    confidence_permille: int
    recorded_at_ms: int


class StoreShelf(BaseModel):
    """An item at a store."""

    store: str
    name: str
    distance_m: int | None = Field(description="From `near`; null without.")
    band: BandWord
    numbers: Numbers | None = Field(description="Null for who may see bands alone.")


class ItemAvailability(BaseModel):
    """An item, and the stores that have a shelf of it: the nearest first, or by id."""

    pool: str
    sku: str
    name: str
    unit: Unit
    stores: list[StoreShelf]


class AvailabilityAnswer(BaseModel):
    pool: str
    position: int | None = Field(
        description="All facts of the pool's journal up to here are in the answer, perhaps more; null without a key."
    )
    items: list[ItemAvailability]
    unknown: list[str] = Field(description="SKUs that the pool has not.")


class BasketStore(BaseModel):
    """A store, and what of a basket it has."""

    store: str
    name: str
    distance_m: int | None
    has: Literal["all", "some"] = Field(
        description="By numbers where the caller may see them, else by bands: the quantity is not looked at then."
    )
    lines: list[str] = Field(description="SKUs of the lines that it has.")
    ready_ms: int = Field(description="When it can be ready at the earliest, by its opening hours.")
    places: list[str] = Field(description="Places of pickup where it hands over.")


class BasketAnswer(BaseModel):
    """Stores that have some of a basket: those with all of it first, then the soonest, then the nearest."""

    pool: str
    stores: list[BasketStore]


class ShelvesPage(BaseModel):
    shelves: list["OwnShelf"]
    next: str | None


class OwnShelf(Numbers):
    """An item on a shelf of a store that the caller may see the numbers of."""

    sku: str
    unit: Unit


class Hold(BaseModel):
    line_id: str
    sku: str
    store: str
    quantity_milli: int
    state: str


class Line(BaseModel):
    line_id: str
    sku: str
    quantity_milli: int
    unfilled_milli: int
    reason: str


class Slot(BaseModel):
    store: str
    place: str
    slot_ms: int
    until_ms: int = Field(description=UNTIL)


class Substitute(BaseModel):
    line_id: str
    skus: list[str]


class Passed(BaseModel):
    """A store that gives nothing to the order."""

    store: str
    reason: str


class WhySo(BaseModel):
    """The reasons of an allocation, as docs/allocation.md has them: costs in thousandths of a minor unit."""

    costs: dict[str, int]
    runner_up: list[str]
    runner_up_milli_minor: int | None
    passed_over: list[Passed]
    substitutes: list[Substitute]


class Order(BaseModel):
    """An order as it stands. A store's key sees what it placed, or its own part of it."""

    pool: str
    order: str
    position: int
    status: str
    outcome: str
    changed_at_ms: int
    lines: list[Line]
    holds: list[Hold]
    slots: list[Slot]
    decision: WhySo | None = Field(description="Of the last allocation; null for a store that has only a part in it.")


class OrdersPage(BaseModel):
    orders: list[Order]
    next: str | None


class OrderChange(BaseModel):
    """A change of an order."""

    position: int
    at_ms: int
    kind: str
    reason: str
    detail: str
    store: str | None
    status: str
    outcome: str


class OrderChanges(BaseModel):
    events: list[OrderChange]


class Pending(BaseModel):
    """Kafka has the request, and the pool has not decided yet: `url` will tell."""

    request: str
    url: str
    detail: str


class TaskLine(BaseModel):
    line_id: str
    sku: str
    quantity_milli: int


class Task(BaseModel):
    task: str
    kind: str
    store: str
    order: str | None
    transfer: str | None
    status: str
    reason: str
    worker: str | None
    priority: int
    opened_at_ms: int
    claim_by_ms: int
    due_ms: int
    lease_until_ms: int
    lines: list[TaskLine]
    position: int


class TasksPage(BaseModel):
    tasks: list[Task]
    next: str | None


class Appointment(BaseModel):
    order: str
    store: str
    place: str
    status: str
    slot_ms: int
    until_ms: int = Field(description=UNTIL)
    is_late: bool
    window_from_ms: int
    window_until_ms: int
    deadline_ms: int
    customer: str
    eta_ms: int
    position: int


class AppointmentsPage(BaseModel):
    appointments: list[Appointment]
    next: str | None


class Reported(BaseModel):
    """The outcome of a report."""

    report: str
    kind: str = Field(description="taken, or what became of the order by it.")
    position: int | None
    task: Task | None
    order: str | None


class Move(BaseModel):
    from_store: str
    quantity_milli: int
    cost_minor: int


class Proposal(BaseModel):
    sku: str
    name: str
    unit: Unit
    version: int
    status: str
    planned_at_ms: int
    on_hand_milli: int
    incoming_milli: int
    p50_milli: int
    p90_milli: int
    buy_milli: int
    packs: int
    pack_milli: int
    buy_cost_minor: int
    currency: str
    supplier: str | None
    order_on: str
    arrives_on: str
    moves: list[Move]
    why: str
    agreed_milli: int
    answered_by: str | None
    answered_at_ms: int | None


class ProposalsPage(BaseModel):
    proposals: list[Proposal]
    next: str | None


class StatementTotal(BaseModel):
    kind: str
    belongs_to_ms: int
    amount_minor: int
    transactions: int


class Payment(BaseModel):
    payer: str
    payee: str
    amount_minor: int


class Statement(BaseModel):
    """The store's balance over a settlement window that has closed; payments are those that it makes or gets."""

    party: str
    currency: str
    start_ms: int
    end_ms: int
    opening_minor: int
    closing_minor: int
    totals: list[StatementTotal]
    payments: list[Payment]


class StatementsPage(BaseModel):
    statements: list[Statement]
    next: str | None


class KeyShape(BaseModel):
    """The key that asks."""

    key: str
    pool: str
    store: str | None
    label: str
    scopes: list[str]
    expires_at_ms: int | None


class WebhookPlace(BaseModel):
    """The place where a subscription goes on: the offset of the next record of a kind."""

    kind: str
    offset: int


class WebhookShape(BaseModel):
    """A subscription. Failing: the last call was not taken. Parked: no call is made until a replay is asked for."""

    webhook: str
    url: str
    kinds: list[str]
    status: Literal["starting", "active", "failing", "parked"]
    created_at_ms: int
    secret_version: int
    places: list[WebhookPlace]
    is_replaying: bool
    delivered: int
    last_delivered_at_ms: int | None
    refused: int = Field(description="Messages that were refused for what they say, and passed over.")
    last_refused: str | None
    failing_since_ms: int | None
    failure: str | None
    parked_at_ms: int | None
    pings: int
    pinged: int
    ping_answer: str | None


class WebhookMade(WebhookShape):
    """A subscription with its secret, which is shown this once."""

    secret: str


class WebhooksPage(BaseModel):
    webhooks: list[WebhookShape]
    next: str | None
