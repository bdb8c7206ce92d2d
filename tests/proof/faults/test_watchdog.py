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
from streams.runtime.watchdog import Watchdog
watchdog = Watchdog(hung_after_s=1)
for _ in range(4):
    with watchdog.watching("commit"):
        time.sleep(0.5)
time.sleep(2)
print("done")
"""
WORKS = """
import time
from streams.runtime.watchdog import Watchdog
watchdog = Watchdog(hung_after_s=2)
with watchdog.watching("commit"):
    print("in", flush=True)
    time.sleep(0.5)
print("done")
"""


def start(program):
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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
    time.sleep(4)
    process.send_signal(signal.SIGCONT)

    assert process.communicate(timeout=PATIENCE_S) == ("done\n", "")
