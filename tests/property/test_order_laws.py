"""Promises are kept: whatever customers, tills and stores do, in any order, no unit is promised twice.

All is read from what the pool publishes (journal, events, tasks) and summed up here in plain dicts.
"""

from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.orders import stocked
from tests.support.pool import DAY_MS, NOON_MS, POOL, PoolBench
from tests.support.worlds import make_small, order_worlds

SLOW_SETUP = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
KEPT = ("tentative", "confirmed", "picked")
LIVE = ("open", "claimed")
FAR_MS = 200 * DAY_MS


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    make_small(monkeypatch)


def kept_of(order) -> Counter:
    """(store, SKU) → what an order keeps there."""
    kept: Counter = Counter()
    for hold in order["holds"]:
        if hold["state"] in KEPT:
            kept[hold["store"], hold["sku"]] += hold["quantity_milli"] - hold["sold_at_till_milli"]
    return kept


class Book:
    """The orders and tasks that the journal's entries tell of, and what the last availability values say."""

    def __init__(self) -> None:
        self.orders: dict = {}
        self.tasks: dict = {}
        self.read = 0

    def follow(self, bench: PoolBench) -> None:
        """Read on, checking each promise against what was available just before it was made."""
        entries = bench.journal()
        for entry in entries[self.read :]:
            kind, fields = entry.fact
            order = (
                fields.get("order")
                if kind.endswith(("OrderRequestDecided", "OrderChanged", "FulfilmentReportDecided"))
                else None
            )
            if order is not None:
                self.orders[order["order"]] = order
            for task in fields.get("tasks", ()):
                self.tasks[task["task"]] = task
        self.read = len(entries)

    def held(self) -> Counter:
        """(store, SKU) → what all orders keep there."""
        held: Counter = Counter()
        for order in self.orders.values():
            held += kept_of(order)
        return held


def check_at_rest(bench: PoolBench, book: Book) -> None:
    """What holds whenever an input has been worked off."""
    book.follow(bench)
    held = book.held()
    picked: Counter = Counter()
    for order in book.orders.values():
        lines = {line["line_id"]: line["quantity_milli"] - line["unfilled_milli"] for line in order["lines"]}
        for hold in order["holds"]:
            assert 0 <= hold["sold_at_till_milli"] <= hold["quantity_milli"] > 0
            lines[hold["line_id"]] -= hold["quantity_milli"]
            if hold["state"] == "picked":
                picked[hold["store"], hold["sku"]] += hold["quantity_milli"] - hold["sold_at_till_milli"]
        assert min(lines.values()) >= 0, "a line's units are held, handed over or given up at most once"
        if order["status"] == "ended":
            assert not +kept_of(order)
            assert order["outcome"]
        else:
            assert not any(lines.values()), "nothing is left open"
            assert any(hold["state"] in KEPT for hold in order["holds"]), "an order without goods has ended"
        states = {hold["state"] for hold in order["holds"]}
        assert order["status"] != "tentative" or states <= {"tentative", "collected"}
        assert order["status"] != "confirmed" or "tentative" not in states
    for row in bench.availability().values():
        shelf = (row["store"], row["sku"])
        unpicked = held[shelf] - picked[shelf]
        assert unpicked <= max(row["on_hand_milli"] - picked[shelf], 0), "promised goods are there"
        assert row["available_milli"] <= max(row["on_hand_milli"] - held[shelf], 0), "and promised to nobody else"
    assert not set(+held) - {(row["store"], row["sku"]) for row in bench.availability().values()}
    check_tasks(book)


def check_tasks(book: Book) -> None:
    """Each store is asked for just what it keeps for each order."""
    asked: defaultdict = defaultdict(Counter)
    for task in book.tasks.values():
        if task["status"] in LIVE and task["kind"] in ("pick", "hand_over"):
            for line in task["lines"]:
                asked[task["kind"]][task["order"], task["store"], line["line_id"]] += line["quantity_milli"]
    wanted: defaultdict = defaultdict(Counter)
    for name, order in book.orders.items():
        picking = {hold["store"] for hold in order["holds"] if hold["state"] == "confirmed"}
        for hold in order["holds"]:
            kind = {"confirmed": "pick", "picked": "hand_over"}.get(hold["state"])
            if kind == "pick" or (kind == "hand_over" and hold["store"] not in picking):
                wanted[kind][name, hold["store"], hold["line_id"]] += hold["quantity_milli"]
    assert dict(asked) == dict(wanted)


@given(world=order_worlds)
@settings(max_examples=150, suppress_health_check=SLOW_SETUP)
def test_after_every_input_each_promise_is_covered_and_made_once(world):
    bench, book = stocked(), Book()
    for published in world:
        published.onto(bench)
        check_at_rest(bench, book)


@given(world=order_worlds)
@settings(max_examples=100, suppress_health_check=SLOW_SETUP)
def test_every_promise_was_available_when_it_was_made(world):
    """What an entry newly holds of a shelf is at most what the table said just before, and what it gives up there."""
    bench, orders = stocked(), {}
    seen = len(bench.journal())
    for published in world:
        before = {(row["store"], row["sku"]): row["available_milli"] for row in bench.availability().values()}
        published.onto(bench)
        entries = bench.journal()[seen:]
        seen += len(entries)
        for entry in entries:
            kind, fields = entry.fact
            order = fields["order"] if kind in ("commonshelf.OrderRequestDecided", "commonshelf.OrderChanged") else None
            if order is None:
                if kind == "commonshelf.FulfilmentReportDecided" and fields["order"] is not None:
                    orders[fields["order"]["order"]] = fields["order"]
                continue
            gained = kept_of(order)
            gained.subtract(kept_of(orders.get(order["order"], {"holds": []})))
            orders[order["order"]] = order
            first = entry is entries[0]
            for shelf, milli in gained.items():
                is_ring_up = kind.endswith("OrderChanged") and fields["kind"] == "sold_at_till"
                if milli > 0 and first and not is_ring_up:
                    assert milli <= before.get(shelf, 0)


@given(world=order_worlds)
@settings(max_examples=80, suppress_health_check=SLOW_SETUP)
def test_every_hold_and_every_order_ends_by_time_alone(world):
    bench, book = stocked(), Book()
    for published in world:
        published.onto(bench)
    for days in range(1, 12):
        bench.pass_time(NOON_MS + 20 * DAY_MS + days * DAY_MS)
    bench.pass_time(NOON_MS + FAR_MS)
    book.follow(bench)
    assert not +book.held()
    assert {order["status"] for order in book.orders.values()} <= {"ended"}
    assert all(task["status"] not in LIVE for task in book.tasks.values() if task["order"] is not None)
    for days in range(len(world) + 2):  # a tick forgets one, as small as limits are made here
        bench.pass_time(NOON_MS + 2 * FAR_MS + days * DAY_MS)
    bench.commit()
    assert not [key for key in bench.committed.rows if key.startswith("order/")]
    assert {task["kind"] for task in bench.tasks().values()} <= {"recount"}


@given(world=order_worlds)
@settings(max_examples=80, suppress_health_check=SLOW_SETUP)
def test_every_request_is_answered_once_and_every_refusal_says_why(world):
    bench = stocked()
    for published in world:
        told = len(bench.events())
        before = len(bench.journal())
        published.onto(bench)
        new = bench.journal()[before:]
        answers = [event for event in bench.events()[told:] if event["position"] == before + 1]
        if new and new[0].fact[0].endswith("OrderRequestDecided"):
            [answer] = answers
            assert (answer["kind"] == "refused") == (new[0].fact[1]["outcome"] == "refused")
            assert (answer["reason"] != "") == (answer["kind"] == "refused")
        assert [event["position"] for event in bench.events()[told:]] == sorted(
            {event["position"] for event in bench.events()[told:]}
        )


@given(world=order_worlds, data=st.data())
@settings(max_examples=80, suppress_health_check=SLOW_SETUP)
def test_in_any_other_order_the_inputs_keep_the_promises_too(world, data):
    bench, book = stocked(), Book()
    for published in data.draw(st.permutations(world)):
        published.onto(bench)
    check_at_rest(bench, book)
    row = bench.partition.look_up({"pool": POOL})
    assert row["position"] == len(bench.journal())
