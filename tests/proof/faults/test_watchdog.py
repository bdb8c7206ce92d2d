"""The watchdog ends a process whose call hangs, and no other."""

import signal
import subprocess
import sys
import time

from tests.support.waiting import PATIENCE_S

HANGS = """
import logging, time
from streams.runtime.watchdog import Watchdog
logging.basicConfig()
watchdog = Watchdog(hung_after_s=1)
with watchdog.watching("send_offsets"):
    time.sleep(60)
"""
RETURNS = """
import time
from streams.runtime import watchdog as module
module._TICK_S = 0.01
watchdog = module.Watchdog(hung_after_s=2)
def wait_for_ticks(ticks):
    while watchdog._ticks < ticks:
        time.sleep(0.001)
for _ in range(4):
    with watchdog.watching("commit"):
        wait_for_ticks(60)
wait_for_ticks(260)
print("done")
"""
WORKS = """
from streams.runtime.watchdog import Watchdog
watchdog = Watchdog(hung_after_s=3)
with watchdog.watching("commit"):
    print("in", flush=True)
    input()
print("done")
"""


def start(program):
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_call_that_hangs_ends_the_process_and_is_named():
    process = start(HANGS)

    said = process.communicate(timeout=PATIENCE_S)[1]

    assert process.returncode == 1
    assert "send_offsets has not returned" in said


def test_calls_that_return_and_waits_between_them_do_no_harm():
    process = start(RETURNS)

    assert process.communicate(timeout=PATIENCE_S) == ("done\n", "")


def test_a_process_held_still_in_a_call_has_not_hung():
    process = start(WORKS)
    assert process.stdout.readline() == "in\n"

    process.send_signal(signal.SIGSTOP)
    time.sleep(3.5)
    process.send_signal(signal.SIGCONT)

    assert process.communicate("\n", timeout=PATIENCE_S) == ("done\n", "")
