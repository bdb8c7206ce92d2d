"""A process under the library has a clock of its own, and waits by the system's."""

import os
import subprocess
import sys

import pytest

from tests.proof.torture.broker_clock import java_with_a_clock, set_broker_clock

_TELL = "import time; print(time.time(), time.monotonic(), flush=True)"


@pytest.mark.needs_debian
def test_the_time_of_day_is_set_off_also_while_the_process_runs(tmp_path):
    java_with_a_clock(tmp_path)
    set_broker_clock(tmp_path, 0)
    process = subprocess.Popen(
        [sys.executable, "-c", f"{_TELL}; input(); {_TELL}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "BROKER_CLOCK": str(tmp_path / "clock"), "LD_PRELOAD": str(tmp_path / "broker_clock.so")},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    before_s, began_s = map(float, process.stdout.readline().split())

    set_broker_clock(tmp_path, -9 * 86_400)
    told, _ = process.communicate("\n")

    after_s, ended_s = map(float, told.split())
    assert after_s - before_s == pytest.approx(ended_s - began_s - 9 * 86_400, abs=1)
    assert ended_s > began_s
