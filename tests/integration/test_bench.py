"""Every benchmark runs and gives its figures. Nothing here is timed: figures are for people, not for tests."""

import json
import subprocess
import sys

import pytest

from tests.support.waiting import PATIENCE_S


def bench(*arguments):
    """The object on the last line of a benchmark's output."""
    command = [sys.executable, "-m", "commonshelf", "bench", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_engines_are_compared_and_ours_is_audited():
    figures = bench("engine", "--lines", "9600", "--faust-lines", "2000", "--rounds", "1")
    assert figures["lines_audited"] == 2 * 9600
    for engine in ("limit", "faust_table", "ours", "limit_receipt", "ours_receipt"):
        assert figures[f"{engine}_lines_s"] > 0
        assert figures[f"cpu_s_per_million_lines_{engine}"] > 0


@pytest.mark.parametrize(
    ("peer", "forms"),
    [
        ("faust_table", ("", "_same_outputs", "_receipt", "_same_outputs_receipt")),
        ("quix", ("", "_same_outputs", "_receipt", "_same_outputs_receipt")),
        ("kafka_streams", ("", "_same_outputs", "_receipt", "_same_outputs_receipt", "_two_threads")),
    ],
)
def test_a_peer_does_its_work_in_each_form_and_is_checked(peer, forms):
    figures = bench(
        "peers", "--only", peer, "--lines", "60000", "--faust-lines", "3600", "--rounds", "1", "--latency-seconds", "0"
    )  # fmt: skip
    for form in forms:
        assert figures[f"{peer}{form}_lines_s"] > 0
        assert figures[f"cpu_s_per_million_lines_{peer}{form}"] > 0


def test_ours_is_measured_as_its_peers_are():
    only = ("--only", "ours", "--only", "limit")
    figures = bench("peers", *only, "--lines", "9600", "--rounds", "1", "--latency-seconds", "1")
    ratio = figures["ours_lines_s"] / figures["limit_lines_s"]
    assert figures["ours_to_limit_ratio"] == pytest.approx(ratio, abs=0.001)
    assert 0 < figures["ours_latency_p50_ms"] <= figures["ours_latency_p99_ms"]
    assert figures["ours_restore_s"] > 0


def test_every_line_has_a_latency():
    figures = bench("latency", "--lines-per-second", "100", "--seconds", "2", "--warm-up-s", "0")
    assert 0 < figures["lines_measured"] <= figures["lines_sent"]
    assert 0 < figures["latency_p50_ms"] <= figures["latency_p99_ms"] <= figures["latency_max_ms"]


@pytest.mark.parametrize("lines_per_sale", [1, 12])
def test_rows_come_back_from_the_changelog_alone(lines_per_sale):
    figures = bench(
        "restore", "--stores", "2", "--items", "24", "--overwrites", "2", "--lines-per-sale", str(lines_per_sale)
    )  # fmt: skip
    assert figures["rows"] == 2 * 24
    assert figures["changelog_records"] >= figures["rows"]
    assert figures["rss_restored_mib"] > 0


def test_a_killed_worker_is_replaced_by_itself_and_by_its_peer():
    figures = bench("restart", "--tries", "1", "--lines-per-second", "50")
    assert figures["restart_p50_s"] > 0
    assert figures["takeover_p50_s"] > 0


def test_workers_share_the_pools_and_a_worker_that_comes_or_goes_loses_none():
    figures = bench("scale", "--workers", "2", "--pools", "12", "--lines", "24000", "--lines-per-second", "60")
    assert [point["workers"] for point in figures["points"]] == [2]
    assert min(point["lines_s"] for point in figures["points"]) > 0
    assert 0 < figures["pools_moved"] <= 12
    assert figures["lines_sold_meanwhile"] > 0
    for move in (figures["added"], figures["removed"]):
        assert len(move["by_pool_s"]) == figures["pools_moved"]
        assert 0 < min(move["by_pool_s"].values()) <= move["p50_s"] <= move["max_s"]


def test_settlement_is_timed_and_checked_against_a_fold():
    figures = bench("settlement", "--facts", "2000", "--stores", "3")
    assert figures["crossing_permille"] >= 300
    assert figures["facts_per_s_sqlite"] > 0
    assert figures["statement_s"] > 0
    assert figures["close_month_s"] > 0


def test_allocation_is_timed_and_checked():
    figures = bench("allocate", "--orders", "10", "--checked", "20", "--large-checked", "0")
    assert figures["orders_checked"] == 20
    assert figures["worst_cost_ratio_to_optimum"] == 1.0
    assert 0 < figures["p50_small_ms"] <= figures["p99_small_ms"]
    assert 0 < figures["p50_large_ms"] <= figures["p99_large_ms"]


def test_routes_are_timed_checked_and_compared_with_a_longer_search():
    figures = bench(
        "routes", "--cases", "2", "--compared", "2", "--reference-s", "1", "--consignments", "8", "--iterations", "20"
    )
    assert (figures["cases"], figures["stops"], figures["cases_compared"]) == (2, 16, 2)
    assert 0 < figures["solve_p50_s"] <= figures["solve_p99_s"]
    assert 0 < figures["mean_cost_ratio"] <= figures["worst_cost_ratio"]
    assert figures["m_per_order_town"] < figures["m_per_order_alone_town"]


def test_orders_with_a_wish_and_ticks_are_timed_and_windows_of_some_days_counted():
    month = ("--days", "2", "--stores", "2", "--orders-per-day", "6", "--seed", "7")
    figures = bench(
        "pickup", "--orders", "10", "--appointments", "20", "--ticks", "5", "--events-per-second", "20",
        "--seconds", "1", *month,
    )  # fmt: skip
    assert figures["open_appointments"] == 20
    assert 0 < figures["allocate_small_p50_ms"] <= figures["allocate_small_p99_ms"]
    assert 0 < figures["allocate_large_p50_ms"] <= figures["allocate_large_p99_ms"]
    assert 0 < figures["tick_p50_ms"] <= figures["tick_p99_ms"] == figures["tick_ms"]
    assert 0 < figures["webhook_p50_ms"] <= figures["webhook_p99_ms"]
    assert figures["webhook_events"] >= 10
    for arm in ("", "_without_learning", "_two_hours"):
        assert 0 < figures[f"hand_overs{arm}"] <= 24
        assert 0 <= figures[f"windows_kept_percent{arm}"] <= 100
        assert 15 <= figures[f"window_mean_min{arm}"] <= 120


def test_forecasts_are_compared_with_the_best_other_method():
    figures = bench(
        "restock",
        "--data",
        "generated",
        "--stores",
        "12",
        "--skus",
        "20",
        "--lead",
        "3",
        "--lead",
        "7",
        "--sample",
        "3",
    )
    assert [one["lead"] for one in figures["strata"]] == [3, 7]
    assert figures["gain_low_percent"] <= figures["gain_percent"] == figures["strata"][1]["gain_percent"]
    assert "gain_over_auto_ets_percent" in figures["strata"][1]


def test_webhooks_are_answered_and_none_that_was_acknowledged_is_lost():
    figures = bench("webhook", "--requests-per-second", "20", "--seconds", "2", "--warm-up-s", "0", "--stores", "2")
    assert figures["acknowledged"] == figures["requests_measured"] == 40
    assert 0 < figures["latency_p50_ms"] <= figures["latency_p99_ms"] <= figures["latency_max_ms"]
    assert figures["acknowledged_around_the_kill"] > 0
    assert figures["flood_without_retry_after"] == figures["acknowledged_and_not_in_kafka"] == 0


def test_growth_is_measured_along_each_axis_and_drawn(tmp_path):
    figures = bench(
        "growth", "--rows", "60,120", "--stores", "", "--pools", "3", "--partitions", "", "--lines", "30000",
        "--latency-seconds", "1", "--plots", str(tmp_path),
    )  # fmt: skip
    assert [point["rows"] for point in figures["curves"]["rows"]] == [60, 120]
    assert [point["pools"] for point in figures["curves"]["pools"]] == [3]
    for point in (*figures["curves"]["rows"], *figures["curves"]["pools"]):
        assert min(point[name] for name in ("lines_s", "rss_mib", "restore_s", "state_mib", "changelog_mib")) > 0
    assert {path.name for path in tmp_path.iterdir()} == {"growth-rows.svg", "growth-pools.svg"}


def test_orders_are_answered_beside_sales():
    figures = bench("orders", "--orders-per-second", "20", "--lines-per-second", "50", "--seconds", "2")
    assert figures["orders_answered"] >= 20
    assert 0 < figures["latency_p50_ms"] <= figures["latency_p99_ms"] <= figures["latency_max_ms"]
    assert 0 < figures["orders_split_or_rerouted"] <= figures["orders_answered"]
