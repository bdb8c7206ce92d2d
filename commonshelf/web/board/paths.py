"""Addresses of the board's pages; every name in them is quoted."""

from collections.abc import Iterator
from urllib.parse import quote, urlencode

from commonshelf.web.board.texts import Texts
from commonshelf.web.board.visitors import Visitor


def now(pool: str) -> str:
    """The pool now; without a pool, the first one's."""
    return f"/pool/{_part(pool)}" if pool else "/"


def live(pool: str) -> str:
    """The stream of what changes on *the pool now*."""
    return f"{now(pool)}/live"


def changes(pool: str, **of: str) -> str:
    """The stream that says when a member's page is another. of: the store or the order that it shows."""
    return f"{now(pool)}/changes?{urlencode(of)}"


def store(pool: str, name: str) -> str:
    """A store's page."""
    return f"{now(pool)}/store/{_part(name)}"


def act(pool: str, name: str, what: str) -> str:
    """The address to which a form of a store's page is sent."""
    return f"{store(pool, name)}/{what}"


def till(pool: str, name: str) -> str:
    """A store's view at the till."""
    return f"{now(pool)}/till/{_part(name)}"


def orders(pool: str) -> str:
    """The pool's orders."""
    return f"{now(pool)}/orders"


def order(pool: str, name: str) -> str:
    """One order."""
    return f"{orders(pool)}/{_part(name)}"


def items(pool: str) -> str:
    """The pool's items."""
    return f"{now(pool)}/items"


def item(pool: str, sku: str) -> str:
    """One item."""
    return f"{now(pool)}/item/{_part(sku)}"


def why(pool: str, sku: str, name: str) -> str:
    """One item's page with the history of one store's shelf."""
    return f"{item(pool, sku)}?{urlencode({'why': name})}#why"


def search(pool: str) -> str:
    """The consumer's search."""
    return f"{now(pool)}/search"


def ops(pool: str) -> str:
    """How everything runs."""
    return f"{now(pool)}/ops"


def sign_in(next_path: str) -> str:
    """The page on which a key is given, and where it leads."""
    return f"/signin?{urlencode({'next': next_path})}"


def pages(pool: str, visitor: Visitor, t: Texts) -> Iterator[tuple[str, str, str]]:
    """(key, address, name) of the pages that a visitor may open, for the list of them."""
    yield "now", now(pool), t("The pool now")
    caller = visitor.caller
    if caller.pool == pool:
        if caller.store is not None:
            yield "store", store(pool, caller.store), t("My store")
            yield "till", till(pool, caller.store), t("At the till")
        yield "orders", orders(pool), t("Orders")
        yield "items", items(pool), t("Items")
        if caller.is_service:
            yield "ops", ops(pool), t("Ops")
    yield "search", search(pool), t("Who has it?")


def _part(name: str) -> str:
    return quote(name, safe="")
