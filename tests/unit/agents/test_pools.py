"""Which pools the clock knows."""

import pytest

from schemas.models.config import Change, ConfigChange, PoolSettings, StoreSettings
from streams.clock.pools import Pools


def settings_of(pool: str, change: Change | None = None) -> dict:
    return ConfigChange(pool=pool, recorded_at_ms=1, origin="test", change=change or PoolSettings(name=pool)).to_avro()


def test_a_pool_is_known_by_its_own_settings_however_often_they_come():
    pools = Pools()
    for _ in range(2):
        pools.apply(b"north/pool", settings_of("north"))
    pools.apply(b"south/pool", settings_of("south"))
    assert list(pools) == ["north", "south"]


def test_settings_of_a_store_make_no_pool():
    pools = Pools()
    pools.apply(b"north/store/s1", settings_of("north", StoreSettings(store="s1", name="S1")))
    assert list(pools) == []


def test_a_pool_whose_settings_are_taken_back_is_forgotten():
    pools = Pools()
    pools.apply(b"north/pool", settings_of("north"))
    pools.apply(b"north/pool", None)
    assert list(pools) == []


@pytest.mark.parametrize("key", [b"north/store/s1", b"north/item/s1/x/pool", b"north", b"", b"\xff/pool", None])
def test_other_settings_taken_back_leave_the_pool(key):
    pools = Pools()
    pools.apply(b"north/pool", settings_of("north"))
    pools.apply(key, None)
    assert list(pools) == ["north"]


def test_a_name_that_no_pool_can_have_is_refused():
    value = settings_of("north") | {"pool": "a/b"}
    with pytest.raises(ValueError, match="'a/b' is not a pool's name"):
        Pools().apply(b"a/b/pool", value)
