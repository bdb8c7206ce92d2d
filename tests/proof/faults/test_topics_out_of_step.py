"""Topics of one pool whose leaders are away in turn: what is late by its clock is late for the judges, too.

The pool of the fault test whose days pass in seconds tells sales, stock reports and ticks; those of one topic arrive
days after what was told with them.
"""

import random
from collections import Counter

import pytest

from messaging.journal import read_page
from schemas.codec import topic_codec
from schemas.topics import POOL_TICKS, POS_SALES, POS_STOCK
from streams.pool.journal.facts import TICK
from streams.pool.settings.clock import decide_tick
from tests.proof.faults.oracle import Oracle
from tests.proof.faults.pool_clocks import read_clocks
from tests.proof.faults.records import Promise, Record
from tests.proof.faults.replay import decide_again
from tests.proof.faults.world import FORGETFUL, TillWorld, settings_records
from tests.support.pool import NOON_MS, PoolBench, headers_of, plant, processor

EVENTS = 2_500
"""Half an hour of the pool's time each, until it has come to today."""
SALES, STOCK, TICKS = (POS_SALES.name,), (POS_STOCK.name,), (POOL_TICKS.name,)


def arrivals(seed, waiting):
    """The settings, then what the tills tell; of topics in `waiting` some hundreds at a time come after the rest."""
    world, chance = TillWorld([FORGETFUL], 1, seed), random.Random(seed)
    told = [world.next(NOON_MS + 50 * n) for n in range(EVENTS)]
    yield from sorted(settings_records([FORGETFUL], NOON_MS), key=lambda one: one.topic)  # items before what names them
    at = 0
    while at < len(told):
        window = told[at : at + chance.choice((10, 150, 400))]
        at += len(window)
        yield from (one for one in window if one.topic not in waiting)
        yield from (one for one in window if one.topic in waiting)


def played(seed, waiting):
    bench = PoolBench()
    for at, one in enumerate(arrivals(seed, waiting)):
        bench.put(one.topic, one.value, NOON_MS + 50 * at, one.key.encode())
        if at % 173 == 0:
            bench.commit()
    bench.commit()
    return bench


def records_of(bench):
    return [Record(*record[:6]) for record in bench.inputs]


def set_aside(bench):
    """(cause, reason, line id) of each line that is in the dead letters alone."""
    lines = Counter()
    for letter in bench.dead_letters():
        headers = headers_of(letter)
        if headers["__connect.errors.stage"] != "VALUE_CONVERTER":
            topic = headers["__connect.errors.topic"]
            cause = topic, 0, int(headers["__connect.errors.offset"])
            for line in topic_codec(topic).decode(letter.value)["lines"]:
                lines[cause, headers["commonshelf.reason"], line["line_id"]] += 1
    return lines


def promised(bench):
    return {
        (row["pool"], row["sku"], row["store"]): Promise(
            row["on_hand_milli"], row["available_milli"], row["safety_stock_milli"], row["unit"]
        )
        for row in bench.availability().values()
    }


def too_late(expected):
    """How many lines; without clocks, those that were when they were told."""
    return sum(reason == "too_late" for _, reason, _ in expected.refused_lines)


@pytest.mark.parametrize(("waiting", "some_are_late"), [
    ((), False), (TICKS, False), (SALES, True), (STOCK, True), (SALES + STOCK, False),
], ids=["none", "ticks", "sales", "stock", "all but ticks"])  # fmt: skip
@pytest.mark.parametrize("seed", [1, 2])
def test_what_waited_until_it_was_too_late_is_so_for_the_judge_and_on_every_replay(seed, waiting, some_are_late):
    """Ticks alone do not move the clock on: where sales and reports wait, nothing is evidence, and nothing is late."""
    bench = played(seed, waiting)
    records = records_of(bench)
    entries = bench.journal(FORGETFUL)
    clocks = read_clocks(records, entries)
    expected = Oracle(1, clocks_ms=clocks.at_ms).expected(records)

    assert clocks.unfounded == []
    assert set_aside(bench) == expected.refused_lines
    assert promised(bench) == expected.table
    assert (too_late(expected) > too_late(Oracle(1).expected(records))) == some_are_late

    by_cause = {record.cause: record for record in records}
    order = [by_cause[cause] for cause in dict.fromkeys(entry.cause for entry in entries)]
    [page] = decide_again(processor(), 0, 1, order, {FORGETFUL: [len(entries)]}).pages.values()
    assert list(read_page(page)) == entries


def test_a_clock_that_believes_ticks_alone_is_noticed(monkeypatch):
    plant(monkeypatch, decide_tick, lambda _, tick, __: (TICK, tick))
    bench = played(1, SALES + STOCK)
    assert read_clocks(records_of(bench), bench.journal(FORGETFUL)).unfounded


def test_a_clock_that_stands_still_is_noticed(monkeypatch):
    plant(monkeypatch, decide_tick, lambda state, tick, _: (TICK, {**tick, "at_ms": state.row["clock_ms"]}))
    bench = played(1, ())
    assert read_clocks(records_of(bench), bench.journal(FORGETFUL)).unfounded
