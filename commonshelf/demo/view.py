"""The live view: on a terminal one picture that changes, elsewhere a log line every few seconds."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from commonshelf.demo.customers import OrderTally
from commonshelf.demo.faults import Outage
from commonshelf.demo.ledger_watch import LedgerView, totals
from commonshelf.demo.orders_watch import OrdersView
from commonshelf.demo.pickup_watch import PickupView
from commonshelf.demo.restock_watch import RestockView
from commonshelf.demo.scenario import Scenario
from commonshelf.demo.settlement_watch import SettlementView
from commonshelf.demo.tally import TillTally
from commonshelf.desks.settlement.wording import money

_LOG_EACH_S = 5.0
_RATE_OVER_S = 3.0
_REASONS_SHOWN = 5
_LAST_WORDS = Text("Ctrl-C ends it cleanly.", style="dim")
_GAPS, _TABLE_HEAD, _ITEMS_LEAST, _ITEMS_WANTED, _LINKS_LEAST = 4, 1, 3, 8, 4
"""Of the picture, in lines."""


class DemoView:
    """Shows a running demo. Use as a context; call `refresh` a few times a second."""

    def __init__(self, console: Console, scenario: Scenario, urls: Mapping[str, str]) -> None:
        self.phase = "opening the stores"
        """What is going on, in a few words."""
        self.outages: Sequence[Outage] = ()
        """Of the ledger's worker, where it is killed."""
        self._console = console
        self._scenario = scenario
        self._urls = dict(urls)
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._rate = _Rate()
        self._logged_at_s = 0.0
        self._logged_phase = ""

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        else:
            for name, url in self._urls.items():
                self._console.print(f"{name}: {url}", soft_wrap=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def link(self, name: str, url: str) -> None:
        """Show one more address, or another under the same name."""
        is_new = name not in self._urls
        self._urls = {name: url} | self._urls | {name: url}
        if self._live is None and is_new:
            self._console.print(f"{name}: {url}", soft_wrap=True)

    def refresh(
        self, view: LedgerView, tally: TillTally, orders: OrdersView, ordered: OrderTally, pickup: PickupView,
        settled: SettlementView, restocked: RestockView,
    ) -> None:  # fmt: skip
        """Show the state of now."""
        now_s = time.monotonic()
        self._rate.note(now_s, view.lines_decided)
        if self._live is not None:
            self._live.update(self._picture(view, tally, orders, ordered, pickup, settled, restocked), refresh=True)
        elif now_s - self._logged_at_s >= _LOG_EACH_S or self.phase != self._logged_phase:
            self._logged_at_s, self._logged_phase = now_s, self.phase
            self._console.print(self._log_line(view, orders, ordered, pickup, settled, restocked), soft_wrap=True)

    def _log_line(
        self, view: LedgerView, orders: OrdersView, ordered: OrderTally, pickup: PickupView, settled: SettlementView,
        restocked: RestockView,
    ) -> str:  # fmt: skip
        parts = [f"{self.phase}: {view.lines_decided:,} lines in", f"{self._rate.per_second:,.0f} lines/s"]
        newest, latency = self._newest(), self._latency()
        if newest:
            parts.append(f"newest line {newest} old")
        if latency:
            parts.append(latency)
        parts.append(f"{view.lines_quarantined:,} dead letters")
        if ordered.lines:
            parts.append(f"{ordered.placed:,} orders, filled {_fill_rates(orders)}")
            parts.append(f"{orders.holds:,} holds, {orders.reroutes_per_min:,} reroutes/min")
            parts.append(f"{orders.late_tasks:,} late tasks")
            parts.append(f"{self._crossed(settled)} crossed shops")
            parts.append(f"netting leaves {settled.payments:,} of {settled.debts:,} payments")
        if pickup.booked:
            parts.append(f"{pickup.booked:,} appointments, windows {_windows(pickup)}, {pickup.no_shows:,} no-shows")
        if restocked.proposals:
            parts += [f"{name} {said}" for name, said in _restock(restocked).items()]
        parts += [outage.sentence() for outage in self.outages[-1:]]
        return ", ".join(parts)

    def _picture(
        self, view: LedgerView, tally: TillTally, orders: OrdersView, ordered: OrderTally, pickup: PickupView,
        settled: SettlementView, restocked: RestockView,
    ) -> Group:  # fmt: skip
        scenario = self._scenario
        head = Text.assemble(
            (f"{scenario.consortium.pool.name}", "bold"),
            f" · {len(scenario.consortium.members)} stores · their clock: {scenario.shops_clock()} · {self.phase}",
        )
        figures = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        figures.add_row("lines in", f"{view.lines_decided:,}", "lines/s", f"{self._rate.per_second:,.0f}")
        if restocked.proposals:  # the shops have closed
            figures.add_row(*(part for row in _restock(restocked).items() for part in row))
        else:
            figures.add_row("newest line", f"{self._newest() or '-'} old", "till to table", self._latency() or "-")
        figures.add_row("repeats absorbed", f"{view.duplicates_absorbed:,}", "under way", f"{tally.open_lines:,} lines")
        if ordered.lines:
            figures.add_row("orders", f"{ordered.placed:,}", "lines filled", _fill_rates(orders))
            figures.add_row("holds", f"{orders.holds:,}", "reroutes/min", f"{orders.reroutes_per_min:,}")
            figures.add_row("late tasks", f"{orders.late_tasks:,}", "settlements", f"{settled.windows_closed:,} closed")
            payments = f"{settled.payments:,} of {settled.debts:,}"
            figures.add_row("netting leaves", payments, "crossed shops", self._crossed(settled))
        if pickup.booked:
            appointments = f"{pickup.booked:,}, {pickup.no_shows:,} no-shows"
            figures.add_row("appointments", appointments, "windows", _windows(pickup))
        taken = 1 + self._height(figures) + 1 + _GAPS + _TABLE_HEAD
        room = self._console.height - 1 - taken
        links = self._links(max(room - _ITEMS_WANTED, min(room - _ITEMS_LEAST, _LINKS_LEAST)))
        taken += self._height(*links)
        table = self._availability(view, max(self._console.height - 1 - taken, _ITEMS_LEAST))
        dead_letters = self._dead_letters(view)
        outage = Text(self.outages[-1].sentence() if self.outages else "", style="bold", no_wrap=True)
        return Group(head, "", figures, outage, table, "", dead_letters, "", *links)

    def _availability(self, view: LedgerView, rows: int) -> Table:
        """At most so many rows, as there is room for on the terminal."""
        consortium = self._scenario.consortium
        table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
        table.add_column("available in the pool")
        table.add_column("total", justify="right")
        table.add_column("", justify="left")
        table.add_column("in stores", justify="right")
        for sku, available_milli, unit, stores in totals(view.shelves, consortium.watched[:rows]):
            name = escape(consortium.item_names.get(sku, sku))
            table.add_row(name, f"{available_milli / 1000:,.3f}".rstrip("0").rstrip("."), unit, str(stores))
        return table

    def _dead_letters(self, view: LedgerView) -> Text:
        reasons = view.quarantined_by_reason.copy().most_common()
        if not reasons:
            return Text("dead letters: none")
        shown = ", ".join(f"{reason} {lines:,}" for reason, lines in reasons[:_REASONS_SHOWN])
        return Text(f"dead letters: {shown}")

    def _links(self, room: int) -> list[Text]:
        """The first ones that so many lines have room for, and how it ends."""
        lines, last = [Text(f"{name}: {url}", style="dim") for name, url in self._urls.items()], _LAST_WORDS
        while lines and self._height(*lines, last) > room:
            lines.pop()
        return [*lines, last]

    def _height(self, *parts: Table | Text) -> int:
        """Lines of the terminal that they take."""
        return len(self._console.render_lines(Group(*parts)))

    def _crossed(self, settled: SettlementView) -> str:
        return money(settled.crossed_minor, self._scenario.consortium.pool.currency)

    def _newest(self) -> str:
        newest_ms = self._scenario.latencies.newest_sent_ms
        if not newest_ms:
            return ""
        age_s = max(time.time() - newest_ms / 1000, 0.0)
        return f"{age_s:.1f} s"

    def _latency(self) -> str:
        p50_ms = self._scenario.latencies.percentile_ms("webhook", 50)
        if p50_ms is None:
            return ""
        return f"p50 {p50_ms} ms, p99 {self._scenario.latencies.percentile_ms('webhook', 99)} ms"


def _restock(restocked: RestockView) -> dict[str, str]:
    """Two figures: name → what it says."""
    return {
        "restock": f"{restocked.proposed:,} proposals",
        "accepted": f"{restocked.accepted:,}, {restocked.transfers:,} transfers",
    }


def _windows(pickup: PickupView) -> str:
    kept, width_min = pickup.windows_kept_percent, pickup.window_mean_min
    return f"{'-' if kept is None else f'{kept:.0f}'} % kept, {width_min or 0:.0f} min wide"


def _fill_rates(orders: OrdersView) -> str:
    fill = orders.filling.fill
    if not fill.lines:
        return "-"
    return f"{fill.with_pool / fill.lines:.0%} with the pool, {fill.without / fill.lines:.0%} without"


class _Rate:
    """Lines a second over the last few seconds."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def note(self, now_s: float, lines: int) -> None:
        self._points.append((now_s, lines))
        while len(self._points) > 2 and self._points[0][0] < now_s - _RATE_OVER_S:
            self._points.popleft()

    @property
    def per_second(self) -> float:
        if len(self._points) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._points[0], self._points[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0
