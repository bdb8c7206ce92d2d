"""Of settings told in any order, at any time, the pool and the readers of the topic hold the same one in force."""

from hypothesis import given
from hypothesis import strategies as st

from commonshelf.config.pool_config import PoolConfigs
from commonshelf.config.publishing import _after
from schemas.codec import topic_codec
from schemas.models.base import TIME_MAX_MS
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, Contribution, StoreItemSettings
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG
from tests.support.pool import DAY_MS, MILK, NOON_MS, POOL, STORE, PoolBench, furnished

told = st.lists(st.sampled_from([0, NOON_MS - 1, NOON_MS, NOON_MS + 5, TIME_MAX_MS]), min_size=1, max_size=6)


def tell(bench: PoolBench, nth: int, recorded_at_ms: int, appended_at_ms: int) -> None:
    """The nth terms of an item, and the nth price of it."""
    terms = StoreItemSettings(store=STORE, sku=MILK, contribution=Contribution(kind="cap", value=nth))
    change = ConfigChange(pool=POOL, recorded_at_ms=recorded_at_ms, origin="test", change=terms)
    item = CatalogItem(pool=POOL, sku=MILK, name=MILK, price_minor=nth, recorded_at_ms=recorded_at_ms)
    for topic, record in ((POOL_CONFIG.name, change), (CATALOG_ITEMS.name, item)):
        bench.put(topic, topic_codec(topic).encode(record.to_avro()), appended_at_ms)


@given(told)
def test_the_pool_and_the_readers_of_the_topic_hold_the_same_in_force(times: list[int]) -> None:
    bench, readers = furnished(), PoolConfigs()
    for nth, recorded_at_ms in enumerate(times):
        tell(bench, nth, recorded_at_ms, NOON_MS + nth)
    for record in bench.inputs:
        readers.take(record.topic, record.value, record.appended_at_ms)
    known_ms = [min(recorded_at_ms, NOON_MS + nth) for nth, recorded_at_ms in enumerate(times)]
    last = max((told_ms, nth) for nth, told_ms in enumerate(known_ms))[1]
    held = [
        (config.terms(STORE, MILK), config.items[MILK]["price_minor"])
        for config in (bench.partition.pools[POOL].config, readers.catalogs[POOL])
    ]
    assert held[0] == held[1]
    assert held[0][0] == ("cap", last, 0)
    assert held[0][1] == (last if known_ms[last] >= NOON_MS else None)  # the pool was furnished with the item at noon


def test_a_setting_told_again_after_a_newer_one_is_set_aside_and_changes_nothing() -> None:
    bench = furnished()
    tell(bench, 1, NOON_MS + 1, NOON_MS + 1)
    tell(bench, 2, NOON_MS + 2, NOON_MS + 2)
    tell(bench, 1, NOON_MS + 1, NOON_MS + DAY_MS)
    assert bench.reasons() == ["too_late", "too_late"]
    bench.restart()
    assert bench.partition.pools[POOL].config.terms(STORE, MILK) == ("cap", 2, 0)


def test_a_clock_that_is_ahead_bars_nobody_from_changing_the_setting() -> None:
    bench = furnished()
    tell(bench, 1, TIME_MAX_MS, NOON_MS + 1)
    tell(bench, 2, NOON_MS + 2, NOON_MS + 2)
    assert (bench.partition.pools[POOL].config.terms(STORE, MILK), bench.reasons()) == (("cap", 2, 0), [])


def test_who_publishes_a_setting_with_a_clock_that_is_behind_replaces_the_one_in_force() -> None:
    item = CatalogItem(pool=POOL, sku=MILK, name=MILK, recorded_at_ms=NOON_MS)
    assert _after(item, {"recorded_at_ms": NOON_MS + 7}).recorded_at_ms == NOON_MS + 7
    assert _after(item, {"recorded_at_ms": NOON_MS - 7}).recorded_at_ms == NOON_MS
    assert _after(item, None).recorded_at_ms == NOON_MS
