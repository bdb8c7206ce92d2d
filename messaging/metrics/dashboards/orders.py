"""The dashboards of orders with pickup, and of settlement with restock."""

from messaging.metrics import listed as m
from messaging.metrics.dashboards.board import Board, Panel, Variable
from messaging.metrics.dashboards.queries import CHOSEN_POOLS, POOL, per_second, total
from messaging.metrics.declared import GaugeMetric

_KEPT, _COLLECTED = f'{POOL}, outcome="kept"', f'{POOL}, outcome=~"kept|late"'
_NO_SHOW = f'{POOL}, outcome="no_show"'
_SETTLED_POOLS = Variable("pool", m.SETTLEMENT_DISPUTES)

ORDERS = Board(
    uid="commonshelf-orders",
    title="Commonshelf: orders and pickup",
    about="What customers ask for, what becomes of it, and whether goods are ready in time.",
    variables=(CHOSEN_POOLS,),
    rows=(
        ("Orders", (
            Panel("Events a second, by kind", ((per_second(m.ORDER_EVENTS, "pool, kind"), "{{pool}} {{kind}}"),)),
            Panel("Orders that ended, in an hour", (
                (f"sum by (pool, outcome) (increase({m.ORDERS_ENDED.name}{{{POOL}}}[1h]))", "{{pool}} {{outcome}}"),
            )),
            Panel("Orders that ended, by outcome", (
                (f"sum by (outcome) (increase({m.ORDERS_ENDED.name}{{{POOL}}}[$__range]))", "{{outcome}}"),
            ), is_number=True),
        )),
        ("What is asked and reported", (
            Panel("Requests a second", (
                (per_second(m.POOL_REQUESTS, "pool, outcome", by_worker=True), "{{pool}} {{outcome}}"),
            )),
            Panel("Reports a second", (
                (per_second(m.POOL_REPORTS, "pool, outcome", by_worker=True), "{{pool}} {{outcome}}"),
            )),
            Panel("Hand-overs that no till rang up, in a day", (
                (f"max by (pool) (increase({m.POOL_NOT_RUNG_UP.name}{{{POOL}}}[1d]))", "{{pool}}"),
            )),
        )),
        ("Pickup", (
            Panel("Appointments ahead", (
                (f"sum by (place, status) ({m.PICKUP_APPOINTMENTS.name}{{{POOL}}})", "{{place}} {{status}}"),
            )),
            Panel("Appointments that ended, in an hour", (
                (f"sum by (place, outcome) (increase({m.PICKUP_WINDOWS.name}{{{POOL}}}[1h]))", "{{place}} {{outcome}}"),
            )),
            Panel("Windows kept, of those collected", (
                ((f"{total(m.PICKUP_WINDOWS, 'pool', _KEPT, over='$__range')} / "
                 f"{total(m.PICKUP_WINDOWS, 'pool', _COLLECTED, over='$__range')}"), "{{pool}}"),
            ), "percentunit", is_number=True),
            Panel("No-shows, of those that ended", (
                ((f"{total(m.PICKUP_WINDOWS, 'pool', _NO_SHOW, over='$__range')} / "
                 f"{total(m.PICKUP_WINDOWS, 'pool', POOL, over='$__range')}"), "{{pool}}"),
            ), "percentunit", is_number=True),
            Panel("Mean width of promised windows", (
                ((f"{total(m.PICKUP_WINDOW_SECONDS, 'pool', POOL, over='$__range')} / "
                 f"{total(m.PICKUP_WINDOWS, 'pool', POOL, over='$__range')}"), "{{pool}}"),
            ), "s", is_number=True),
        )),
    ),
)  # fmt: skip


def _of_pool(title: str, metric: GaugeMetric, unit: str = "short", about: str = "") -> Panel:
    return Panel(title, ((f"{metric.name}{{{POOL}}}", "{{pool}}"),), unit, about=about)


SETTLEMENT = Board(
    uid="commonshelf-settlement",
    title="Commonshelf: settlement and restock",
    about="What stores owe each other, what waits to be posted or published, and what is proposed to buy.",
    variables=(_SETTLED_POOLS,),
    rows=(
        ("Owed", (
            Panel("Unsettled, minor units", ((f"{m.SETTLEMENT_UNSETTLED.name}{{{POOL}}}", "{{pool}} {{currency}}"),)),
            _of_pool("Disputes that are open", m.SETTLEMENT_DISPUTES),
            Panel("Transactions a second", (
                (per_second(m.SETTLEMENT_TRANSACTIONS, "pool"), "{{pool}} posted"),
                (per_second(m.SETTLEMENT_RESTATEMENTS, "pool"), "{{pool}} restated"),
            )),
        )),
        ("Waiting", (
            _of_pool("Facts without a price", m.SETTLEMENT_UNPRICED),
            _of_pool("Age of the oldest of them", m.SETTLEMENT_OLDEST_UNPOSTED, "s"),
            _of_pool("Transactions to publish", m.SETTLEMENT_UNPUBLISHED),
            _of_pool("Closed windows to publish", m.SETTLEMENT_UNPUBLISHED_WINDOWS),
            _of_pool("Age of the oldest to publish", m.SETTLEMENT_OLDEST_UNPUBLISHED, "s"),
        )),
        ("Restock", (
            Panel("Proposals by status", ((f"{m.RESTOCK_PROPOSALS.name}{{{POOL}}}", "{{pool}} {{status}}"),)),
        )),
    ),
)  # fmt: skip
