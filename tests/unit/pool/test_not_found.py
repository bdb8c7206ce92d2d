"""What was looked for and not found is on the books and promised to nobody, until a count looks again."""

import pytest

from tests.support.orders import kept, short, stocked
from tests.support.pool import MILK, MINUTE_MS, NOON_MS, OTHER_STORE, STORE, line, wanted
from tests.support.transfers import came, place
from tests.support.transfers import stocked as ready_to_send


def confirmed(milli=2_000):
    bench = stocked()
    bench.request("placed", "o1", wanted(milli))
    bench.request("confirmed", "o1")
    return bench


def numbers(bench):
    row = bench.shelf()
    return row["on_hand_milli"], row["not_found_milli"], row["available_milli"]


@pytest.mark.parametrize("reason", ["not_found", "wrong_item"])
def test_what_a_picker_does_not_find_is_not_promised_again(reason):
    bench = confirmed()
    bench.fulfil("short", bench.task("pick"), short(1_000, reason))
    assert numbers(bench) == (5_000, 1_000, 3_000)


def test_what_is_gone_at_the_hand_over_is_not_promised_either():
    bench = confirmed()
    bench.fulfil("done", bench.task("pick"))
    bench.fulfil("refused", bench.task("hand_over"), reason="not_found")
    assert numbers(bench) == (5_000, 2_000, 3_000)


def test_what_the_sender_of_a_transfer_does_not_find_is_not_promised():
    bench = ready_to_send()
    place(bench)
    bench.fulfil("short", bench.task("transfer_out"), came(2_000), reason="not_found")
    assert numbers(bench) == (6_000, 2_000, 4_000)


@pytest.mark.parametrize("reason", ["sold", "store_closed", "no_capacity"])
def test_what_nobody_looked_for_stays_promised(reason):
    bench = confirmed()
    bench.fulfil("refused", bench.task("pick"), reason=reason)
    assert numbers(bench) == (5_000, 0, 5_000)


def test_a_count_after_the_search_ends_it():
    bench = confirmed()
    bench.fulfil("refused", bench.task("pick"), reason="not_found")
    bench.report("counted", "c1", line(4_000), occurred_at_ms=NOON_MS + MINUTE_MS)
    assert numbers(bench) == (4_000, 0, 4_000)


@pytest.mark.parametrize("searched_first", [True, False])
def test_a_count_from_before_the_search_does_not_end_it_and_a_later_one_has_seen_it(searched_first):
    steps = [
        lambda bench: bench.fulfil(
            "refused", bench.task("pick"), reason="not_found", occurred_at_ms=NOON_MS + 2 * MINUTE_MS
        ),
        lambda bench: bench.report("counted", "c1", line(5_000), occurred_at_ms=NOON_MS + MINUTE_MS),
    ]
    bench = confirmed()
    for step in steps if searched_first else reversed(steps):
        step(bench)
    assert numbers(bench) == (5_000, 2_000, 3_000)
    other = confirmed()
    other.report("counted", "c1", line(5_000), occurred_at_ms=NOON_MS + MINUTE_MS)
    other.fulfil("refused", other.task("pick"), reason="not_found")
    assert numbers(other) == (5_000, 0, 5_000)


def test_a_share_is_of_what_is_there_and_the_table_says_what_the_store_lends():
    bench = confirmed()
    bench.lend("share", 500)
    bench.fulfil("refused", bench.task("pick"), reason="not_found")
    row = bench.shelf()
    assert (row["contribution_milli"], row["available_milli"]) == (1_500, 1_000)


def test_the_shelf_remembers_it_across_a_restart():
    bench = confirmed()
    bench.fulfil("refused", bench.task("pick"), reason="not_found")
    bench.commit()
    bench.restart()
    bench.request("placed", "o2", wanted(9_000))
    assert kept(bench, "o2") == [(MILK, STORE, 3, "tentative"), (MILK, OTHER_STORE, 3, "tentative")]
