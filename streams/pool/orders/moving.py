"""Moves the appointments of an order to another window; its goods stay where they are."""

from schemas.types.orders import OrderRow
from schemas.types.pickup import BookedSlot, PickupWish
from schemas.types.requests import OrderRequest
from streams.pool.journal import rejections
from streams.pool.journal.rejections import RefusedError
from streams.pool.orders.holds import PICKED, is_kept, working_stores
from streams.pool.pickup.slots import SlotSearch
from streams.pool.pickup.wish import check_wish
from streams.pool.state.pool_state import PoolState


def move(state: PoolState, order: OrderRow, request: OrderRequest, now_ms: int) -> OrderRow:
    """The order with its appointments near the new wish. Raises RefusedError when one of its stores has none."""
    wish = request.get("pickup")
    if wish is None or not order.get("slots"):
        raise RefusedError(rejections.UNKNOWN_APPOINTMENT, f"order {order['order']} has no appointment to move")
    check_wish(state, wish, order["terms"]["deadline_ms"], now_ms)
    if wish.get("code_digest") is None:
        wish = {**wish, "code_digest": _code_digest(order)}
    search = SlotSearch(state, order, wish, [], now_ms, is_anew=True, ready=_ready_stores(order))
    slots = [_offered(search, slot["store"], wish) for slot in order.get("slots", ())]
    return {**order, "terms": {**order["terms"], "pickup": wish}, "slots": slots}


def _offered(search: SlotSearch, store: str, wish: PickupWish) -> BookedSlot:
    offer = search.of_store(store)
    if offer is None:
        at = "" if wish["place"] is None else f" at {wish['place']}"
        raise RefusedError(rejections.NO_SLOT, f"store {store} has no quarter hour near that window{at}")
    return search.booked(store, offer)


def _code_digest(order: OrderRow) -> str | None:
    before = order["terms"].get("pickup")
    return None if before is None else before.get("code_digest")


def _ready_stores(order: OrderRow) -> set[str]:
    """Stores that have picked all that they keep for the order."""
    waiting = {hold["store"] for hold in order["holds"] if is_kept(hold) and hold["state"] != PICKED}
    return working_stores(order) - waiting


def move_late(state: PoolState, order: OrderRow, store: str, now_ms: int) -> OrderRow:
    """The order after its goods were not ready in time for the store's quarter hour: the nearest that they can be
    ready for, or the one that it has when there is none. It is moved so once.
    """
    wish, slots = order["terms"].get("pickup"), order.get("slots", [])
    if wish is None:
        raise LookupError(f"order {order['order']} has an appointment and no wish")
    others = [slot for slot in slots if slot["store"] != store]
    search = SlotSearch(state, order, wish, others, now_ms, is_anew=False)
    offer = search.of_store(store)
    return {
        **order,
        "slots": [
            slot
            if slot["store"] != store
            else {**slot, "is_late": True}
            if offer is None
            else {**search.booked(store, offer), "is_late": True}
            for slot in slots
        ],
    }
