"""Settings: what operators say of a pool, its stores and its items; and the pool's clock.

Items are read first: other settings name them.
"""

from schemas.topics import CATALOG_ITEMS, POOL_CONFIG, POOL_TICKS
from streams.pool.aggregate import Aggregate, Input
from streams.pool.journal.facts import CATALOG_ITEM, CONFIG_CHANGE, MEMBERSHIP_CHANGED, PARKED, TICK
from streams.pool.settings import clock, config, membership

AGGREGATE = Aggregate(
    "settings",
    inputs=(
        Input(CATALOG_ITEMS, config.decide_item, is_setting=True, check=config.check_item),
        Input(POOL_CONFIG, config.decide_change, is_setting=True, check=config.check_change),
    ),
    folds={
        CONFIG_CHANGE: config.fold_change,
        CATALOG_ITEM: config.fold_item,
        PARKED: config.fold_parked,
        MEMBERSHIP_CHANGED: membership.fold_change,
    },
    tables=(config.CONFIG, config.ITEMS, membership.MEMBERS),
    due={membership.ALARM: membership.turn},
    subject=membership.subject,
)
CLOCK = Aggregate(
    "clock", inputs=(Input(POOL_TICKS, clock.decide_tick, is_expendable=True),), folds={TICK: clock.fold_tick}
)
