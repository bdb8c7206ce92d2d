"""Orders that a caller sees, and those of which it sees the whole: pages and the API ask the same."""

from commonshelf.web.callers import Caller
from schemas.types.orders import OrderEvent


def order_prefix(key_id: str) -> str:
    """What the ids of the orders begin with that a key has placed."""
    return f"api-{key_id}-"


def sees_all(caller: Caller, order: str) -> bool:
    """Whether a caller sees the whole of an order: it placed it, or is a service of the whole pool."""
    return caller.is_service or (caller.key is not None and order.startswith(order_prefix(caller.key["key_id"])))


def sees(caller: Caller, event: OrderEvent) -> bool:
    """Whether a caller sees an order at all: also a store that gives, or gave, goods of it does."""
    return sees_all(caller, event["order"]) or (caller.store is not None and _has_part(event, caller.store))


def _has_part(event: OrderEvent, store: str) -> bool:
    return any(hold["store"] == store for hold in event["holds"]) or any(
        one["store"] == store for line in event["lines"] for one in line["declined_by"]
    )
