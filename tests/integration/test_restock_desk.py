"""`candidates` and `restock drop` on a real Kafka with the real worker: from sales to a pilot list and to quotas."""

import csv
import json
import re
from datetime import UTC, datetime

import pytest

from commonshelf.config.publishing import publish_settings
from schemas.models.catalog import CatalogItem
from schemas.models.config import PoolSettings, StoreSettings
from tests.support.shop import DAY_MS, STORE

YEAR_MS = 365 * DAY_MS
DAYS = 28


@pytest.fixture
def selling(shop):
    """Milk sells in two stores for four weeks, three a day and one; bread has a price and is not sold yet."""
    shop.configure(PoolSettings(name="A pool", late_limit_ms=YEAR_MS), StoreSettings(store="mill", name="Mill"))
    bread = CatalogItem(
        pool=shop.pool, sku="BREAD", name="Bread", cost_minor=100, price_minor=300, recorded_at_ms=shop.now_ms
    )
    publish_settings(shop.options, shop.partitions, [bread])
    for store, milli in ((STORE, 3_000), ("mill", 1_000)):
        sales = [
            shop.sale(f"{store}-{day}", ("sku:MILK", milli), at_ms=shop.now_ms - day * DAY_MS) for day in range(DAYS)
        ]
        shop.publish(*(one.model_copy(update={"store": store}) for one in sales))
    shop.publish(shop.sale("last", ("sku:BREAD", 1_000)))
    shop.on_hand("BREAD", 99_000)
    return shop


def out_of(shop, *words):
    said = shop.call(*words)
    assert said.exit_code == 0, (said.output, said.exception)
    return said.output


def test_from_sales_to_a_pilot_list_and_from_a_drop_to_its_quota(selling, tmp_path):
    file = tmp_path / "pilot.csv"
    (found,) = json.loads(out_of(selling, "candidates", selling.pool, "--out", str(file), "--json"))
    assert found["sku"] == "MILK"
    assert {part["name"]: part["evidence"] for part in found["parts"]}["spread"].startswith("2 of 2 stores sell it")
    (row,) = csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines())
    assert row["score"] == str(found["permille"])
    assert "MILK" in out_of(selling, "candidates", selling.pool)

    now = datetime.fromtimestamp(selling.now_ms / 1000, UTC)
    since, until = (now.isoformat(), datetime.fromtimestamp((selling.now_ms + 7 * DAY_MS) / 1000, UTC).isoformat())
    words = (
        "restock",
        "drop",
        "split",
        selling.pool,
        "BREAD",
        "20",
        "--from",
        since,
        "--until",
        until,
        "--like",
        "MILK",
    )
    parts = json.loads(out_of(selling, *words, "--floor", "2", "--most", "mill=5", "--set", "--json"))["parts"]
    given = {part["store"]: part["units"] for part in parts}
    assert given["mill"] in range(2, 6)
    assert given[STORE] > given["mill"]
    assert all(part["why"].startswith("2 as every store") for part in parts)
    limits = out_of(selling, "quota", "list", selling.pool)
    assert all(f"store {store}" in limits for store in given)

    found = json.loads(out_of(selling, "restock", "drop", "balance", selling.pool, "BREAD", "--like", "MILK", "--json"))
    assert [(one["store"], one["on_hand"]) for one in found["stores"]] == [(STORE, 99), ("mill", 0)]
    (move,) = found["moves"]
    assert (move["from_store"], move["to_store"]) == (STORE, "mill")
    shown = out_of(selling, "restock", "drop", "balance", selling.pool, "BREAD", "--like", "MILK")
    asked = rf"./shelf transfer ask {selling.pool} BREAD-\d{{4}}-\d{{4}}-1 {STORE} mill BREAD={move['units']}\n"
    assert re.search(asked, shown), shown

    told = {
        "no item 'BRAD'": ("restock", "drop", "split", selling.pool, "BRAD", *words[5:]),
        "has no quota": ("restock", "drop", "balance", selling.pool, "MILK", "--like", "MILK"),
        "is not after --from": (*words[:6], "--from", until, "--until", since, "--like", "MILK"),
    }
    for says, wrong in told.items():
        said = selling.call(*wrong)
        assert said.exit_code != 0
        assert says in said.output + str(said.exception)


def test_a_pool_that_has_not_sold_for_a_week_has_no_pilot_list(shop):
    said = shop.call("candidates", shop.pool)
    assert "has not sold for a week yet" in str(said.exception)


def test_a_calendar_is_added_told_and_taken_away(shop, tmp_path):
    file = tmp_path / "fairs.csv"
    file.write_text(
        f"kind,name,first_day,last_day,stores,skus\nstreet fair,Riverside fair,2036-07-04,2036-07-05,{STORE},MILK\n"
        "street fair,,soon,,,\nleaflet,,2036-07-06,,,BRAD\n"
    )
    said = shop.call("restock", "calendar", "add", shop.pool, str(file))
    assert said.exit_code == 1
    assert "calendar fairs of pool" in said.output
    assert re.search(r"3\s+first_day\s+'soon' is no date", said.output), said.output
    assert re.search(r"4\s+skus\s+the pool has no skus BRAD", said.output), said.output
    assert "published" in out_of(shop, "restock", "calendar", "holidays", shop.pool, "DE", "HE")
    assert "stand already" in out_of(shop, "restock", "calendar", "holidays", shop.pool, "DE", "HE")
    found = json.loads(out_of(shop, "restock", "calendar", "list", shop.pool, "--json"))
    assert [one["calendar"] for one in found["calendars"]] == ["fairs", "holidays"]
    assert {one["kind"]: one["uplift_permille"] for one in found["kinds"]} == {
        "street fair": 1_300, "public holiday": 800, "day before a holiday": 1_200
    }  # fmt: skip
    assert "Riverside fair" in out_of(shop, "restock", "calendar", "list", shop.pool)
    assert "is removed" in out_of(shop, "restock", "calendar", "remove", shop.pool, "fairs")
    assert "Riverside fair" not in out_of(shop, "restock", "calendar", "list", shop.pool)
    said = shop.call("restock", "calendar", "remove", shop.pool, "fairs")
    assert "has no calendar 'fairs'" in str(said.exception)
