"""What a starting stack tells on the terminal."""

import io

from rich.console import Console

from commonshelf.stack.progress import ProgressPrinter
from commonshelf.stack.stack import StackEvent

CURSOR_HIDDEN, CURSOR_SHOWN = "\x1b[?25l", "\x1b[?25h"


def test_a_download_that_is_broken_off_gives_the_terminal_back():
    """Ctrl-C in the middle: threads still tell of bytes, but the bar is gone and the cursor is there."""
    out = io.StringIO()
    printer = ProgressPrinter(Console(file=out, force_terminal=True))
    printer.tell(StackEvent("download", "downloading Kafka", 10, 100))
    assert out.getvalue().endswith(CURSOR_HIDDEN) or CURSOR_SHOWN not in out.getvalue()
    printer.tell(StackEvent("step", "stopping Kafka"))
    printer.tell(StackEvent("download", "downloading Kafka", 20, 100))
    told = out.getvalue()
    assert told.rindex(CURSOR_SHOWN) > told.rindex(CURSOR_HIDDEN)
    assert told.rstrip().endswith("stopping Kafka")


def test_jars_that_are_all_there_need_no_bar():
    out = io.StringIO()
    printer = ProgressPrinter(Console(file=out, force_terminal=True))
    printer.tell(StackEvent("download", "downloading Kafka", 100, 100))
    assert out.getvalue() == ""
