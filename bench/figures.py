"""The making of figures: the same definition of a rate for every engine, percentiles, medians."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.errors import BenchError


class Mark(NamedTuple):
    """A batch that was finished."""

    at_s: float
    """Wall clock, s since 1970 UTC."""
    lines: int


class Sample(NamedTuple):
    """The resources that a process had used up at a moment."""

    at_s: float
    cpu_s: float
    """User and system time of all its threads."""
    rss_bytes: int


@dataclass(frozen=True)
class Span:
    """The measured part of a run: see `span_of`."""

    began_s: float
    ended_s: float
    lines: int

    @property
    def lines_s(self) -> float:
        """Lines per second."""
        return self.lines / (self.ended_s - self.began_s)

    def cpu_s_per_million_lines(self, samples: Sequence[Sample]) -> float:
        """CPU time of the sampled process within the span, for a million lines."""
        used_s = _cpu_s_at(samples, self.ended_s) - _cpu_s_at(samples, self.began_s)
        return used_s / self.lines * 1e6


def span_of(marks: Sequence[Mark], all_lines: int) -> Span:
    """The measured part of a run: from the first batch end past a quarter of its lines to the last but one.

    Starting, joining and warming up counts for nobody, nor does the last commit: it may have waited for its timer
    with nothing left to do. Raises BenchError when too little remains.
    """
    done, ends = 0, []
    for mark in marks:
        done += mark.lines
        ends.append((mark.at_s, done))
    measured = [end for end in ends if all_lines / 4 <= end[1] < all_lines]
    if len(measured) < 2 or measured[-1][0] <= measured[0][0]:
        raise BenchError(f"the run had {len(marks)} batches, too few to tell a rate; give more --lines")
    (began_s, before), (ended_s, after) = measured[0], measured[-1]
    return Span(began_s, ended_s, after - before)


def _cpu_s_at(samples: Sequence[Sample], at_s: float) -> float:
    """CPU time used up at a moment, between two samples in proportion."""
    at = bisect_left(samples, at_s, key=lambda sample: sample.at_s)
    if not 0 < at < len(samples):
        raise BenchError("the process was not sampled during its run; the machine is too busy to measure on")
    before, after = samples[at - 1], samples[at]
    share = (at_s - before.at_s) / (after.at_s - before.at_s)
    return before.cpu_s + share * (after.cpu_s - before.cpu_s)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` % of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]
