"""Decides a request about an order: placed, amended, confirmed, cancelled."""

import re
from collections import Counter
from hashlib import blake2b

from schemas.codec import topic_codec
from schemas.models.base import (
    HOLD_TTL_MAX_MS,
    LINE_ID_MAX,
    NAME_PATTERN,
    ORDER_LINES_MAX,
    ORDER_QUANTITY_MAX_MILLI,
    REFERENCE_PATTERN,
    TEXT_MAX,
)
from schemas.topics import ORDERS_REQUESTS
from schemas.types.catalog import CatalogItem
from schemas.types.journal import Fact
from schemas.types.orders import Decision, DeclinedBy, Hold, OrderLineState, OrderRequestDecided, OrderRow
from schemas.types.requests import KnownRequest, OrderLine, OrderRequest, OrderTerms, RequestOutcome
from schemas.types.transfers import TransferRow
from streams.pool.journal import rejections
from streams.pool.journal.facts import ORDER_REQUEST_DECIDED
from streams.pool.journal.rejections import RefusedError
from streams.pool.orders.allocating import allocate_open, today
from streams.pool.orders.geo import is_geohash
from streams.pool.orders.holds import CONFIRMED, ENDED, TENTATIVE, close, is_off_the_shelf, release
from streams.pool.orders.moving import move
from streams.pool.orders.quotas import QuotaLeft
from streams.pool.orders.rows import find_order
from streams.pool.orders.tasks import tasks_for
from streams.pool.pickup.wish import check_terms
from streams.pool.state.pool_state import PoolState

REQUESTS_MAX = 100
_Accepted = tuple[OrderRow, Decision | None]
"""The order after the request, and how it was allocated."""
_NAME = re.compile(NAME_PATTERN)
_REFERENCE = re.compile(REFERENCE_PATTERN)
_WITHHELD = "(withheld)"
_TERMS_BELONG = "terms belong to placed and amended, and to these only"
_encode = topic_codec(ORDERS_REQUESTS.name).encode


def decide_request(state: PoolState, request: OrderRequest, appended_at_ms: int) -> Fact:
    """The request's fact: accepted, with the order after it; a duplicate; or refused, with a reason."""
    request = withhold(request)
    clock_ms = state.row["clock_ms"]
    now_ms = max(clock_ms, request["recorded_at_ms"])
    decided: OrderRequestDecided = {
        "request": request, "outcome": "accepted", "reason": "", "detail": "", "order": None, "tasks": [],
        "decision": None, "day": today(state, now_ms),
    }  # fmt: skip
    try:
        check_request(state, request, appended_at_ms)
        order = find_order(state, request["order"])
        if order is not None and is_repeated(order, request):
            return ORDER_REQUEST_DECIDED, _mark(decided, "duplicate")
        check_age(state, request["recorded_at_ms"])
        _check_has_terms(request)
        after, decision = _ACCEPT[request["kind"]](state, order, request, now_ms)
    except RefusedError as refused:
        # A request of a strange time gets the day of the pool's own clock.
        decided = {**decided, "reason": refused.reason, "detail": refused.detail, "day": today(state, clock_ms)}
        return ORDER_REQUEST_DECIDED, _mark(decided, "refused")
    requests = [] if order is None else order["requests"]
    after = {
        **after, "requests": [*requests, known_request(request)], "position": state.next_position,
        "told_at_ms": max(after["told_at_ms"], request["recorded_at_ms"]),
    }  # fmt: skip
    decided = {**decided, "order": after, "tasks": tasks_for(state, after, now_ms), "decision": decision}
    return ORDER_REQUEST_DECIDED, decided


def _mark(decided: OrderRequestDecided, outcome: RequestOutcome) -> OrderRequestDecided:
    return {**decided, "outcome": outcome}


def withhold(request: OrderRequest) -> OrderRequest:
    """The request as it may be kept for ever: what is no reference may be an address, and goes nowhere."""
    terms = request["terms"]
    if terms is None or (_is_reference(terms["address_ref"]) and _is_reference(terms["customer_ref"])):
        return request
    kept: OrderTerms = {
        **terms, "address_ref": _reference(terms["address_ref"]), "customer_ref": _reference(terms["customer_ref"]),
    }  # fmt: skip
    return {**request, "terms": kept}


def _reference(text: str | None) -> str | None:
    return text if _is_reference(text) else _WITHHELD


def _is_reference(text: str | None) -> bool:
    return text is None or _REFERENCE.fullmatch(text) is not None


def check_request(state: PoolState, request: OrderRequest, appended_at_ms: int) -> None:
    """Names and time are fit to be used. Raises RefusedError."""
    if not _NAME.fullmatch(request["order"]):
        raise RefusedError(rejections.BAD_NAME, "order must be letters, digits, dots, hyphens, at most 64")
    if not 0 < len(request["key"]) <= TEXT_MAX:
        raise RefusedError(rejections.BAD_NAME, f"key must have 1 to {TEXT_MAX} characters")
    if request["recorded_at_ms"] > appended_at_ms + state.config.pool["future_skew_ms"]:
        raise RefusedError(rejections.IN_THE_FUTURE, "recorded_at_ms is ahead of the broker")


def check_age(state: PoolState, recorded_at_ms: int) -> None:
    """What is told was recorded after all that the pool may have forgotten. Raises RefusedError."""
    late_ms = state.row["late_before_ms"] - recorded_at_ms
    if late_ms > 0:
        raise RefusedError(rejections.TOO_LATE, f"recorded {late_ms} ms before what the pool still takes")


def _check_has_terms(request: OrderRequest) -> None:
    wants_terms = request["kind"] in ("placed", "amended")
    if wants_terms != (request["terms"] is not None):
        raise RefusedError(rejections.BAD_TERMS, _TERMS_BELONG)
    if (request["kind"] == "moved") != (request.get("pickup") is not None):
        raise RefusedError(rejections.BAD_TERMS, "moved needs pickup, the new window, and it belongs to moved alone")


def is_repeated(of: OrderRow | TransferRow, request: OrderRequest) -> bool:
    """Did the order, or the transfer, see the request before? Raises RefusedError for another under its key."""
    for known in of["requests"]:
        if known["key"] == request["key"]:
            if known["digest"] == _digest(request):
                return True
            raise RefusedError(rejections.CONFLICT, f"key {request['key']} came before with another content")
    if len(of["requests"]) >= REQUESTS_MAX:
        raise RefusedError(rejections.TOO_MANY_REQUESTS, f"{REQUESTS_MAX} requests about one order")
    return False


def known_request(request: OrderRequest) -> KnownRequest:
    """What is remembered of a request that was taken."""
    return {"key": request["key"], "digest": _digest(request)}


def _digest(request: OrderRequest) -> bytes:
    return blake2b(_encode({**request, "recorded_at_ms": 0, "origin": ""}), digest_size=12).digest()


def _terms(request: OrderRequest) -> OrderTerms:
    if request["terms"] is None:
        raise RefusedError(rejections.BAD_TERMS, _TERMS_BELONG)
    return request["terms"]


def _place(state: PoolState, order: OrderRow | None, request: OrderRequest, now_ms: int) -> _Accepted:
    if order is not None:
        stands = order["outcome"] or order["status"]
        raise RefusedError(rejections.ORDER_EXISTS, f"order {request['order']} is {stands}")
    terms = _terms(request)
    _check_terms(state, terms, now_ms)
    placed = _new_order(state, request, now_ms)
    _check_quota(placed, QuotaLeft(state, placed))
    allocated = allocate_open(state, placed, now_ms)
    return allocated.order, allocated.decision


def _new_order(state: PoolState, request: OrderRequest, now_ms: int) -> OrderRow:
    terms = _terms(request)
    return {
        "pool": state.pool, "order": request["order"], "status": TENTATIVE, "outcome": "", "terms": terms,
        "lines": _lines(terms, None), "holds": [], "reroutes": 0, "placed_at_ms": now_ms,
        "expires_at_ms": _expires_at_ms(state, terms, now_ms), "ended_at_ms": 0, "told_at_ms": 0, "forget_at_ms": 0,
        "requests": [], "position": 0, "for_pool": None,
    }  # fmt: skip


def _lines(terms: OrderTerms, before: OrderRow | None) -> list[OrderLineState]:
    """The lines, not begun. A line that was there before with the same item keeps the stores that refused it.

    A store that still keeps goods for the line failed a part of it alone: it may be asked for the line as it is now.
    """
    declined_by: dict[tuple[str, str], list[DeclinedBy]] = {}
    for line in before["lines"] if before is not None else ():
        giving = {hold["store"] for hold in before["holds"] if hold["line_id"] == line["line_id"]} if before else set()
        barred = [one for one in line["declined_by"] if one["store"] not in giving]
        declined_by[line["line_id"], line["sku"]] = barred
    return [
        {**line, "unfilled_milli": 0, "reason": "", "declined_by": declined_by.get((line["line_id"], line["sku"]), [])}
        for line in terms["lines"]
    ]


def _expires_at_ms(state: PoolState, terms: OrderTerms, now_ms: int) -> int:
    return min(now_ms + (terms["hold_ttl_ms"] or state.config.pool["hold_ttl_ms"]), terms["deadline_ms"])


def _amend(state: PoolState, order: OrderRow | None, request: OrderRequest, now_ms: int) -> _Accepted:
    """The whole order anew; when the pool cannot give anything of it, it stands as it was."""
    order = _going_on(order, request)
    if is_off_the_shelf(order) or any(hold["sold_at_till_milli"] for hold in order["holds"]):
        raise RefusedError(rejections.ALREADY_PICKED, "goods are off the shelf; cancel the order and place another")
    terms = _terms(request)
    _check_terms(state, terms, now_ms)
    changed: OrderRow = {
        **order,
        "terms": terms,
        "lines": _lines(terms, order),
        "holds": release(order["holds"]),
        "slots": [],
    }
    if order["status"] == TENTATIVE:
        changed["expires_at_ms"] = _expires_at_ms(state, terms, now_ms)
    _check_quota(changed, QuotaLeft(state, changed, order))
    allocated = allocate_open(state, changed, now_ms, releases=order)
    if not allocated.is_placed:
        raise RefusedError(rejections.CANNOT_FILL, "no store can give any of it; the order stands as it was")
    return allocated.order, allocated.decision


def _confirm(_: PoolState, order: OrderRow | None, request: OrderRequest, __: int) -> _Accepted:
    order = _going_on(order, request)
    if order["status"] == CONFIRMED:
        raise RefusedError(rejections.ALREADY_CONFIRMED, "it was confirmed before")
    holds: list[Hold] = [
        {**hold, "state": CONFIRMED} if hold["state"] == TENTATIVE else hold for hold in order["holds"]
    ]
    return {**order, "status": CONFIRMED, "expires_at_ms": 0, "holds": holds}, None


def _cancel(state: PoolState, order: OrderRow | None, request: OrderRequest, now_ms: int) -> _Accepted:
    order = _going_on(order, request)
    return close(order, "cancelled", now_ms, state.config.pool["ended_retention_ms"]), None


def _move(state: PoolState, order: OrderRow | None, request: OrderRequest, now_ms: int) -> _Accepted:
    return move(state, _going_on(order, request), request, now_ms), None


def _going_on(order: OrderRow | None, request: OrderRequest) -> OrderRow:
    if order is None:
        raise RefusedError(rejections.UNKNOWN_ORDER, f"no order {request['order']} is known")
    if order["outcome"] == "expired":
        raise RefusedError(rejections.HOLDS_EXPIRED, "its holds expired before it was confirmed; place another")
    if order["status"] == ENDED:
        raise RefusedError(rejections.ORDER_ENDED, f"it has ended: {order['outcome']}")
    return order


_ACCEPT = {"placed": _place, "amended": _amend, "confirmed": _confirm, "cancelled": _cancel, "moved": _move}


def _check_terms(state: PoolState, terms: OrderTerms, now_ms: int) -> None:
    store, geohash = terms["preferred_store"], terms["geohash"]
    if store is None and geohash is None:
        raise RefusedError(rejections.BAD_TERMS, "give preferred_store or geohash: where are the goods wanted?")
    if store is None and terms["only_there"]:
        raise RefusedError(rejections.BAD_TERMS, "only_there needs preferred_store")
    if store is not None and store not in state.config.stores:
        raise RefusedError(rejections.UNKNOWN_STORE, f"the pool has no store {store[:TEXT_MAX]}")
    if geohash is not None and not is_geohash(geohash):
        raise RefusedError(rejections.BAD_TERMS, "geohash must be 1 to 5 characters of its alphabet")
    if terms["mode"] == "delivery" and not terms["address_ref"]:
        raise RefusedError(rejections.BAD_TERMS, "a delivery needs address_ref")
    for name, reference in (("address_ref", terms["address_ref"]), ("customer_ref", terms["customer_ref"])):
        if reference == _WITHHELD:
            raise RefusedError(rejections.BAD_TERMS, f"{name} must be a reference, as the vault gives, and no address")
    if terms["hold_ttl_ms"] is not None and not 0 < terms["hold_ttl_ms"] <= HOLD_TTL_MAX_MS:
        raise RefusedError(rejections.BAD_TERMS, f"hold_ttl_ms must be 1 to {HOLD_TTL_MAX_MS}")
    if terms["deadline_ms"] <= now_ms:
        raise RefusedError(rejections.PAST_DEADLINE, f"the deadline was {now_ms - terms['deadline_ms']} ms ago")
    ahead_max_ms = state.config.pool["order_ahead_max_ms"]
    if terms["deadline_ms"] > now_ms + ahead_max_ms:
        raise RefusedError(rejections.DEADLINE_TOO_FAR, f"orders are taken {ahead_max_ms // 86_400_000} days ahead")
    check_terms(state, terms, now_ms)
    check_lines(state, terms["lines"])


def _check_quota(order: OrderRow, left: QuotaLeft) -> None:
    for line in order["terms"]["lines"]:
        if left.needs_customer(line["sku"]) and order["terms"]["customer_ref"] is None:
            detail = f"line {line['line_id']} is limited per customer: who is it?"
            raise RefusedError(rejections.CUSTOMER_NEEDED, detail)
        may_have = left.of_customer(line["sku"], line["quantity_milli"])
        if may_have < line["quantity_milli"] and not order["terms"]["may_part_fill"]:
            raise RefusedError(rejections.CUSTOMER_QUOTA, f"line {line['line_id']}: the customer may have {may_have}")


def check_no_kit(state: PoolState, sku: str) -> None:
    """The item has stock of its own. Raises RefusedError for a kit."""
    items = state.config.items
    parts = items[sku].get("parts", ())
    if parts:
        named = ", ".join(
            f"{part['quantity_milli'] / 1000:g} {_unit_of(items.get(part['sku']))} of {part['sku']}" for part in parts
        )
        raise RefusedError(rejections.IS_A_KIT, f"{sku} is a kit; in one there are {named}: ask for them"[:TEXT_MAX])


def _unit_of(item: CatalogItem | None) -> str:
    return "units" if item is None else item["unit"]


def check_lines(state: PoolState, lines: list[OrderLine]) -> None:
    """Each line can be wanted. Raises RefusedError."""
    if not 0 < len(lines) <= ORDER_LINES_MAX:
        raise RefusedError(rejections.BAD_LINES, f"an order has 1 to {ORDER_LINES_MAX} lines, not {len(lines)}")
    for name, texts in (("line_id", [line["line_id"] for line in lines]), ("sku", [line["sku"] for line in lines])):
        [(twice, times)] = Counter(texts).most_common(1)
        if times > 1:
            raise RefusedError(rejections.BAD_LINES, f"{name} {twice[:LINE_ID_MAX]} comes {times} times")
    for line in lines:
        line_id, sku, quantity = line["line_id"], line["sku"], line["quantity_milli"]
        if not 0 < len(line_id) <= LINE_ID_MAX:
            raise RefusedError(rejections.BAD_LINES, f"line_id must have 1 to {LINE_ID_MAX} characters")
        unit = state.config.unit(sku)
        if unit is None:
            raise RefusedError(rejections.UNKNOWN_SKU, f"line {line_id}: the product master has no {sku[:TEXT_MAX]}")
        check_no_kit(state, sku)
        if not 0 < quantity <= ORDER_QUANTITY_MAX_MILLI:
            raise RefusedError(rejections.BAD_QUANTITY, f"line {line_id}: {quantity} thousandths")
        if unit == "each" and quantity % 1000:
            raise RefusedError(rejections.BAD_QUANTITY, f"line {line_id}: {quantity / 1000:g} of what comes whole")
