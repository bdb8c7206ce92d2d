"""The demo's killed worker: gap, takeover and catch-up are told in their order, each with its time."""

import asyncio
from types import SimpleNamespace

import pytest

from commonshelf.demo import faults
from commonshelf.demo.faults import Faults, Outage
from commonshelf.demo.scenario import Signals
from commonshelf.stack import supervisor

SEEN = [
    # after, is restarted, decided again, waiting; what is told then
    (0.1, False, False, 20, "gone, up to 20 lines wait"),
    (0.5, True, False, 100, "a new one after 0.5 s, up to 100 lines wait"),
    (1.9, True, True, 380, "took over after 1.9 s, works off 380 lines"),
    (2.6, True, True, 0, "took over after 1.9 s, 380 lines caught up after 2.6 s"),
]


def test_what_is_told_goes_on_with_what_is_seen():
    outage = Outage(5.0)
    for after_s, is_restarted, decided_again, waiting, told in SEEN:
        outage.note(after_s, is_restarted=is_restarted, decided_again=decided_again, waiting_lines=waiting)
        assert outage.sentence() == f"worker killed at 5 s: {told}"
    assert (outage.restarted_s, outage.gap_s, outage.caught_up_s) == (0.5, 1.9, 2.6)


def test_no_takeover_is_seen_while_the_worker_is_gone():
    """A reader may get lines late that the killed worker had committed."""
    outage = Outage(5.0)
    outage.note(0.1, is_restarted=False, decided_again=True, waiting_lines=0)
    assert (outage.gap_s, outage.caught_up_s) == (None, None)


def test_the_worker_that_runs_is_killed_and_followed_until_it_has_caught_up(monkeypatch):
    monkeypatch.setattr(faults, "_FIRST_AFTER_S", 0.01)
    monkeypatch.setattr(faults, "_LOOK_S", 0.0)
    view, pids, killed = SimpleNamespace(lines_decided=10, lines_published=10), iter([7, None, 8, 8]), []

    def kill(pid, _):
        killed.append(pid)
        view.lines_published = 15

    def pid():
        now = next(pids, 8)
        if now == 8 and killed:
            view.lines_decided = min(view.lines_decided + 1, view.lines_published)
        return now

    monkeypatch.setattr(faults.os, "kill", kill)
    driver = Faults(view, pid)

    async def play():
        signals = Signals(caught_up=None)
        signals.opened.set()
        running = asyncio.create_task(driver.run(signals))
        while not driver.outages or driver.outages[0].caught_up_s is None:  # noqa: ASYNC110  the thing under test
            await asyncio.sleep(0)
        signals.stop.set()
        await running

    asyncio.run(play())
    assert killed == [7]
    assert driver.outages[0].waiting_lines == 5
    assert driver.ended == driver.outages


def test_an_outage_without_an_end_is_not_summed_up():
    driver = Faults(SimpleNamespace(), lambda: 7)
    driver.outages += [Outage(5.0, 380, 0.5, 1.9, 2.6), Outage(42.0, 0, 0.5)]
    assert [outage.at_s for outage in driver.ended] == [5.0]


def test_the_supervisor_has_forgotten_the_last_crash_when_the_next_one_comes():
    assert faults._PAUSE_S > supervisor._CALM_S


@pytest.mark.parametrize("is_stopped", [True, False])
def test_nobody_is_killed_before_the_stores_open_or_after_they_close(is_stopped):
    driver = Faults(SimpleNamespace(lines_decided=0, lines_published=0), lambda: 7)

    async def play():
        signals = Signals(caught_up=None)
        running = asyncio.create_task(driver.run(signals))
        if is_stopped:
            signals.stop.set()
            signals.opened.set()
            await running
        else:
            await asyncio.sleep(0)
            running.cancel()

    asyncio.run(play())
    assert driver.outages == []
