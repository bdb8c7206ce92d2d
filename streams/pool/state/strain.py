"""Reasons for which a shelf has less than is held."""

from streams.pool.journal.elsewhere import is_elsewhere
from streams.pool.journal.facts import SALE_RECORDED
from streams.pool.state.shelf import ShelfKey


def why_strained(key: ShelfKey, cause: str) -> str:
    """The reason for whatever is broken; `cause` is the kind of the input's own fact."""
    if is_elsewhere(key[2]):
        return "called_back"
    return "sold" if cause == SALE_RECORDED else "stock_corrected"
