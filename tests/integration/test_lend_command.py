"""`lend set` and `lend list` on a real Kafka with the real worker."""

import json

from schemas.models.config import PoolSettings
from tests.support.shop import STORE, PoolWithShop
from tests.support.waiting import until


def test_an_operator_lends_to_another_pool_and_sees_it_there(shop, kafka, topics):
    other = PoolWithShop(kafka, topics, f"{shop.pool}-b", shop.file)
    other.configure(PoolSettings(name="Another pool"))
    refused = shop.call("lend", "set", shop.pool, STORE, "MILK", other.pool, "6")
    assert refused.exit_code != 0
    assert "has no item 'MILK'" in str(refused.exception)
    other.stock("MILK")

    done = shop.call("lend", "set", shop.pool, STORE, "MILK", other.pool, "6")
    assert done.exit_code == 0, done.output
    expected = [{
        "store": STORE, "sku": "MILK", "to_pool": other.pool, "quota_milli": 6_000, "borrowed_milli": 6_000,
        "available_milli": 6_000,
    }]  # fmt: skip

    def listed():
        return json.loads(shop.call("lend", "list", shop.pool, "--json").output)

    until(lambda: listed() == expected, listed)
    assert other.pool in shop.call("lend", "list", shop.pool).output
