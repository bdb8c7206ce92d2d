"""The words in which a caller is told of a change: live streams and webhooks say the same.

Of orders, tasks, appointments, proposals and statements a caller hears names and states, of those that it may see; of
shelves the band. It asks for what else it wants to see.
"""

from collections.abc import Iterable, Mapping

from commonshelf.web.callers import Caller
from commonshelf.web.orders_seen import sees
from commonshelf.web.views.changes import ChangeKind
from schemas.models.access import Scope
from schemas.types.orders import OrderEvent
from schemas.types.tasks import TaskRow

Told = dict[str, object]
_SCOPES: Mapping[ChangeKind, Scope] = {
    "shelf": "shelves:read", "order": "orders:read", "task": "tasks:read", "appointment": "tasks:read",
    "proposal": "restock:read", "statement": "statements:read",
}  # fmt: skip
_STORE_AT: Mapping[str, int] = {"appointment": -1, "proposal": 0, "statement": 0}
"""Where a change's name has the store."""


def heard_kinds(caller: Caller, pool: str, wanted: Iterable[str] | None) -> set[ChangeKind]:
    """The kinds of changes that a caller hears of."""
    kinds: set[ChangeKind] = {"band"} if caller.pool == pool else {"public_band"}
    kinds |= {kind for kind, scope in _SCOPES.items() if caller.may(scope, pool)}
    if wanted is None:
        return kinds
    named = set(wanted)
    return {kind for kind in kinds if kind in named or (kind == "public_band" and "band" in named)}


def order_told(caller: Caller, event: OrderEvent) -> Told | None:
    """None of an order that is not for them."""
    if not event["order"] or not sees(caller, event):
        return None
    return {
        "order": event["order"], "kind": event["kind"], "status": event["status"], "outcome": event["outcome"],
        "position": event["position"],
    }  # fmt: skip


def task_told(caller: Caller, task: TaskRow) -> Told | None:
    """None of another store's task."""
    if caller.store not in (None, task["store"]):
        return None
    return {"task": task["task"], "store": task["store"], "status": task["status"]}


def name_told(caller: Caller, kind: str, name: str) -> Told | None:
    """Of an appointment, a proposal or a statement by its name; None of another store's."""
    parts = name.split("/")
    store = parts[_STORE_AT[kind]]
    if caller.store not in (None, store):
        return None
    if kind == "appointment":
        return {"order": parts[0], "store": store}
    return {"store": store, "name": "/".join(parts[1:])}
