"""The contract of an aggregate: what it decides, folds, keeps, does next and publishes.

decide reads the state and gives a fact; fold takes a fact and writes the state; react reads what the folds left on the
agenda and gives the next fact. The processor calls them, in the order of its tuple of aggregates.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from schemas.topics import Topic
from schemas.types.journal import Fact
from schemas.types.pos import SaleLine, StockLine
from streams.pool.state.agenda import Work
from streams.pool.state.pool_state import PoolState
from streams.pool.state.reaction_limit import STOPPED
from streams.pool.state.tables import TableSpec
from streams.runtime.contract import InputRecord, OutputRecord

K = TypeVar("K")
V = TypeVar("V")
SetAside = list[tuple[SaleLine | StockLine, str]]
"""Lines for the dead-letter topic, each with its reason."""


class Decision(NamedTuple):
    """An input, decided: the fact for the journal, and which of its lines are set aside or known."""

    fact: Fact
    set_aside: SetAside
    duplicate_lines: int


Decide = Callable[[PoolState, Any, int], Decision | Fact | None]
"""(state, event, appended at ms) → what became of it; None when the event is another aggregate's.

Reads the state and changes nothing. Raises BadMessage for an event that goes to the dead letters whole.
"""


@dataclass(frozen=True)
class Input:
    """A kind of input that an aggregate decides. Of several aggregates the first that does not pass decides."""

    topic: Topic
    decide: Decide
    is_setting: bool = False
    """Read before all other inputs, and may name a pool that nothing is known of."""
    is_expendable: bool = False
    """A newer record says all that counts: records that retention took unread are no loss."""
    is_dated: bool = False
    """Its `recorded_at_ms` counts as the time, when that is later than the pool's clock."""
    check: Callable[[Any], None] | None = None
    """Raises ValueError for an event that is well-formed and yet no good."""
    shortcut: Callable[[Mapping[str, PoolState], InputRecord], tuple[str, bytes] | None] | None = None
    """Decides and folds the commonest event in one go: its pool's name and its fact. None: it is not that."""
    answer_stranger: Callable[[Any, str, int], OutputRecord] | None = None
    """(event, reason, appended at ms) → the answer to an event of a pool that is not configured."""


class Entry(NamedTuple):
    """The journal entry that is being folded."""

    kind: str
    """Avro name of the fact."""
    encoded: bytes
    """The fact's own encoding."""
    appended_at_ms: int
    """When its input reached the broker."""
    clock_before_ms: int
    """The pool's clock before the entry."""


Fold = Callable[[PoolState, Any, Entry], None]
"""(state, fields of the fact, entry): takes the aggregate's share of the fact into the state."""
Publish = Callable[[PoolState, Any, Entry, int], OutputRecord | None]
"""(state, fields of the fact, entry, partitions of every topic) → whom the aggregate tells of it; None for nobody."""


class Trigger(NamedTuple):
    """The input whose consequences are being found."""

    kind: str
    """Avro name of its own fact."""
    now_ms: int


@dataclass(frozen=True)
class Reaction(Generic[K, V]):
    """An aggregate's answer to a kind of work."""

    work: Work[K, V]
    react: Callable[[PoolState, K, V, Trigger], Fact | None] | None = None
    """The next fact about an item; None when there is none. Reads the state and changes nothing."""
    when_done: Callable[[PoolState, K], None] | None = None
    """Called when no aggregate has a fact left about an item; may put work on the agenda, and nothing else."""


@dataclass(frozen=True)
class Aggregate:
    """Things of one kind and what may happen to them. A processor is made of a tuple, in order of precedence."""

    name: str
    inputs: tuple[Input, ...] = ()
    folds: Mapping[str, Fold] = field(default_factory=dict)
    """Avro name of a fact → how the aggregate folds it. All that name a fact fold it, in order."""
    tables: tuple[TableSpec[Any, Any], ...] = ()
    works: tuple[Work[Any, Any], ...] = ()
    """Kinds of work that it puts on the agenda. They are done in this order, those of earlier aggregates first."""
    reactions: tuple[Reaction[Any, Any], ...] = ()
    next_due: Callable[[PoolState, Trigger], Fact | None] | None = None
    """The next fact of its own that the clock makes due, asked when its works are done."""
    due: Mapping[str, Callable[[PoolState, str, Trigger], Fact | None]] = field(default_factory=dict)
    """Kind of a name in `state.alarms` → (state, id, trigger) → the fact; None passes. Asked when works are done."""
    subject: Callable[[Fact], str | None] = lambda _: None
    """What a reaction is about, by its name; None for another aggregate's. Each has so many reactions an input."""
    stop: Callable[[PoolState, Fact, int], Fact] | None = None
    """(state, the reaction that is one too many, now ms) → the end of what it is about."""
    publishes: Mapping[str, Publish] = field(default_factory=dict)
    """Avro name of a fact → what the aggregate publishes of it. All that name a fact are asked, in order."""


class Aggregates:
    """Aggregates in order of precedence, by what they are asked for."""

    def __init__(self, aggregates: Iterable[Aggregate]) -> None:
        self.all = tuple(aggregates)
        self.inputs: dict[str, list[Input]] = {}
        self._folds: dict[str, list[Fold]] = {}
        self._publishes: dict[str, list[Publish]] = {}
        for one in self.all:
            for given in one.inputs:
                self.inputs.setdefault(given.topic.name, []).append(given)
            for kind, fold in one.folds.items():
                self._folds.setdefault(kind, []).append(fold)
            for kind, publish in one.publishes.items():
                self._publishes.setdefault(kind, []).append(publish)
        self.tables = tuple(table for one in self.all for table in one.tables)

    def decide(self, state: PoolState, topic: str, event: Any, appended_at_ms: int) -> Decision | Fact:
        """What became of an event. Raises LookupError when every aggregate passes."""
        for given in self.inputs[topic]:
            decided = given.decide(state, event, appended_at_ms)
            if decided is not None:
                return decided
        raise LookupError(f"no aggregate decides this event of {topic}")

    def fold(self, state: PoolState, fact: Fact, encoded: bytes, appended_at_ms: int) -> Entry:
        """Fold the next journal entry; `encoded` is the fact's own encoding. Raises ValueError for an unknown kind."""
        kind, fields = fact
        folds = self._folds.get(kind)
        if folds is None:
            raise ValueError(f"unknown fact {kind}")
        row = state.row
        row["position"] += 1
        state.pools.put(state.pool, row)
        entry = Entry(kind, encoded, appended_at_ms, row["clock_ms"])
        for fold in folds:
            fold(state, fields, entry)
        if fields.get("kind") == STOPPED:
            row["reactions_stopped"] += 1
        return entry

    def publish(self, state: PoolState, fact: Fact, entry: Entry, partitions: int) -> Iterable[OutputRecord]:
        """What is told of a fact that was folded as `entry`."""
        for publish in self._publishes.get(entry.kind, ()):
            record = publish(state, fact[1], entry, partitions)
            if record is not None:
                yield record
