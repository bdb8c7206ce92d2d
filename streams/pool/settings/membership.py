"""Membership: from which day to which day a store takes part in its pool.

Of a store that has left, or not joined yet, nothing new is promised. What was promised before runs out: its holds,
tasks, transfers and appointments stand as they are. What it lent to other pools is called back.
"""

from schemas.types.journal import Fact
from schemas.types.membership import MembershipChanged, MembershipRow
from streams.pool.aggregate import Entry, Trigger
from streams.pool.journal.facts import MEMBERSHIP_CHANGED
from streams.pool.orders.index import ORDERS
from streams.pool.state.lent import LENT
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import EntityKey, TableSpec
from streams.pool.tasks.index import TASKS
from streams.pool.tasks.opening_hours import next_turn_ms, takes_part

ALARM = "member"


def _load(state: PoolState, row: MembershipRow) -> None:
    if row["kind"] == "left":
        state.config.away.add(row["store"])
    set_alarm(state, row["store"])


MEMBERS: TableSpec[EntityKey, MembershipRow] = TableSpec("member", "MembershipRow", "/".join, load=_load)
"""The stores whose settings have, or had, a first or a last day."""


def start(state: PoolState, store: str) -> None:
    """Take note of a store whose settings are new: it takes part until its days say otherwise."""
    settings = state.config.stores[store]
    key = (state.pool, store)
    if state.tables[MEMBERS].get(key) is None:
        if settings["first_day"] is None and settings["last_day"] is None:
            return
        state.tables[MEMBERS].put(key, {"pool": state.pool, "store": store, "kind": "joined", "at_ms": 0})
    set_alarm(state, store)


def set_alarm(state: PoolState, store: str) -> None:
    """Have the clock say when the store joins, or leaves: at once, if its days say so already."""
    settings, zone, clock_ms = state.config.stores[store], state.config.pool["time_zone"], state.row["clock_ms"]
    is_right = takes_part(settings, zone, clock_ms) == (store not in state.config.away)
    state.alarms.set((ALARM, store), next_turn_ms(settings, zone, clock_ms) if is_right else clock_ms)


def turn(state: PoolState, store: str, _: Trigger) -> Fact:
    """A store's first day begins, or its last one has ended."""
    changed: MembershipChanged = {
        "store": store, "kind": "joined" if store in state.config.away else "left", "at_ms": state.row["clock_ms"],
        "open_orders": len(state[ORDERS].at_store.get(store, ())),
        "open_tasks": len(state[TASKS].at_store.get(store, ())), "open_loans": state[LENT].of_store(store),
    }  # fmt: skip
    return MEMBERSHIP_CHANGED, changed


def fold_change(state: PoolState, changed: MembershipChanged, _: Entry) -> None:
    """From now on the store is promised goods and work, or no more."""
    store = changed["store"]
    if changed["kind"] == "left":
        state.config.away.add(store)
    else:
        state.config.away.discard(store)
    row: MembershipRow = {"pool": state.pool, "store": store, "kind": changed["kind"], "at_ms": changed["at_ms"]}
    state.tables[MEMBERS].put((state.pool, store), row)
    state.stale_terms.add(None, store)
    set_alarm(state, store)


def subject(fact: Fact) -> str | None:
    """The store."""
    return fact[1]["store"] if fact[0] == MEMBERSHIP_CHANGED else None
