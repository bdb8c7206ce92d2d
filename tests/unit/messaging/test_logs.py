"""All processes log in one way: a line an event, whether structlog or a library tells it."""

import logging
import re
import subprocess
import sys

from messaging.logs import LINES_AT_ONCE, OftenEnough

TELL = """
import logging, structlog
from messaging.logs import log_to_stderr
log_to_stderr()
logging.getLogger("engine").warning("lost %s of %d", "nothing", 3)
structlog.get_logger("edge").info("published", lines=2)
logging.getLogger("chatty").debug("not told")
try:
    secret = "hunter2"
    raise ValueError("no")
except ValueError:
    structlog.get_logger("edge").exception("failed")
"""


def test_records_of_both_kinds_are_lines_of_one_form_on_standard_error():
    told = subprocess.run([sys.executable, "-c", TELL], capture_output=True, text=True, check=True)
    lines = told.stderr.splitlines()
    head = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[%s *\] %s +"
    assert told.stdout == ""
    assert re.match(head % ("warning", "lost nothing of 3") + r"\[engine\]$", lines[0])
    assert re.match(head % ("info", "published") + r"\[edge\] lines=2$", lines[1])
    assert "not told" not in told.stderr
    assert lines[-1] == "ValueError: no"


def test_a_traceback_does_not_tell_what_variables_held():
    told = subprocess.run([sys.executable, "-c", TELL], capture_output=True, text=True, check=True)
    assert "hunter2" not in told.stderr


def test_lines_of_one_kind_come_so_often_and_the_next_says_how_many_were_left_out():
    now_s = [0.0]
    often = OftenEnough(lambda: now_s[0])

    def said(store, number):
        record = logging.LogRecord(
            "x", logging.WARNING, "", 0, {"event": "refused", "store": store, "n": number}, (), None
        )
        return record.msg if often.filter(record) else None

    flood = [said("loud", number) for number in range(10_000)]
    assert sum(each is not None for each in flood) == LINES_AT_ONCE
    assert said("quiet", 1) == {"event": "refused", "store": "quiet", "n": 1}
    now_s[0] += 2
    assert said("loud", 1) == {"event": "refused", "store": "loud", "n": 1, "left_out": 10_000 - LINES_AT_ONCE}
    assert said("loud", 2) == {"event": "refused", "store": "loud", "n": 2}
    assert said("loud", 3) is None


def test_kinds_without_end_take_no_memory_without_end():
    often = OftenEnough()
    for number in range(5_000):
        assert often.filter(logging.LogRecord("x", logging.INFO, "", 0, f"line {number}", (), None))
    assert len(often._kinds) == 1_000
