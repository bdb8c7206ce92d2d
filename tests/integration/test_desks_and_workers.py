"""The desks while no worker runs: what they publish counts as soon as one does."""

import pytest

from commonshelf.dead_letters import replays
from schemas.models.config import PoolSettings, StoreSettings
from tests.support.shop import STORE, PoolWithShop, ledger_worker


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(replays, "WAIT_S", 1.0)


def test_what_is_mapped_while_no_worker_runs_counts_when_one_does(kafka, topics, pool_name, settings_file, impatient):
    shop = PoolWithShop(kafka, topics, pool_name, settings_file)
    with ledger_worker(settings_file):
        shop.configure(PoolSettings(name="A pool"), StoreSettings(store=STORE, name="Corner"))
        shop.stock("MILK", "BREAD")
        shop.publish(shop.sale("s1", ("plu:1", 2_000)))
        shop.letters(1)
    answer = shop.call("map", "set", shop.pool, "plu:1", "BREAD").output
    assert "1 letter replayed; the pool's workers have not taken them yet: `./shelf doctor`" in answer
    assert "nothing to replay" in shop.call("dlq", "replay", "--pool", shop.pool).output
    with ledger_worker(settings_file):
        shop.on_hand("BREAD", 98_000)
    assert [letter.state for letter in shop.letters()] == ["replayed"]
