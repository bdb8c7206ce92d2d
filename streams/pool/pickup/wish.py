"""Checks the window in which a customer wishes to collect."""

import re

from schemas.models.base import CODE_DIGEST_PATTERN, DAY_MS, TEXT_MAX
from schemas.types.pickup import PickupWish
from schemas.types.requests import OrderTerms
from streams.pool.journal import rejections
from streams.pool.journal.rejections import RefusedError
from streams.pool.state.pool_state import PoolState

_DIGEST = re.compile(CODE_DIGEST_PATTERN)


def check_terms(state: PoolState, terms: OrderTerms, now_ms: int) -> None:
    """The order's wish, if it has one, can be met by some quarter hour. Raises RefusedError."""
    wish = terms.get("pickup")
    if wish is None:
        return
    if terms["mode"] != "pickup":
        raise RefusedError(rejections.BAD_TERMS, "a delivery is not collected: leave pickup out")
    check_wish(state, wish, terms["deadline_ms"], now_ms)


def check_wish(state: PoolState, wish: PickupWish, deadline_ms: int, now_ms: int) -> None:
    """The wish is a window that is to come, at a place of the pool. Raises RefusedError."""
    from_ms, until_ms, place = wish["from_ms"], wish["until_ms"], wish["place"]
    if not from_ms < until_ms <= from_ms + DAY_MS:
        raise RefusedError(rejections.BAD_TERMS, "pickup: until_ms must be after from_ms, by a day at most")
    digest = wish.get("code_digest")
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise RefusedError(rejections.BAD_TERMS, "pickup: code_digest must be 32 hexadecimal digits, no code itself")
    if until_ms <= now_ms:
        raise RefusedError(rejections.PAST_DEADLINE, "the wished window is over: wish for a later one")
    if from_ms > deadline_ms:
        raise RefusedError(rejections.BAD_TERMS, "the wished window begins after the deadline: set a later deadline")
    if not state.config.places:
        raise RefusedError(rejections.UNKNOWN_PLACE, "the pool makes no appointments: leave pickup out")
    if place is not None and place not in state.config.places:
        raise RefusedError(rejections.UNKNOWN_PLACE, f"the pool has no place {place[:TEXT_MAX]}")
