"""How tests wait: for what must happen, for as long as a machine with much other work may need."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 600
"""Of whatever must come about. No test hangs on how soon it does: figures belong to the benches."""


def until(probe: Callable[[], T], what: str | Callable[[], object] = "it", pause_s: float = 0.02) -> T:
    """The first true answer of `probe`. Fails when there is none in ten minutes; `what` says what was waited for."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (answer := probe()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"waited {PATIENCE_S} s in vain for {what if isinstance(what, str) else what()}")
        time.sleep(pause_s)
    return answer
