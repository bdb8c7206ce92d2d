"""The demo's customers and pickers, and the figures of their orders."""

import asyncio
from collections import Counter

import pytest

from commonshelf.demo import visits as visits_module
from commonshelf.demo.customers import Customers
from commonshelf.demo.errands import Errands
from commonshelf.demo.ledger_watch import PromisedStock
from commonshelf.demo.orders_watch import OrdersView
from commonshelf.demo.pickers import Pickers
from commonshelf.demo.visits import Visits
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.pickup_code import code_digest


def each(available_milli):
    return PromisedStock(available_milli, "each")


SHELVES = {
    **{f"HERE-{number}": {"lich": each(9_000), "diez": each(0)} for number in range(20)},
    **{f"THERE-{number}": {"diez": each(9_000)} for number in range(20)},
    **{f"NOWHERE-{number}": {"lich": each(-1_000), "diez": each(0)} for number in range(20)},
    "HAM": {"lich": PromisedStock(5_000, "kg"), "diez": PromisedStock(10, "kg")},
}


class Paper:
    """The edge to Kafka: keeps what is published."""

    def __init__(self):
        self.events = []

    async def publish_acked(self, events):
        self.events += events


def customers(paper, errands=None):
    return Customers("lahn", ["lich", "diez"], SHELVES, paper, errands or Errands(), None, run="order-1", seed=3)


def event(kind, order="order-1-1", *, status="tentative", outcome="", given_up=(0, 0), holds=("tentative",)):
    return {
        "kind": kind, "order": order, "status": status, "outcome": outcome,
        "lines": [
            {"line_id": str(at), "quantity_milli": 1_000, "unfilled_milli": milli, "reason": "", "declined_by": []}
            for at, milli in enumerate(given_up)
        ],
        "decision": None, "transfer": None, "holds": [{"state": state} for state in holds],
    }  # fmt: skip


def test_half_of_the_orders_begin_with_what_their_store_lacks_and_another_has():
    buyer = customers(Paper())
    for number in range(40):
        buyer.tally.placed = number
        lines = buyer.choose("lich")
        assert lines[0].sku.startswith("THERE") == (number % 2 == 0)
        assert not any(line.sku.startswith("NOWHERE") for line in lines)
        assert len({line.sku for line in lines}) == len(lines) <= 3


async def order_for(buyer, seconds):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await buyer.order(1_000)


def test_orders_are_for_what_their_store_has_and_for_what_it_lacks():
    paper = Paper()
    buyer = customers(paper)
    asyncio.run(order_for(buyer, 0.1))
    placed = [one for one in paper.events if isinstance(one, OrderRequest)]
    wanted = [(one.terms.preferred_store, line) for one in placed for line in one.terms.lines]
    is_there = [
        store in SHELVES[line.sku] and SHELVES[line.sku][store].available_milli >= line.quantity_milli
        for store, line in wanted
    ]  # fmt: skip
    assert (len(placed), len(wanted)) == (buyer.tally.placed, buyer.tally.lines)
    assert set(is_there) == {True, False}


def test_what_is_promised_is_confirmed_by_its_customer():
    paper = Paper()

    async def told():
        errands = Errands()
        buyer = customers(paper, errands)
        buyer.take_event(event("allocated"))
        buyer.take_event(event("allocated", "somebody-else"))
        buyer.take_event(event("unfilled", "order-1-2"))
        while not paper.events:
            errands.check()
            await asyncio.sleep(0.01)
        await errands.close()

    asyncio.run(told())
    assert [(one.order, one.kind) for one in paper.events] == [("order-1-1", "confirmed")]


def test_what_befalls_an_errand_is_not_lost():
    async def fails():
        errands = Errands()

        async def work():
            raise LookupError("no such shelf")

        errands.start(work())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        errands.check()

    with pytest.raises(LookupError, match="no such shelf"):
        asyncio.run(fails())


def task(number, kind="pick", status="open"):
    lines = [
        {"line_id": "1", "sku": "HAM", "quantity_milli": 500},
        {"line_id": "2", "sku": "HERE-1", "quantity_milli": 1000},
    ]
    return {"task": f"{kind}-{number}", "kind": kind, "store": "lich", "status": status, "lines": lines}


async def work(pickers, errands, tasks, until):
    for one in tasks:
        pickers.take_task(one)
    while not until():
        errands.check()
        await asyncio.sleep(0.01)
    await errands.close()


def test_most_picks_are_done_some_are_short_and_some_are_refused():
    paper, left, errands = Paper(), [], Errands()
    pickers = Pickers("lahn", paper, errands, lambda *goods: left.append(goods), None, seed=1)
    tasks = [task(number) for number in range(300)]
    asyncio.run(work(pickers, errands, [*tasks, *tasks], lambda: len(paper.events) >= 300))
    assert all(isinstance(report, FulfilmentReport) for report in paper.events)
    kinds = Counter(report.kind for report in paper.events)
    assert kinds.total() == 300, "a task that is told twice is worked on once"
    assert kinds["done"] > 200
    assert kinds["short"] > 5
    assert kinds["refused"] > 2
    assert {report.reason for report in paper.events if report.kind == "refused"} == {"no_capacity"}
    assert left == []


def test_what_is_handed_over_leaves_the_store_and_a_task_that_ended_is_left_alone():
    paper, left, errands = Paper(), [], Errands()
    pickers = Pickers("lahn", paper, errands, lambda *goods: left.append(goods), None, seed=1)
    tasks = [task(1), task(1, status="cancelled"), task(2, "recount"), task(3, "hand_over")]
    asyncio.run(work(pickers, errands, tasks, lambda: len(left) == 2))
    assert left == [("lich", "HAM", 500), ("lich", "HERE-1", 1000)]
    assert [report.task for report in paper.events] == ["hand_over-3"]


@pytest.mark.parametrize(
    ("manner", "told", "leaves"),
    [("early", ["arrived", "done"], True), ("on_time", ["arrived", "done"], True), ("never", ["refused"], False)],
)
def test_goods_of_an_appointment_are_given_for_the_code_of_who_comes(monkeypatch, manner, told, leaves):
    monkeypatch.setattr(visits_module, "_MANNERS", (manner,))
    monkeypatch.setattr(visits_module, "_SETS_OUT_S", (0, 0.01))
    monkeypatch.setattr(visits_module, "_GIVEN_UP_S", (0, 0.01))
    paper, left, errands = Paper(), [], Errands()
    visits = Visits("lahn", paper, seed=1)
    assert visits.wish("R-1", 1_000).code_digest == code_digest("lahn", "R-1", visits.code("R-1"))
    visits.take_appointment({"order": "R-1", "store": "lich", "window_from_ms": 1, "window_until_ms": 2})
    pickers = Pickers("lahn", paper, errands, lambda *goods: left.append(goods), visits, seed=1)
    tasks = [task(1, "hand_over") | {"order": "R-1"}]
    asyncio.run(work(pickers, errands, tasks, lambda: len(paper.events) == len(told) and bool(left) == leaves))
    assert [report.kind for report in paper.events] == told
    assert paper.events[-1].code == (visits.code("R-1") if leaves else None)


def test_every_third_order_wishes_a_window():
    paper = Paper()
    buyer = Customers("lahn", ["lich"], SHELVES, paper, Errands(), Visits("lahn", paper, seed=1), run="order-1", seed=3)
    asyncio.run(order_for(buyer, 0.1))
    wished = [one.terms.pickup is not None for one in paper.events]
    assert wished == [number % 3 == 0 for number in range(1, len(wished) + 1)]
    assert any(wished)


def test_the_figures_of_orders_follow_what_was_told_last():
    view = OrdersView()
    view.take_event(event("allocated", given_up=(0, 1000), holds=("tentative",)))
    view.take_event(event("allocated", "order-1-2", holds=("tentative", "tentative")))
    view.take_event(event("refused", "order-1-3", status="", given_up=(), holds=()))
    assert (view.answered, view.filling.fill[:2], view.holds) == (3, (4, 3), 3)
    view.take_event(event("rerouted", "order-1-2", status="confirmed", holds=("confirmed", "picked", "collected")))
    view.take_event(event("expired", status="ended", outcome="expired", given_up=(0, 1000), holds=()))
    view.take_event(event("refused", status="ended", outcome="expired", given_up=(0, 1000), holds=()))
    assert (view.answered, view.filling.fill[:2], view.holds) == (3, (2, 2), 2)
    assert (view.reroutes, view.reroutes_per_min) == (1, 1)
