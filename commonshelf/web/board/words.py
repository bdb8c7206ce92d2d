"""Words for the kinds, states and reasons that records name, in English; the language's texts translate them."""

from collections.abc import Mapping
from typing import Final, get_args

from schemas.types.orders import OrderEventKind, StoreExclusion
from schemas.types.reports import ShortReason
from schemas.types.restock import RunCause
from schemas.types.tasks import TaskKind

HEALTH_WORDS: Final[Mapping[str, str]] = {
    "well": "well stocked", "gaps": "some shelves empty", "bare": "most shelves empty",
    "unknown": "no stock reported yet",
}  # fmt: skip
BAND_WORDS: Final[Mapping[str, str]] = {"in": "in stock", "low": "only a few left", "out": "out of stock"}
TASK_WORDS: Final[Mapping[TaskKind, str]] = {
    "pick": "Pick", "hand_over": "Hand over", "recount": "Count again", "ring_up": "Ring up",
    "put_back": "Put back", "transfer_out": "Send", "transfer_in": "Receive",
}  # fmt: skip
TASK_STATE_WORDS: Final[Mapping[str, str]] = {"open": "open", "claimed": "taken"}
REASON_WORDS: Final[Mapping[ShortReason, str]] = {
    "not_found": "not found", "damaged": "damaged", "sold": "sold", "wrong_item": "wrong item",
    "no_capacity": "no time for it", "store_closed": "the store is closed", "not_collected": "nobody came for it",
}  # fmt: skip
RUN_CAUSE_WORDS: Final[Mapping[RunCause, str]] = {
    "nightly": "planned after closing", "low_cover": "it runs short", "requested": "somebody asked for it",
}  # fmt: skip
WEEKDAY_WORDS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EVENT_WORDS: Final[Mapping[str, str]] = {
    "allocated": "Placed, and goods are kept",
    "amended": "Changed",
    "confirmed": "Confirmed: the stores pick it",
    "cancelled": "Cancelled",
    "moved": "The time of collection has changed",
    "picked": "Picked",
    "collected": "Collected",
    "rerouted": "Rerouted to another store",
    "unfilled": "Nobody can fill all of it",
    "broken": "A sale at the till took goods that were kept",
    "expired": "Not confirmed in time, so the goods are free again",
    "late": "A store was late",
    "short": "A store has not all of it",
    "not_collected": "Nobody came for it",
    "sold_at_till": "Rung up at the till",
    "stopped": "Stopped",
    "refused": "A request was refused",
    "repeated": "The same request came again",
    "report_refused": "A report was refused",
}
EXCLUSION_WORDS: Final[Mapping[StoreExclusion, str]] = {
    "closed": "is closed",
    "past_deadline": "cannot be ready in time",
    "no_capacity": "has no capacity left",
    "too_far": "is too far away",
    "no_slot": "has no slot left",
    "no_stock": "has none of it",
    "excluded": "has failed this order before",
    "confidence_too_low": "is not sure to have it",
    "not_enough": "has not enough of it",
    "costs_more": "would cost more",
    "store_quota": "has given its limit of it",
}
COST_WORDS: Final[Mapping[str, str]] = {
    "distance": "distance", "handling": "handling", "split": "several stores", "reroute": "going to another store",
    "capacity": "capacity left", "short_pick": "risk that it is not there", "fairness": "fairness",
    "spoilage": "spoilage avoided", "missing": "what is missing", "slot": "time of collection",
}  # fmt: skip
STATUS_WORDS: Final[Mapping[str, str]] = {
    "tentative": "waits for confirmation", "confirmed": "confirmed", "ended": "ended", "collected": "collected",
    "part_collected": "partly collected", "unfilled": "nobody can fill it", "not_collected": "not collected",
    "cancelled": "cancelled", "expired": "not confirmed in time", "picked": "picked",
    "open": "asked for", "in_transit": "on its way",
}  # fmt: skip

assert set(get_args(StoreExclusion)) == set(EXCLUSION_WORDS)
assert set(get_args(TaskKind)) == set(TASK_WORDS)
assert set(get_args(ShortReason)) == set(REASON_WORDS)
assert {kind for kind in get_args(OrderEventKind) if not kind.startswith("transfer_")} - {"set_aside"} == set(
    EVENT_WORDS
)
