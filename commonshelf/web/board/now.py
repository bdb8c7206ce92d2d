"""The page *the pool now*: stores on a map with their health, where demand goes, what is filled, what is late. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from commonshelf.web.board.bands import Health, health_of
from commonshelf.web.board.flow import Flow, Move
from commonshelf.web.board.frame import Point, points
from schemas.statuses import LIVE_TASK
from schemas.types.access import PublicListing
from schemas.types.config import StoreSettings
from schemas.types.tasks import TaskRow
from streams.pool.journal.elsewhere import at_home, is_elsewhere
from streams.pool.tasks.opening_hours import takes_part

OTHERS_LEAST = 3
"""Figures of a pool are public when so many others than any one store have a part in them."""
_MOVES_SHOWN = 8
_NAMES_ON_MAP = 14
"""Of more stores the map names those that it is about; the list beside it has all."""


@dataclass(frozen=True)
class StoreNow:
    """A store as the page shows it. late: tasks that are overdue or were urged."""

    store: str
    name: str
    point: Point
    health: Health
    in_stock_permille: int | None
    is_open: bool
    tasks: int
    late: int


@dataclass(frozen=True)
class MoveNow:
    """A move of demand as the page shows it: the names of both stores."""

    move: Move
    from_name: str
    to_name: str


@dataclass(frozen=True)
class LateTask:
    """A task that is late. due_ms: ms since 1970 UTC."""

    task: TaskRow
    store_name: str


@dataclass(frozen=True)
class PoolNow:
    """All that the page shows. shows_figures: enough stores take part for the pool's figures to be public."""

    pool: str
    name: str
    stores: Sequence[StoreNow]
    moves: Sequence[MoveNow]
    late: Sequence[LateTask]
    late_count: int
    orders: int
    reroutes: int
    lines: int
    with_pool_permille: int | None
    without_permille: int | None
    names_all: bool
    shows_figures: bool


def is_late(task: TaskRow, now_ms: int) -> bool:
    """Whether a task that goes on is overdue, or was urged since nobody took it."""
    return task["status"] in LIVE_TASK and (task["due_ms"] < now_ms or task["escalations"] > 0)


def pool_now(
    pool: str,
    name: str,
    stores: Mapping[str, StoreSettings],
    in_stock_permille: Mapping[str, int | None],
    tasks: Iterable[TaskRow],
    flow: Flow,
    now_ms: int,
    zone: str = "UTC",
) -> PoolNow:
    """The page of a pool. in_stock_permille: of each store's shelves, where they were counted. zone: the calendar's."""
    live = [task for task in tasks if task["status"] in LIVE_TASK]
    late = sorted((task for task in live if is_late(task, now_ms)), key=lambda task: (task["due_ms"], task["task"]))
    spots = points({one: (row["latitude_e6"], row["longitude_e6"]) for one, row in stores.items()})
    shown = []
    for one, row in sorted(stores.items(), key=lambda item: (item[1]["name"] or item[0], item[0])):
        permille = in_stock_permille.get(one)
        shown.append(
            StoreNow(
                one, name_of(stores, one), spots[one], health_of(permille), permille,
                row["open"] and takes_part(row, zone, now_ms),
                sum(task["store"] == one for task in live), sum(task["store"] == one for task in late),
            )
        )  # fmt: skip
    fill = flow.filling.fill
    return PoolNow(
        pool=pool,
        name=name or pool,
        stores=shown,
        moves=[named(stores, move) for move in flow.newest(_MOVES_SHOWN)],
        late=[LateTask(task, name_of(stores, task["store"])) for task in late],
        late_count=len(late),
        orders=flow.filling.orders,
        reroutes=flow.reroutes,
        lines=fill.lines,
        with_pool_permille=1000 * fill.with_pool // fill.lines if fill.lines else None,
        without_permille=1000 * fill.without // fill.lines if fill.lines else None,
        names_all=len(shown) <= _NAMES_ON_MAP,
        shows_figures=len(shown) > OTHERS_LEAST,
    )


def for_public(now: PoolNow, listings: Mapping[str, PublicListing]) -> PoolNow:
    """What everybody may see of it: the stores that show themselves, how they stand where they show that, no task."""
    shown = {store for store, listing in listings.items() if listing["is_listed"]}
    stores = [
        replace(
            one, tasks=0, late=0, in_stock_permille=None,
            health=one.health if listings[one.store]["shows_bands"] else "unknown",
        )
        for one in now.stores
        if one.store in shown
    ]  # fmt: skip
    moves = [one for one in now.moves if {one.move.from_store, one.move.to_store} <= shown]
    return replace(now, stores=stores, moves=moves, late=(), late_count=now.late_count)


def named(stores: Mapping[str, StoreSettings], move: Move) -> MoveNow:
    """A move with the stores' names."""
    return MoveNow(move, name_of(stores, move.from_store), name_of(stores, move.to_store))


def name_of(stores: Mapping[str, StoreSettings], store: str) -> str:
    """What people call a store; one of another pool by both names."""
    if is_elsewhere(store):
        own, pool = at_home(store)
        return f"{own} ({pool})"
    return (stores[store]["name"] if store in stores else "") or store
