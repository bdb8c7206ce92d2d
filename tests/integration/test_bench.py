"""Every benchmark runs and gives its figures. Nothing here is timed: figures are for people, not for tests."""

import json
import subprocess
import sys

import pytest


def bench(*arguments):
    """The object on the last line of a benchmark's output."""
    command = [sys.executable, "-m", "commonshelf", "bench", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_engines_are_compared_and_ours_is_audited():
    figures = bench("engine", "--lines", "4800", "--faust-lines", "500", "--rounds", "1")
    assert figures["lines_audited"] == 2 * 4800
    for engine in ("limit", "faust_table", "ours", "limit_receipt", "ours_receipt"):
        assert figures[f"{engine}_lines_s"] > 0
        assert figures[f"cpu_s_per_million_lines_{engine}"] > 0


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
