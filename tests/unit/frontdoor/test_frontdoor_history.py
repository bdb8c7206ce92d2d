"""`history` and `shrinkage` from a pool's journal, and times as people give them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import typer

from commonshelf.desks import history as desk
from commonshelf.options import amount, deadline_ms
from tests.support.orders import short, stocked
from tests.support.pool import BREAD, MILK, MINUTE_MS, NOON_MS, OTHER_STORE, POOL, STORE, line, wanted

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def journal(monkeypatch):
    def of(bench):
        entries = bench.journal()
        monkeypatch.setattr(desk, "read_journal", lambda *_, **__: iter(entries))

    return of


def lines(**where):
    at = {"store": STORE, "sku": MILK} | where
    return [
        (one.what, one.about, one.change_milli, one.on_hand_milli, one.held_milli)
        for one in desk.history({}, 1, POOL, at["store"], at["sku"])
    ]


def test_a_shelf_s_history_adds_up_to_what_the_table_says(journal):
    bench = stocked()
    bench.request("placed", "o1", wanted(3_000))
    bench.request("confirmed", "o1")
    bench.fulfil("short", bench.task("pick"), short(1_000, "not_found"))
    bench.sell("s1", line(1_000))
    bench.report("counted", "c1", line(3_000), occurred_at_ms=NOON_MS + MINUTE_MS)
    row = bench.shelf()
    journal(bench)
    assert lines() == [
        ("received", "", 5_000, 5_000, 0),
        ("held", "o1", 0, 5_000, 3_000),
        ("1 not found", "not promised until it is counted", 0, 5_000, 3_000),
        ("held no longer", "o1", 0, 5_000, 2_000),
        ("sale", "", -1_000, 4_000, 2_000),
        ("counted, the difference", "", -1_000, 3_000, 2_000),
    ]
    assert (lines()[-1][3], lines()[-1][4]) == (row["on_hand_milli"], row["held_milli"])
    assert lines(store=OTHER_STORE, sku=BREAD) == [("received", "", 5_000, 5_000, 0)]


def test_shrinkage_is_what_counts_and_adjustments_of_the_day_say(journal):
    bench = stocked()
    bench.report("adjusted", "a1", line(-2_000, BREAD, reason="waste"))
    bench.report("counted", "c1", line(4_000), occurred_at_ms=NOON_MS + MINUTE_MS)
    journal(bench)
    lost = {(STORE, BREAD, "waste"): -2_000, (STORE, MILK, "counted"): -1_000}
    assert desk.shrinkage({}, 1, POOL, NOON_MS, NOON_MS + 2 * MINUTE_MS) == lost
    assert desk.shrinkage({}, 1, POOL, NOON_MS + 2 * MINUTE_MS, NOON_MS + 3 * MINUTE_MS) == {}


def test_a_time_of_day_is_the_next_one_in_the_pool_s_zone():
    now = datetime.now(BERLIN)
    for shift in (timedelta(hours=1), timedelta(hours=-1)):
        text = f"{now + shift:%H:%M}"
        at = datetime.fromtimestamp(deadline_ms(text, BERLIN) / 1000, BERLIN)
        assert f"{at:%H:%M}" == text
        assert timedelta() < at - now <= timedelta(hours=25)


def test_a_deadline_may_be_a_span_or_a_date_and_time():
    assert deadline_ms("2026-11-28T18:00", BERLIN) == 1_795_885_200_000
    before_ms = int(datetime.now(BERLIN).timestamp() * 1000)
    in_two_hours_ms = deadline_ms("2h", BERLIN)
    assert before_ms <= in_two_hours_ms - 7_200_000 <= datetime.now(BERLIN).timestamp() * 1000
    with pytest.raises(typer.Exit):
        deadline_ms("soon", BERLIN)


def test_goods_are_named_with_their_units():
    assert amount("HAM=0.5") == ("HAM", 500)
    with pytest.raises(typer.Exit):
        amount("HAM")
