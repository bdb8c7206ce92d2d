"""The dashboards of pools and of stores: what a consortium's coordinator and a shop's keeper ask."""

from messaging.metrics import listed as m
from messaging.metrics.dashboards.board import Board, Panel, Variable
from messaging.metrics.dashboards.queries import CHOSEN_POOLS, POOL, STORE, per_second, total

_STORES = Variable("store", m.STORE_SHELVES, '{pool=~"$pool"}')

POOLS = Board(
    uid="commonshelf-pools",
    title="Commonshelf: pools",
    about="For the consortium's coordinator: availability, what the pool adds, what was rerouted, what is late.",
    variables=(CHOSEN_POOLS,),
    rows=(
        ("What the pool adds", (
            Panel("Order lines filled with the pool", (
                ((f"{total(m.ORDER_LINES_FILLED, 'pool', over='$__range')} / "
                 f"{total(m.ORDER_LINES, 'pool', over='$__range')}"), "{{pool}}"),
            ), "percentunit", is_number=True, about="Of the lines that were placed in the time that is shown."),
            Panel("Order lines filled without the pool", (
                ((f"{total(m.ORDER_LINES_FILLED_ALONE, 'pool', over='$__range')} / "
                 f"{total(m.ORDER_LINES, 'pool', over='$__range')}"), "{{pool}}"),
            ), "percentunit", is_number=True, about="By the store of the customer's wish alone."),
            Panel("Order lines a second", (
                (per_second(m.ORDER_LINES, "pool"), "{{pool}} placed"),
                (per_second(m.ORDER_LINES_FILLED, "pool"), "{{pool}} filled"),
                (per_second(m.ORDER_LINES_FILLED_ALONE, "pool"), "{{pool}} filled without the pool"),
            )),
        )),
        ("Orders that needed help", (
            Panel("Reroutes a second", ((per_second(m.POOL_REROUTES, "pool", by_worker=True), "{{pool}}"),)),
            Panel("Tasks that were late, in an hour", (
                (f'sum by (pool) (increase({m.STORE_TASKS_ENDED.name}{{{POOL}, outcome="late"}}[1h]))', "{{pool}}"),
            )),
            Panel("Orders that stand short", (
                (f"max by (pool, outcome) ({m.POOL_SHORT_ORDERS.name}{{{POOL}}})", "{{pool}} {{outcome}}"),
            )),
            Panel("Orders that lost holds, a second", (
                (per_second(m.POOL_HOLDS_LOST, "pool, reason", by_worker=True), "{{pool}} {{reason}}"),
            )),
        )),
        ("Stock", (
            Panel("Shelves in the live table", (
                (f"sum by (pool) ({m.STORE_SHELVES.name}{{{POOL}}})", "{{pool}}"),
            )),
            Panel("Shelves below zero", ((f"sum by (pool) ({m.STORE_NEGATIVE.name}{{{POOL}}})", "{{pool}}"),)),
            Panel("Mean confidence", (
                ((f"sum by (pool) ({m.STORE_CONFIDENCE.name}{{{POOL}}} * {m.STORE_SHELVES.name}{{{POOL}}}) / "
                 f"sum by (pool) ({m.STORE_SHELVES.name}{{{POOL}}})"), "{{pool}}"),
            ), "percentunit"),
        )),
        ("Flow", (
            Panel("Lines a second by outcome", (
                (per_second(m.POOL_LINES, "pool, outcome", by_worker=True), "{{pool}} {{outcome}}"),
            )),
            Panel("Sales a second by lane", ((per_second(m.POOL_SALES, "lane", ""), "{{lane}}"),), about=(
                "Under load nearly all are columnar; many ordinary ones under load say that sales are not plain."
            )),
            Panel("How far the pool's clock is behind", (
                (f"time() - max by (pool) ({m.POOL_CLOCK.name}{{{POOL}}})", "{{pool}}"),
            ), "s"),
            Panel("Journal entries a second", (
                (f"max by (pool) (deriv({m.POOL_POSITION.name}{{{POOL}}}[$__rate_interval]))", "{{pool}}"),
            )),
            Panel("Events that the duplicate check remembers", (
                (f"max by (pool) ({m.POOL_REMEMBERED.name}{{{POOL}}})", "{{pool}}"),
            )),
        )),
    ),
)  # fmt: skip

STORES = Board(
    uid="commonshelf-stores",
    title="Commonshelf: stores",
    about="Each store: is it heard of, are its books right, is its work done.",
    variables=(CHOSEN_POOLS, _STORES),
    rows=(
        ("Books", (
            Panel("Age of the newest change that availability shows", (
                (f"time() - {m.STORE_NEWEST.name}{{{STORE}}}", "{{store}}"),
            ), "s"),
            Panel("Shelves in the live table", ((f"{m.STORE_SHELVES.name}{{{STORE}}}", "{{store}}"),)),
            Panel("Shelves below zero", ((f"{m.STORE_NEGATIVE.name}{{{STORE}}}", "{{store}}"),)),
            Panel("Mean confidence", ((f"{m.STORE_CONFIDENCE.name}{{{STORE}}}", "{{store}}"),), "percentunit"),
        )),
        ("Work", (
            Panel("Open tasks", (
                (f"sum by (store, kind) ({m.STORE_TASKS.name}{{{STORE}}})", "{{store}} {{kind}}"),
            )),
            Panel("Tasks that ended, a second", (
                (per_second(m.STORE_TASKS_ENDED, "store, outcome", STORE), "{{store}} {{outcome}}"),
            )),
        )),
        ("Lines", (
            Panel("Lines set aside, a second", (
                (per_second(m.POOL_SET_ASIDE, "store, reason", STORE), "{{store}} {{reason}}"),
            ), about="unmapped_code: `./shelf map unmapped` lists the codes."),
            Panel("Lines told again, a second", ((per_second(m.POOL_DUPLICATES, "store", STORE), "{{store}}"),)),
        )),
    ),
)  # fmt: skip
