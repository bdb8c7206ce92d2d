"""The demo's summary: does it add up, and how fast was it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from commonshelf.demo.customers import OrderTally
from commonshelf.demo.faults import Outage
from commonshelf.demo.latency import Latencies
from commonshelf.demo.ledger_watch import LedgerView
from commonshelf.demo.orders_watch import OrdersView
from commonshelf.demo.pickup_watch import PickupView
from commonshelf.demo.restock_watch import RestockView
from commonshelf.demo.settlement_watch import SettlementView
from commonshelf.demo.tally import TillTally


@dataclass(frozen=True)
class Summary:
    """The figures of one run; see docs/demo.md. A figure that was not measured is None."""

    lines_published: int
    lines_applied: int
    duplicates_absorbed: int
    lines_quarantined: int
    availability_rows: int
    latency_p50_ms: int | None
    latency_p99_ms: int | None
    first_line_s: float | None
    lines_acknowledged: int
    lines_refused: int
    lines_resent: int
    lines_replayed: int
    drop_folder_latency_p50_ms: int | None
    drop_folder_latency_p99_ms: int | None
    sold_for_s: float
    pace_lost_s: float
    is_drained: bool
    orders_placed: int
    orders_answered: int
    orders_collected: int
    fill_rate_with_pool: float | None
    fill_rate_without_pool: float | None
    reroutes: int
    reroutes_per_min: float | None
    holds: int
    late_tasks: int
    appointments_booked: int
    appointments_collected: int
    windows_kept_percent: float | None
    window_mean_min: float | None
    no_shows: int
    settled_minor: int
    settlement_debts: int
    settlement_payments: int
    settlement_windows_closed: int
    restock_proposals: int
    restock_moves: int
    restock_accepted: int
    restock_transfers: int
    restock_bought_minor: int
    restock_example: str | None
    outages: tuple[Outage, ...] = ()

    @property
    def as_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @property
    def accounted_for(self) -> int:
        return self.lines_applied + self.duplicates_absorbed + self.lines_quarantined

    def discrepancies(self) -> list[str]:
        """Sentences about what does not add up; empty when everything does."""
        found = []
        if self.lines_published != self.accounted_for:
            found.append(
                f"{self.lines_published} lines were published, but {self.accounted_for} are accounted for "
                f"({self.lines_applied} applied, {self.duplicates_absorbed} absorbed, {self.lines_quarantined} "
                "quarantined)"
            )
        if self.lines_published < self.lines_acknowledged:
            found.append(
                f"{self.lines_acknowledged} lines were acknowledged to the tills, but only {self.lines_published} "
                "lie on the topics: lines are lost"
            )
        explained = self.lines_acknowledged + self.lines_resent + self.lines_replayed
        if self.is_drained and self.lines_published > explained:
            found.append(
                f"{self.lines_published} lines lie on the topics, more than the {self.lines_acknowledged} that were "
                f"acknowledged, the {self.lines_resent} that tills sent once more and the {self.lines_replayed} "
                "replayed from dead letters"
            )
        if self.is_drained and self.orders_answered != self.orders_placed:
            found.append(f"{self.orders_placed} orders were placed, but {self.orders_answered} have an answer")
        return found

    def sentences(self) -> list[str]:
        """For people."""
        parts = (
            f"{self.lines_applied:,} applied + {self.duplicates_absorbed:,} duplicates absorbed "
            f"+ {self.lines_quarantined:,} quarantined"
        )
        lines = [
            f"{self.lines_published:,} lines published {'=' if not self.discrepancies() else '≠'} {parts}",
            f"{self.availability_rows:,} availability rows",
        ]
        if self.fill_rate_with_pool is not None:
            lines.append(
                f"{self.orders_placed:,} orders: {self.fill_rate_with_pool:.1%} of their lines filled with the pool, "
                f"{self.fill_rate_without_pool:.1%} without; {self.reroutes:,} reroutes, {self.holds:,} holds, "
                f"{self.late_tasks:,} late tasks"
            )
        if self.appointments_booked:
            kept = "" if self.windows_kept_percent is None else f", {self.windows_kept_percent:g} % of windows kept"
            lines.append(
                f"{self.appointments_booked:,} appointments, windows of {self.window_mean_min:g} min on average: "
                f"{self.appointments_collected:,} collected{kept}; {self.no_shows:,} no-shows"
            )
        if self.settlement_debts:
            lines.append(
                f"{self.settlement_debts:,} debts between shops: netting leaves {self.settlement_payments:,} payments; "
                f"{self.settlement_windows_closed:,} settlement windows closed with statements"
            )
        if self.restock_proposals:
            lines.append(
                f"{self.restock_proposals:,} restock proposals for the night, {self.restock_moves:,} of them moves; "
                f"{self.restock_accepted:,} accepted: {self.restock_transfers:,} transfers asked for"
            )
        if self.restock_example is not None:
            lines.append(f"one of them: {self.restock_example}")
        if self.latency_p50_ms is not None:
            lines.append(f"till to availability: p50 {self.latency_p50_ms} ms, p99 {self.latency_p99_ms} ms")
        if self.drop_folder_latency_p50_ms is not None:
            lines.append(
                f"file to availability: p50 {self.drop_folder_latency_p50_ms} ms, "
                f"p99 {self.drop_folder_latency_p99_ms} ms"
            )
        lines += [outage.sentence() for outage in self.outages]
        if self.first_line_s is not None:
            lines.append(f"first applied line {self.first_line_s:.1f} s after the start")
        return lines


def summarise(
    view: LedgerView,
    tally: TillTally,
    orders: OrdersView,
    ordered: OrderTally,
    pickup: PickupView,
    settled: SettlementView,
    restocked: RestockView,
    latencies: Latencies,
    *,
    started_at_s: float,
    sold_for_s: float,
    pace_lost_s: float,
    is_drained: bool,
    outages: Sequence[Outage] = (),
) -> Summary:
    """Put the figures together. started_at_s: when this process began, seconds since 1970 UTC."""
    first_s, shown = view.first_applied_at_s, restocked.example
    return Summary(
        lines_published=view.lines_published,
        lines_applied=view.lines_applied,
        duplicates_absorbed=view.duplicates_absorbed,
        lines_quarantined=view.lines_quarantined,
        availability_rows=view.availability_rows,
        latency_p50_ms=latencies.percentile_ms("webhook", 50),
        latency_p99_ms=latencies.percentile_ms("webhook", 99),
        first_line_s=None if first_s is None else round(first_s - started_at_s, 2),
        lines_acknowledged=tally.acknowledged,
        lines_refused=tally.refused,
        lines_resent=tally.resent,
        lines_replayed=view.lines_replayed,
        drop_folder_latency_p50_ms=latencies.percentile_ms("csv", 50),
        drop_folder_latency_p99_ms=latencies.percentile_ms("csv", 99),
        sold_for_s=round(sold_for_s, 1),
        pace_lost_s=round(pace_lost_s, 1),
        is_drained=is_drained,
        orders_placed=ordered.placed,
        orders_answered=orders.answered,
        orders_collected=orders.outcomes["collected"],
        fill_rate_with_pool=share_of(orders.filling.fill.with_pool, orders.filling.fill.lines),
        fill_rate_without_pool=share_of(orders.filling.fill.without, orders.filling.fill.lines),
        reroutes=orders.reroutes,
        reroutes_per_min=round(60 * orders.reroutes / sold_for_s, 1) if ordered.placed and sold_for_s else None,
        holds=orders.holds,
        late_tasks=orders.late_tasks,
        appointments_booked=pickup.booked,
        appointments_collected=pickup.collected,
        windows_kept_percent=pickup.windows_kept_percent,
        window_mean_min=pickup.window_mean_min,
        no_shows=pickup.no_shows,
        settled_minor=settled.crossed_minor,
        settlement_debts=settled.debts,
        settlement_payments=settled.payments,
        settlement_windows_closed=settled.windows_closed,
        restock_proposals=restocked.proposed,
        restock_moves=restocked.moves,
        restock_accepted=restocked.accepted,
        restock_transfers=restocked.transfers,
        restock_bought_minor=restocked.bought_minor,
        restock_example=None if shown is None else f"{shown['store']}, {shown['name']}: {shown['why']}",
        outages=tuple(outages),
    )


def share_of(part: int, whole: int) -> float | None:
    """To four places; None of nothing."""
    return round(part / whole, 4) if whole else None
