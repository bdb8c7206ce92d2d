"""Runs a scenario on a running stack: tills start, the view shows, everything drains."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from commonshelf.demo.faults import WORKER, Faults
from commonshelf.demo.ledger_watch import LedgerWatch
from commonshelf.demo.night import pass_night
from commonshelf.demo.orders import Orders
from commonshelf.demo.report import Summary, summarise
from commonshelf.demo.restock_watch import RestockWatch
from commonshelf.demo.scenario import Scenario, Signals
from commonshelf.demo.settlement_watch import SettlementWatch
from commonshelf.demo.store_tills import StoreTills
from commonshelf.demo.tills import TillError
from commonshelf.demo.view import DemoView
from commonshelf.desks.first_key import operators_key, sign_in_url
from commonshelf.stack.connection import Connection
from commonshelf.stack.interrupt import on_interrupt
from commonshelf.stack.stack import Stack

_REFRESH_S = 0.25
_DRAIN_POLL_S = 0.05
_DRAIN_DEADLINE_S = 60.0
_LAST_WORDS_S = 10.0
"""For what a till was about to say when the signal to stop came."""
_LAST_LOOK_S = 1.0
"""For an outage of the worker whose last line has just been seen."""


async def run(
    scenario: Scenario, stack: Stack, console: Console,
    *, name: str, for_s: float | None, started_at_s: float, with_faults: bool = False,
) -> Summary:  # fmt: skip
    """Run a scenario to its end and drain. The first Ctrl-C ends the selling, a second one raises KeyboardInterrupt.

    name: makes this run's names unique. for_s: seconds of selling. started_at_s: when this process began, since 1970.
    with_faults: the ledger's worker is killed now and then.
    Raises TillError, TickError, RuntimeError when the ledger cannot be followed.
    """
    settings = stack.settings
    watch = LedgerWatch(
        stack.kafka_options, scenario.consortium.pool.id, settings.partitions, scenario.latencies.row_arrived
    )
    tills = StoreTills(
        scenario.consortium,
        settings.data_dir,
        stack.urls["webhooks"],
        run=name,
        export_interval_s=scenario.export_interval_s,
        now_ms=scenario.export_time_ms,
    )
    signals = Signals(caught_up=lambda: _caught_up(watch))
    faults = Faults(watch.view, lambda: _pid_of(stack, WORKER))
    orders = Orders(
        scenario.consortium,
        watch.view.shelves,
        stack.kafka_options,
        settings.partitions,
        scenario.collected,
        run=name,
        seed=scenario.seed,
        per_second=scenario.orders_per_second,
    )
    settlement = SettlementWatch(stack.kafka_options, scenario.consortium.pool.id, settings.partitions)
    restock = RestockWatch(stack.kafka_options, scenario.consortium.pool.id, settings.partitions)
    try:
        with DemoView(console, scenario, _links(scenario, stack)) as view, _stopping_on_signal(signals):
            async with tills, orders:
                view.outages = faults.outages
                showing = asyncio.create_task(_show(view, watch, tills, orders, settlement, restock))
                linking = asyncio.create_task(_link_a_customer(view, scenario, stack, orders))
                killing = asyncio.create_task(faults.run(signals)) if with_faults else None
                try:
                    sold_for_s = await _sell(scenario, stack, tills, orders, signals, view, for_s)
                    view.phase = "draining"
                    is_drained = await _drain(tills, orders, watch)
                    if killing is not None:
                        await asyncio.wait({killing}, timeout=_LAST_LOOK_S)
                    if is_drained and scenario.has_night:
                        view.phase = "the shops have closed, restock makes the night's run"
                        await pass_night(stack, restock)
                    settlement.check()
                    restock.check()
                finally:
                    helpers = [showing, linking] if killing is None else [showing, linking, killing]
                    for helper in helpers:
                        helper.cancel()
                    await asyncio.gather(*helpers, return_exceptions=True)
                view.phase = "drained" if is_drained else "not drained"
                view.refresh(
                    watch.view, tills.tally, orders.view, orders.tally, orders.pickup, settlement.view, restock.view
                )
        console.print(f"the shops' clock ended at {scenario.shops_clock()}", soft_wrap=True)
        return summarise(
            watch.view,
            tills.tally,
            orders.view,
            orders.tally,
            orders.pickup,
            settlement.view,
            restock.view,
            scenario.latencies,
            started_at_s=started_at_s,
            sold_for_s=sold_for_s,
            pace_lost_s=scenario.pace_lost_s,
            is_drained=is_drained,
            outages=faults.ended,
        )
    finally:
        restock.close()
        settlement.close()
        watch.close()


async def _sell(
    scenario: Scenario,
    stack: Stack,
    tills: StoreTills,
    orders: Orders,
    signals: Signals,
    view: DemoView,
    for_s: float | None,
) -> float:
    """Run the scenario until it ends, is told to stop, or its time is up. Returns the seconds of selling."""
    selling = asyncio.create_task(scenario.run(tills, stack.kafka_options, stack.settings.partitions, signals))
    opened = asyncio.create_task(signals.opened.wait())
    stopped = asyncio.create_task(signals.stop.wait())
    try:
        await asyncio.wait((selling, opened, stopped), return_when=asyncio.FIRST_COMPLETED)
        view.phase = "selling"
        if opened.done():
            orders.open()
        began_s = time.monotonic()
        await asyncio.wait((selling, stopped), timeout=for_s, return_when=asyncio.FIRST_COMPLETED)
        signals.stop.set()
        await orders.stop()
        sold_for_s = time.monotonic() - began_s
        await asyncio.wait((selling,), timeout=_LAST_WORDS_S)
        if selling.done():
            selling.result()
        return sold_for_s
    finally:
        for task in (selling, opened, stopped):
            task.cancel()
        await asyncio.gather(selling, opened, stopped, return_exceptions=True)


async def _drain(tills: StoreTills, orders: Orders, watch: LedgerWatch) -> bool:
    """Wait until each published line is accounted for. False when that takes too long."""
    try:
        async with asyncio.timeout(_DRAIN_DEADLINE_S):
            await tills.settle()
            await orders.settle()
            await _until_it_adds_up(watch)
    except TimeoutError:
        return False
    return True


async def _caught_up(watch: LedgerWatch) -> None:
    try:
        async with asyncio.timeout(_DRAIN_DEADLINE_S):
            await _until_it_adds_up(watch)
    except TimeoutError:
        raise TillError(
            f"the workers have not taken in the opening stock within {_DRAIN_DEADLINE_S:.0f} s; "
            "their logs are in the data directory under logs"
        ) from None


async def _until_it_adds_up(watch: LedgerWatch) -> None:
    while True:
        watch.check()
        # The inputs first: once they are read to their end, the number to reach stands still.
        if await asyncio.to_thread(watch.has_read_all_inputs):
            view = watch.view
            if view.lines_decided == view.lines_published:
                return
        await asyncio.sleep(_DRAIN_POLL_S)


async def _show(
    view: DemoView, watch: LedgerWatch, tills: StoreTills, orders: Orders, settlement: SettlementWatch,
    restock: RestockWatch,
) -> None:  # fmt: skip
    while True:
        view.refresh(watch.view, tills.tally, orders.view, orders.tally, orders.pickup, settlement.view, restock.view)
        await asyncio.sleep(_REFRESH_S)


def _pid_of(stack: Stack, process: str) -> int | None:
    return next((status.pid for status in stack.processes if status.name == process), None)


async def _link_a_customer(view: DemoView, scenario: Scenario, stack: Stack, orders: Orders) -> None:
    """Show the page of a customer as soon as there is one, and of another when that one has ended."""
    shown = None
    while orders.visits is not None:
        found = orders.pickup.an_order(shown)
        if found is not None and found != shown:
            shown = found
            code = orders.visits.code(found[0]) or ""
            view.link("a customer's page", stack.urls["arrival"] + scenario.consortium.customer_path(found[0], code))
        await asyncio.sleep(_REFRESH_S)


def _links(scenario: Scenario, stack: Stack) -> dict[str, str]:
    """URLs to open, the board's first, and the command that prints the table."""
    consortium, pool, web = scenario.consortium, stack.settings.pools[0].id, stack.urls["web"]
    token = operators_key(Connection(stack.settings, stack.kafka_options), pool)
    board = {"board": web, "its operator signs in": sign_in_url(web, token)}
    pickup = {}
    if consortium.has_pickup:
        pickup["a counter's page"] = stack.urls["arrival"] + consortium.counter_path(consortium.ids[0])
    return (
        board
        | pickup
        | {
            "in another terminal": f"./shelf availability {pool}",
            "metrics": f"{stack.urls['ledger-1']}/metrics",
            "schema registry": f"{web}/subjects",
            "Kafka": stack.bootstrap_servers,
        }
    )


@contextmanager
def _stopping_on_signal(signals: Signals) -> Iterator[None]:
    """Within, the first Ctrl-C (or SIGTERM) gives the signal to stop, and the second one interrupts."""
    loop = asyncio.get_running_loop()

    def tell(_number: int, _frame: FrameType | None) -> None:
        if signals.stop.is_set():
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(signals.stop.set)

    with on_interrupt(tell):
        yield
