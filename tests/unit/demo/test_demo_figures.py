"""The figures of a run: counted from the journal, measured to the millisecond, and checked against each other."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonshelf.demo.customers import OrderTally
from commonshelf.demo.latency import Latencies, LatencyHistogram, SentBook
from commonshelf.demo.ledger_watch import LedgerView, PromisedStock, fact_lines, totals
from commonshelf.demo.orders_watch import OrdersView
from commonshelf.demo.pickup_watch import PickupView
from commonshelf.demo.report import Summary, summarise
from commonshelf.demo.restock_watch import RestockView
from commonshelf.demo.settlement_watch import SettlementView
from commonshelf.demo.tally import TillTally

ADDS_UP = Summary(
    lines_published=100, lines_applied=90, duplicates_absorbed=7, lines_quarantined=3, availability_rows=12,
    latency_p50_ms=30, latency_p99_ms=80, first_line_s=6.5, lines_acknowledged=100, lines_refused=0,
    lines_resent=0, lines_replayed=0,
    drop_folder_latency_p50_ms=None, drop_folder_latency_p99_ms=None, sold_for_s=10.0, pace_lost_s=0.0, is_drained=True,
    orders_placed=4, orders_answered=4, orders_collected=2, fill_rate_with_pool=0.9, fill_rate_without_pool=0.5,
    reroutes=1, reroutes_per_min=6.0, holds=3, late_tasks=0,
    appointments_booked=3, appointments_collected=2, windows_kept_percent=50.0, window_mean_min=15.0, no_shows=1,
    settled_minor=1_250, settlement_debts=5, settlement_payments=2, settlement_windows_closed=1,
    restock_proposals=12, restock_moves=3, restock_accepted=2, restock_transfers=1, restock_bought_minor=480,
    restock_example="lich, Milk: 8 to sell, 9 expected: buy 1 pack of 6.",
)  # fmt: skip


@pytest.mark.parametrize(
    ("fact", "applied", "absorbed", "quarantined"),
    [
        (
            ("commonshelf.SaleRecorded", {"applied": [{"line": at} for at in (0, 1, 2, 3, 3)], "duplicate_lines": 1,
                                       "stale_lines": 2, "quarantined": [{"reason": "unmapped_code"}]}),
            4, 3, {"unmapped_code": 1},
        ),
        (
            (
                "commonshelf.StockReportRecorded",
                {"applied": [{"line": 0}], "counted": [{}, {}], "duplicate_lines": 0, "stale_lines": 0,
                 "quarantined": []},
            ),
            3, 0, {},
        ),
        (("commonshelf.Rejected", {"store": "lich", "reason": "too_late", "lines": 5}), 0, 0, {"too_late": 5}),
        (("commonshelf.Tick", {"pool": "lahn", "at_ms": 1, "origin": "agents"}), 0, 0, {}),
    ],
)  # fmt: skip
def test_each_kind_of_fact_accounts_for_its_lines(fact, applied, absorbed, quarantined):
    assert fact_lines(fact) == (applied, absorbed, Counter(quarantined))


def test_an_items_availability_is_the_sum_over_its_stores():
    shelves = {
        "MILK": {
            "lich": PromisedStock(2_000, "each"),
            "diez": PromisedStock(0, "each"),
            "solms": PromisedStock(500, "each"),
        }
    }
    assert list(totals(shelves, ["MILK", "GONE"])) == [("MILK", 2_500, "each", 2), ("GONE", 0, "", 0)]


@given(st.lists(st.integers(0, 59_999), min_size=1, max_size=200), st.sampled_from([50.0, 90.0, 99.0, 100.0]))
def test_a_percentile_is_the_smallest_value_that_covers_so_many(latencies_ms, percent):
    histogram = LatencyHistogram()
    for latency_ms in latencies_ms:
        histogram.add(latency_ms)
    covering = [
        bound for bound in latencies_ms
        if sum(latency_ms <= bound for latency_ms in latencies_ms) * 100 >= percent * len(latencies_ms)
    ]  # fmt: skip
    assert histogram.percentile_ms(percent) == min(covering)


def test_without_measurements_there_is_no_percentile():
    assert LatencyHistogram().percentile_ms(50) is None


def test_latencies_are_kept_apart_by_channel_and_what_is_not_measured_is_left_out():
    latencies = Latencies({"lich": "webhook", "diez": "csv"}, lambda _store, recorded_ms: recorded_ms or None)
    latencies.row_arrived("lich", 0)
    latencies.row_arrived("diez", 1)
    assert latencies.by_channel["webhook"].count == 0
    assert latencies.percentile_ms("csv", 50) == 60_000


def test_the_book_of_what_was_sent_keeps_the_first_moment_and_forgets_the_oldest():
    book = SentBook(keep=10)
    book.note("lich", 5, 100)
    book.note("lich", 5, 200)
    assert book.sent_at_ms("lich", 5) == 100
    for at in range(100, 120):
        book.note("lich", at, at)
    assert book.sent_at_ms("lich", 5) is None
    assert book.sent_at_ms("lich", 119) == 119


def test_a_run_that_adds_up_has_no_discrepancies():
    assert ADDS_UP.discrepancies() == []
    assert ADDS_UP.sentences()[0] == "100 lines published = 90 applied + 7 duplicates absorbed + 3 quarantined"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lines_applied": 89}, "100 lines were published, but 99 are accounted for"),
        ({"lines_acknowledged": 101}, "lines are lost"),
        ({"lines_acknowledged": 97, "lines_resent": 2}, "more than the 97 that were acknowledged"),
    ],
)
def test_what_does_not_add_up_is_said(change, sentence):
    (found,) = replace(ADDS_UP, **change).discrepancies()
    assert sentence in found


def test_a_line_that_was_stored_at_a_try_without_an_answer_is_no_discrepancy():
    assert replace(ADDS_UP, lines_acknowledged=97, lines_resent=3).discrepancies() == []


def test_a_line_that_an_operator_replayed_is_no_discrepancy():
    assert replace(ADDS_UP, lines_acknowledged=98, lines_replayed=2).discrepancies() == []


def test_the_json_has_the_promised_keys_on_one_line():
    figures = json.loads(ADDS_UP.as_json)
    assert "\n" not in ADDS_UP.as_json
    promised = (
        "lines_published", "lines_applied", "duplicates_absorbed", "lines_quarantined", "availability_rows",
        "latency_p50_ms", "latency_p99_ms", "first_line_s",
    )  # fmt: skip
    assert set(promised) <= figures.keys()


def test_the_first_line_is_timed_from_the_start_of_the_process():
    view = LedgerView(first_applied_at_s=1_012.5)
    latencies = Latencies({"lich": "webhook"}, lambda _store, _recorded_ms: None)
    summary = summarise(
        view,
        TillTally(),
        OrdersView(),
        OrderTally(),
        PickupView(),
        SettlementView(),
        RestockView(),
        latencies,
        started_at_s=1_000.0,
        sold_for_s=1.0,
        pace_lost_s=0.0,
        is_drained=True,
    )
    assert summary.first_line_s == 12.5
    assert summary.latency_p50_ms is None
    assert (summary.fill_rate_with_pool, summary.reroutes_per_min) == (None, None)


def order_event(*lines):
    """lines: (unfilled, what the wished store could have given) of one wanted; none of them went to that store."""
    return {
        "order": "o", "kind": "allocated", "outcome": "", "transfer": None,
        "lines": [
            {"line_id": str(at), "quantity_milli": 1_000, "unfilled_milli": unfilled, "reason": "", "declined_by": []}
            for at, (unfilled, _) in enumerate(lines)
        ],
        "decision": {"demand": [
            {"line_id": str(at), "wanted_store": "a", "wanted_milli": could} for at, (_, could) in enumerate(lines)
        ]},
    }  # fmt: skip


def test_fill_rates_are_shares_of_all_lines_that_were_ordered():
    view = OrdersView(answered=2, reroutes=3, orders={"a": 1, "b": 0})
    view.filling.take(order_event(*[(0, 1_000)] * 2, (0, 0), (1_000, 0)))
    latencies = Latencies({"lich": "webhook"}, lambda _store, _recorded_ms: None)
    summary = summarise(
        LedgerView(), TillTally(), view, OrderTally(2, 4), PickupView(), SettlementView(), RestockView(),
        latencies,
        started_at_s=0, sold_for_s=30.0, pace_lost_s=0.0, is_drained=True,
    )  # fmt: skip
    assert (summary.fill_rate_with_pool, summary.fill_rate_without_pool) == (0.75, 0.5)
    assert (summary.reroutes_per_min, summary.holds) == (6.0, 1)


def test_an_order_without_an_answer_is_a_discrepancy():
    assert replace(ADDS_UP, orders_answered=3).discrepancies() == ["4 orders were placed, but 3 have an answer"]


def appointment(order, status, **more):
    row = {
        "order": order, "store": "lich", "status": status, "window_from_ms": 0, "window_until_ms": 900_000,
        "customer": "", "customer_at_ms": 0, "ended_at_ms": 0,
    }  # fmt: skip
    return (order, "lich"), row | more


def test_a_window_is_kept_by_its_end_or_when_the_customer_comes_later():
    view = PickupView(dict([
        appointment("early", "handed_over", ended_at_ms=-5_000),
        appointment("within", "handed_over", ended_at_ms=900_000),
        appointment("came late", "handed_over", ended_at_ms=950_000, customer="arrived", customer_at_ms=940_000),
        appointment("was kept waiting", "handed_over", ended_at_ms=950_000, customer="arrived", customer_at_ms=1_000),
        appointment("never came", "no_show", ended_at_ms=1_000),
        appointment("to come", "ready", window_until_ms=300_000),
    ]))  # fmt: skip
    assert (view.booked, view.collected, view.no_shows) == (6, 4, 1)
    assert (view.windows_kept_percent, view.window_mean_min) == (75.0, 13.3)
    assert view.an_order() == ("to come", "lich")


def test_what_was_not_measured_has_no_figure():
    view = PickupView()
    assert (view.windows_kept_percent, view.window_mean_min, view.an_order()) == (None, None, None)
    assert "3 appointments" in "\n".join(ADDS_UP.sentences())
    assert "appointments" not in "\n".join(replace(ADDS_UP, appointments_booked=0).sentences())
