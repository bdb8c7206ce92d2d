"""Orders that a caller sees, and those of which it sees the whole: pages and the API ask the same."""

from commonshelf.web.callers import Caller
from schemas.types.orders import OrderEvent, OrderLineState


def order_prefix(key_id: str) -> str:
    """What the ids of the orders begin with that a key has placed."""
    return f"api-{key_id}-"


def sees_all(caller: Caller, order: str) -> bool:
    """Whether a caller sees the whole of an order: it placed it, or is a service of the whole pool."""
    return caller.is_service or (caller.key is not None and order.startswith(order_prefix(caller.key["key_id"])))


def sees(caller: Caller, event: OrderEvent) -> bool:
    """Whether a caller sees an order at all: also a store that gives, or gave, goods of it does."""
    return sees_all(caller, event["order"]) or (caller.store is not None and _has_part(event, caller.store))


def seen_part(caller: Caller, event: OrderEvent) -> OrderEvent:
    """As much of an order as a caller sees: who has only a part in it sees no other store's, and no decision."""
    if sees_all(caller, event["order"]):
        return event
    holds = [hold for hold in event["holds"] if hold["store"] == caller.store]
    kept = {hold["line_id"] for hold in holds}
    lines: list[OrderLineState] = [
        {**line, "declined_by": [one for one in line["declined_by"] if one["store"] == caller.store]}
        for line in event["lines"]
    ]
    return {
        **event, "holds": holds, "decision": None, "detail": "",
        "lines": [line for line in lines if line["line_id"] in kept or line["declined_by"]],
        "slots": [slot for slot in event["slots"] if slot["store"] == caller.store],
    }  # fmt: skip


def hears(caller: Caller, event: OrderEvent) -> bool:
    """Whether a caller hears of an event of an order that it sees: who has only a part in it, of what it did itself."""
    return sees_all(caller, event["order"]) or event["store"] in (None, caller.store)


def _has_part(event: OrderEvent, store: str) -> bool:
    return any(hold["store"] == store for hold in event["holds"]) or any(
        one["store"] == store for line in event["lines"] for one in line["declined_by"]
    )
