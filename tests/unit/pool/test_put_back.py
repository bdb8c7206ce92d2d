"""Picked goods that go to nobody are on the shelf's books at once, and somebody is asked to put them there."""

import pytest

from schemas.models.config import PoolSettings
from tests.support.orders import short, stocked
from tests.support.pool import BREAD, DAY_MS, HOUR_MS, MILK, MINUTE_MS, NOON_MS, STORE, line, wanted


def picked(*lines, **fields):
    bench = stocked()
    bench.request("placed", "o1", *(lines or (wanted(2_000),)), **fields)
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"))
    return bench


def to_put_back(bench):
    return [
        (task["store"], task["order"], [(one["sku"], one["quantity_milli"]) for one in task["lines"]])
        for task in bench.tasks().values()
        if task["kind"] == "put_back" and task["status"] in ("open", "claimed")
    ]


ALL = [(STORE, "o1", [(MILK, 2_000)])]


@pytest.mark.parametrize(
    "end",
    [
        lambda bench: bench.request("cancelled", "o1"),
        lambda bench: bench.fulfil("refused", bench.task("hand_over"), reason="not_collected"),
        lambda bench: bench.fulfil("refused", bench.task("hand_over"), reason="store_closed"),
        lambda bench: bench.pass_time(NOON_MS + 2 * DAY_MS),
    ],
    ids=["cancelled", "not collected", "store closed", "late"],
)
def test_whatever_ends_it_what_was_picked_must_be_put_back(end):
    bench = picked()
    end(bench)
    assert to_put_back(bench) == ALL
    assert bench.available() == 5_000


def test_what_is_gone_or_was_rung_up_need_not_be_put_back():
    bench = picked()
    bench.sell("s1", line(1_000), order_ref="o1")
    bench.request("cancelled", "o1")
    assert to_put_back(bench) == [(STORE, "o1", [(MILK, 1_000)])]
    for reason in ("not_found", "damaged", "sold", "wrong_item"):
        bench = picked()
        bench.fulfil("refused", bench.task("hand_over"), reason=reason)
        assert to_put_back(bench) == []


def test_all_or_nothing_that_fails_in_one_line_puts_the_others_back():
    bench = picked(wanted(2_000), wanted(9_000, BREAD), may_part_fill=False)
    bench.fulfil("short", bench.task("pick", "mill"), short(1_000, "damaged", BREAD))
    assert (bench.order()["outcome"], to_put_back(bench)[0]) == (
        "unfilled",
        (STORE, "o1", [(BREAD, 5_000), (MILK, 2_000)]),
    )


def test_what_is_not_picked_yet_lies_where_it_was():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.request("cancelled", "o1")
    assert to_put_back(bench) == []


def test_it_is_claimed_and_done_like_any_task_and_moves_nothing():
    bench = picked()
    bench.request("cancelled", "o1")
    name = bench.task("put_back")
    bench.fulfil("claimed", name, worker="Ada")
    bench.fulfil("done", name, worker="Ada")
    assert (bench.tasks()[name]["status"], bench.on_hand(), bench.available()) == ("done", 5_000, 5_000)


def test_one_that_nobody_does_becomes_more_urgent_and_ends_as_late():
    bench = picked()
    bench.configure(PoolSettings(name="North", pick_within_ms=10 * MINUTE_MS))
    bench.request("cancelled", "o1")
    name = bench.task("put_back")
    told = []
    for hours in range(1, 6):
        bench.pass_time(NOON_MS + hours * HOUR_MS)
        told.append((bench.tasks()[name]["priority"], bench.tasks()[name]["status"]))
    assert told == [(1, "open"), (2, "open"), (3, "open"), (3, "late"), (3, "late")]
