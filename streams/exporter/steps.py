"""Steps of sales and orders as the pools' journal tells them, for their traces; pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from messaging.journal import Cause, JournalEntry
from messaging.traces import Trace, trace_of

About = Mapping[str, str | int]


class Step(NamedTuple):
    """A piece of a trace, which becomes a span."""

    trace: Trace
    name: str
    is_first: bool
    """Of its trace: it has the id that the trace's headers name, and all others are below it."""
    begin_ms: int
    end_ms: int
    about: About
    cause: Trace | None = None
    """Of what happened elsewhere and led to it: a till's sale that took the goods of an order."""


class Steps:
    """Makes them of entries that come in each pool's order."""

    def __init__(self) -> None:
        self._causes: dict[str, tuple[Cause, Trace]] = {}
        """Pool → the newest cause that has a trace of its own, and that."""

    def of(self, entry: JournalEntry, journaled_at_ms: int) -> Iterator[Step]:
        """The steps that an entry tells. journaled_at_ms: when Kafka got its page, ms since 1970 UTC."""
        for step in self._of(entry, journaled_at_ms):
            yield step._replace(begin_ms=min(step.begin_ms, step.end_ms))  # clocks of tills and brokers differ

    def _of(self, entry: JournalEntry, journaled_at_ms: int) -> Iterator[Step]:
        pool, at_ms = entry.pool, entry.appended_at_ms
        about: dict[str, str | int] = {
            "commonshelf.pool": pool,
            "commonshelf.position": entry.position,
            "messaging.system": "kafka",
            "messaging.destination.name": entry.cause.topic,
            "messaging.destination.partition.id": str(entry.cause.partition),
            "messaging.kafka.offset": entry.cause.offset,
        }
        # One `if` for each kind of fact: mypy knows a tuple's kind by its first member in this form alone.
        if entry.fact[0] == "commonshelf.SaleRecorded":
            sale = entry.fact[1]["event"]
            about |= {"commonshelf.store": sale["store"], "commonshelf.sale": sale["id"]}
            trace = self._begin(entry, trace_of("sale", pool, sale["id"]))
            is_repeat = entry.fact[1]["duplicate_lines"] > 0 and not entry.fact[1]["applied"]
            name = "till again" if is_repeat else "till"
            yield Step(trace, name, not is_repeat, sale["recorded_at_ms"], at_ms, about)
            yield Step(trace, "journal", False, at_ms, journaled_at_ms, about)
        elif entry.fact[0] == "commonshelf.OrderRequestDecided":
            decided = entry.fact[1]
            request = decided["request"]
            about |= {"commonshelf.order": request["order"], "commonshelf.outcome": decided["outcome"]}
            trace = self._begin(entry, trace_of("order", pool, request["order"]))
            is_first = request["kind"] == "placed" and decided["outcome"] == "accepted"
            yield Step(trace, f"order {request['kind']}", is_first, request["recorded_at_ms"], at_ms, about)
            yield Step(trace, "journal", False, at_ms, journaled_at_ms, about)
        elif entry.fact[0] == "commonshelf.FulfilmentReportDecided":
            heard = entry.fact[1]
            order = heard["order"] or heard["appointment"]
            if order is not None:
                report = heard["report"]
                about |= {
                    "commonshelf.order": order["order"],
                    "commonshelf.store": report["store"],
                    "commonshelf.outcome": heard["outcome"],
                }
                work = next((f"{task['kind']} " for task in heard["tasks"] if task["task"] == report["task"]), "")
                trace = self._begin(entry, trace_of("order", pool, order["order"]))
                yield Step(trace, f"{work}{report['kind']}", False, report["recorded_at_ms"], at_ms, about)
                yield Step(trace, "journal", False, at_ms, journaled_at_ms, about)
        elif entry.fact[0] == "commonshelf.OrderChanged":
            changed = entry.fact[1]
            about |= {"commonshelf.order": changed["order"]["order"], "commonshelf.reason": changed["reason"]}
            trace = trace_of("order", pool, changed["order"]["order"])
            cause, its_trace = self._causes.get(pool, (None, trace))
            led = its_trace if cause == entry.cause and its_trace != trace else None
            yield Step(trace, f"order {changed['kind']}", False, at_ms, journaled_at_ms, about, led)

    def _begin(self, entry: JournalEntry, trace: Trace) -> Trace:
        self._causes[entry.pool] = (entry.cause, trace)
        return trace
