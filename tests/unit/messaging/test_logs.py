"""All processes log in one way: a line an event, whether structlog or a library tells it."""

import re
import subprocess
import sys

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
