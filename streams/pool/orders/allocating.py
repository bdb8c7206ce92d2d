"""Allocates what is open of an order: the pool's state as a case for `streams.allocation`, its answer as holds.

The nearest 60 stores are asked, for which allocation is exact. Confidence is as of now. Goods count as freshly
stocked: a shelf does not know how old what it holds is. A store keeps its order when more of the same order comes to
it, so it needs no room then.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import NamedTuple, cast

from schemas.models.base import ORDER_QUANTITY_MAX_MILLI, POLICY_MAX_MINOR
from schemas.types.config import StoreSettings
from schemas.types.orders import CostTerms, Decision, Demand, Hold, OrderRow, Substitutes
from streams.allocation import Answer, Case, Costs, Line, Offer, Policy, Store, allocate
from streams.pool.orders.geo import Point, distance_m, geohash_centre
from streams.pool.orders.holds import (
    CONFIRMED,
    TENTATIVE,
    close_if_done,
    held_on_shelves,
    leave_unfilled,
    open_milli,
    working_stores,
)
from streams.pool.orders.index import ORDERS
from streams.pool.orders.quotas import CUSTOMER_QUOTA, STORE_QUOTA, QuotaLeft
from streams.pool.pickup.slots import SlotSearch
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import available_milli, confidence_permille
from streams.pool.tasks.opening_hours import local_day, working_time_until

STORES_MAX = 60
SUBSTITUTES_MAX = 5
_CATEGORY_ITEMS_MAX = 50
_NOWHERE: Point = (0, 0)
NO_STORE_CAN = "no_store_can"
"""Why a line is left unfilled: allocation found nobody; the decision says why each store was excluded."""
REROUTES_USED_UP = "reroutes_used_up"


class Allocated(NamedTuple):
    """An order with its open goods placed or left unfilled, and how that was decided."""

    order: OrderRow
    decision: Decision
    is_placed: bool
    """Something of what was open is held now."""


def allocate_open(state: PoolState, order: OrderRow, now_ms: int, releases: OrderRow | None = None) -> Allocated:
    """Place what is open of `order`; what no store can give is left unfilled.

    `releases` is the order's row before, when what that holds is released with the same entry.
    """
    left = QuotaLeft(state, order, releases)
    slots = _slot_search(state, order, now_ms, releases)
    case = _case(state, order, open_milli(order), now_ms, releases, left, slots)
    answer = allocate(case, _policy(state, order))
    position = state.next_position
    line_order = {line["line_id"]: at for at, line in enumerate(order["lines"])}
    skus = {line["line_id"]: line["sku"] for line in order["lines"]}
    holds: list[Hold] = order["holds"] + [
        {
            "line_id": share.line_id, "sku": skus[share.line_id], "store": share.store,
            "quantity_milli": share.quantity_milli, "sold_at_till_milli": 0,
            "state": CONFIRMED if order["status"] == CONFIRMED else TENTATIVE, "position": position,
        }
        for share in answer.shares
    ]  # fmt: skip
    holds.sort(key=lambda hold: (line_order[hold["line_id"]], hold["store"], hold["position"]))
    placed: OrderRow = {**order, "holds": holds}
    if slots is not None:
        placed["slots"] = slots.book(answer.stores())
    reasons = {line["line_id"]: left.why_short(line["sku"], NO_STORE_CAN) for line in order["lines"]}
    for reason in (CUSTOMER_QUOTA, STORE_QUOTA, NO_STORE_CAN):
        missing = {line_id: milli for line_id, milli in open_milli(placed).items() if reasons[line_id] == reason}
        if missing:
            placed = leave_unfilled(placed, missing, reason)
    decision = _decision(state, order, placed, answer, left)
    is_placed = any(hold["position"] == position for hold in placed["holds"])
    return Allocated(close_if_done(placed, now_ms, state.config.pool["ended_retention_ms"]), decision, is_placed)


def leave_open_unfilled(state: PoolState, order: OrderRow, reason: str, now_ms: int) -> Allocated:
    """Leave what is open of `order` unfilled, without asking a store."""
    after = leave_unfilled(order, open_milli(order), reason)
    decision: Decision = {
        "costs": _cost_terms(Costs._make(0 for _ in Costs._fields)), "runner_up": [], "runner_up_milli_minor": None,
        "refused": [], "demand": _demand(state, order, after), "substitutes": _substitutes(state, order, after),
    }  # fmt: skip
    return Allocated(close_if_done(after, now_ms, state.config.pool["ended_retention_ms"]), decision, is_placed=False)


def today(state: PoolState, now_ms: int) -> int:
    """The day of the stores' daily capacity."""
    return local_day(state.config.pool["time_zone"], now_ms)


def _policy(state: PoolState, order: OrderRow) -> Policy:
    """The pool's, with as many stores as the order may still use."""
    policy = Policy(**state.config.pool["allocation"])
    return policy._replace(max_stores=max(1, policy.max_stores - len({hold["store"] for hold in order["holds"]})))


def _slot_search(state: PoolState, order: OrderRow, now_ms: int, releases: OrderRow | None) -> SlotSearch | None:
    """Finds quarter hours for an order that wishes a window; None for any other."""
    wish = order["terms"].get("pickup")
    if wish is None:
        return None
    return SlotSearch(state, order, wish, order.get("slots", []), now_ms, is_anew=releases is not None)


def _case(
    state: PoolState, order: OrderRow, wanted: dict[str, int], now_ms: int, releases: OrderRow | None, left: QuotaLeft,
    slots: SlotSearch | None,
) -> Case:  # fmt: skip
    terms, config = order["terms"], state.config
    lines = []
    for line in order["lines"]:
        item = config.items.get(line["sku"])
        step = 1000 if item is None or item["unit"] == "each" else 1
        quantity = left.of_customer(line["sku"], wanted.get(line["line_id"], 0))
        quantity -= quantity % step
        if item is not None and quantity:
            value = min(max(item["cost_minor"] or 0, 0), POLICY_MAX_MINOR)
            lines.append(Line(line["line_id"], line["sku"], quantity, step, value))
    day = today(state, now_ms)
    given_today = {name: state[ORDERS].given_on(name, day) for name in config.reachable()}
    declined_by: defaultdict[str, set[str]] = defaultdict(set)
    for line in order["lines"]:
        for one in line["declined_by"]:
            declined_by[one["store"]].add(line["line_id"])
    asking = _Asking(
        lines, held_on_shelves(releases), given_today, -(-sum(given_today.values()) // max(1, len(given_today))),
        working_stores(order), declined_by, now_ms, left, slots,
    )  # fmt: skip
    stores = tuple(_store(state, order, store, distance, asking) for distance, store in _nearest(state, order))
    return Case(tuple(lines), stores, terms["may_split"], terms["may_part_fill"], terms["preferred_store"])


def _nearest(state: PoolState, order: OrderRow) -> list[tuple[int, str]]:
    """(metres, store), by store id. An order whose goods may not come from further stores stays with its own."""
    stores, terms = state.config.reachable(), order["terms"]
    if terms["geohash"] is not None:
        wanted = geohash_centre(terms["geohash"])
    else:
        wanted = _place(stores[terms["preferred_store"] or ""])
    used = {hold["store"] for hold in order["holds"]}
    most = state.config.pool["allocation"]["max_stores"] if terms["may_split"] else 1
    if terms["only_there"] and terms["preferred_store"] is not None:
        used, most = {terms["preferred_store"]}, 1
    asked = stores if len(used) < most else {name: stores[name] for name in used}
    found = sorted((_distance(wanted, _place(settings)), name) for name, settings in asked.items())
    return sorted(found[:STORES_MAX], key=lambda place: place[1])


def _place(settings: StoreSettings) -> Point:
    return settings["latitude_e6"], settings["longitude_e6"]


def _distance(wanted: Point, place: Point) -> int:
    """A store whose place nobody has told counts as near."""
    return 0 if _NOWHERE in (wanted, place) else distance_m(wanted, place)


class _Asking(NamedTuple):
    """The part of the question that is the same for every store."""

    lines: list[Line]
    freed: dict[tuple[str, str], int]
    given_today: dict[str, int]
    fair_share: int
    working: set[str]
    declined_by: dict[str, set[str]]
    now_ms: int
    left: QuotaLeft
    slots: SlotSearch | None


def _store(state: PoolState, order: OrderRow, name: str, distance: int, asking: _Asking) -> Store:
    config = state.config
    settings, pool = config.stores.get(name) or config.lenders[name], config.pool
    at_work = state[ORDERS].at_store.get(name, {})
    given = asking.given_today[name]
    room = min(settings["orders_at_once_max"] - len(at_work), settings["orders_per_day_max"] - given)
    if name in asking.working or order["order"] in at_work:
        room = max(room, 1)
    slot = None if asking.slots is None else asking.slots.of_store(name)
    zone, deadline_ms = pool["time_zone"], order["terms"]["deadline_ms"]
    return Store(
        name, distance, max(room, 0), _offers(state, name, asking),
        above_fair_share=max(0, given - asking.fair_share),
        is_open=config.is_open(name),
        meets_deadline=working_time_until(settings, zone, asking.now_ms, deadline_ms, pool["preparation_ms"]),
        excluded_lines=frozenset(asking.declined_by.get(name, ())),
        slot_minutes_away=0 if asking.slots is None else None if slot is None else slot.minutes_away,
    )  # fmt: skip


def _offers(state: PoolState, store: str, asking: _Asking) -> dict[str, Offer]:
    """What the store can give of each line's item. Of 30 lines at 60 stores: no call that can be spared."""
    config, pool, now_ms, freed = state.config, state.pool, asking.now_ms, asking.freed
    shelves, in_memory = state.shelves, state.shelves.cache
    offers = {}
    for line in asking.lines:
        sku = line.sku
        terms, key = config.terms(store, sku), (pool, sku, store)
        shelf = in_memory.get(key) or shelves.get(key)
        if terms is None or shelf is None:
            continue
        available = available_milli(shelf, terms, freed.get((sku, store), 0) if freed else 0)
        available = min(available, ORDER_QUANTITY_MAX_MILLI)
        if available and config.quotas:
            available = asking.left.of_store(sku, store, available)
        if available:
            offers[sku] = Offer(available, confidence_permille(shelf, now_ms), config.items[sku]["shelf_life_days"])
    return offers


def _could_promise(state: PoolState, store: str | None, sku: str) -> int:
    """What the store has of an item to give to an order, thousandths."""
    shelf = None if store is None else state.shelf(sku, store)
    if store is None or shelf is None:
        return 0
    return min(available_milli(shelf, state.config.terms(store, sku)), ORDER_QUANTITY_MAX_MILLI)


def _decision(state: PoolState, order: OrderRow, placed: OrderRow, answer: Answer, left: QuotaLeft) -> Decision:
    runner_up = answer.runner_up
    at_quota = {store for _, store in left.cut}
    return {
        "costs": _cost_terms(answer.costs),
        "runner_up": [] if runner_up is None else list(runner_up.stores),
        "runner_up_milli_minor": None if runner_up is None else runner_up.cost_milli_minor,
        "refused": [
            {"store": store, "reason": STORE_QUOTA if reason == "no_stock" and store in at_quota else reason}
            for store, reason in answer.refused
        ],
        "demand": _demand(state, order, placed),
        "substitutes": _substitutes(state, order, placed),
    }  # fmt: skip


def _cost_terms(costs: Costs) -> CostTerms:
    return cast("CostTerms", {f"{name}_milli_minor": cost for name, cost in costs._asdict().items()})


def _demand(state: PoolState, order: OrderRow, placed: OrderRow) -> list[Demand]:
    """What this entry brings of the demand elsewhere, or to nobody."""
    terms, position = order["terms"], state.next_position
    wanted_store = terms["preferred_store"]
    skus = {line["line_id"]: line["sku"] for line in order["lines"]}
    elsewhere = [
        (hold["line_id"], hold["store"], hold["quantity_milli"])
        for hold in placed["holds"]
        if hold["position"] == position and wanted_store not in (None, hold["store"])
    ]
    unmet = [(line_id, None, milli) for line_id, milli in _newly_unfilled(order, placed)]
    return [
        {
            "line_id": line_id, "sku": skus[line_id], "wanted_store": wanted_store,
            "wanted_geohash": terms["geohash"], "given_store": store, "quantity_milli": milli,
            "wanted_milli": _could_promise(state, wanted_store, skus[line_id]),
        }
        for line_id, store, milli in (*elsewhere, *unmet)
    ]  # fmt: skip


def _newly_unfilled(order: OrderRow, placed: OrderRow) -> list[tuple[str, int]]:
    """(line id, thousandths) that this entry leaves unfilled."""
    unfilled = {line["line_id"]: line["unfilled_milli"] for line in order["lines"]}
    return [
        (line["line_id"], line["unfilled_milli"] - unfilled[line["line_id"]])
        for line in placed["lines"]
        if line["unfilled_milli"] > unfilled[line["line_id"]]
    ]


def _substitutes(state: PoolState, order: OrderRow, placed: OrderRow) -> list[Substitutes]:
    """What may stand in for what this entry leaves unfilled, when the pool offers that."""
    if not state.config.pool["offers_substitutes"]:
        return []
    skus = {line["line_id"]: line["sku"] for line in order["lines"]}
    unmet = [line_id for line_id, _ in _newly_unfilled(order, placed)]
    instead = _instead(state, {skus[line_id] for line_id in unmet})
    return [{"line_id": line_id, "skus": instead[skus[line_id]]} for line_id in unmet]


def _instead(state: PoolState, skus: set[str]) -> dict[str, list[str]]:
    """For each item what its own entry names, then what is of its category; only what the pool has."""
    items, stores = state.config.items, state.config.reachable()
    categories = {items[sku]["category"] for sku in skus} - {""}
    alike: dict[str, list[str]] = {category: [] for category in categories}
    for name, item in items.items() if categories else ():
        if item["category"] in categories:
            alike[item["category"]].append(name)

    @cache
    def is_there(name: str) -> bool:
        return name in items and any(_could_promise(state, store, name) for store in stores)

    def instead_of(sku: str) -> Iterator[str]:
        of_category = sorted(set(alike.get(items[sku]["category"], ())) - {sku})[:_CATEGORY_ITEMS_MAX]
        named = dict.fromkeys([*items[sku]["substitutes"], *of_category])
        return (name for name in named if name != sku and is_there(name))

    return {sku: list(islice(instead_of(sku), SUBSTITUTES_MAX)) for sku in sorted(skus)}
