"""Which fault is injected when, drawn by seed: rounds of faults that do not get in each other's way, until time is up.

A round is either a relay of kills at failpoints for each worker, or one fault of another kind; beside it, faults at
the edge, which take longer than a strike at a phase of a transaction. Beside all rounds, one after the other, go faults
of partners. All get their share of the time, so that each
failpoint and each kind is hit often enough. What has not landed is injected again later.
"""

import math
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from streams.runtime import failpoints
from tests.proof.faults.inject import Landed, NotLandedError
from tests.proof.faults.stage import TooSlowError
from tests.proof.torture.inject import OF_ALL, OF_DISKS, OF_PHASES, OF_THE_EDGE, TortureInjector
from tests.proof.torture.inject_clocks import OF_BROKERS_CLOCKS
from tests.proof.torture.inject_partners import OF_PARTNERS, PartnerInjector
from tests.proof.torture.stage import TortureStage
from tests.support.waiting import PATIENCE_S

T = TypeVar("T")
AIMED = tuple(f"kill at {name}" for name in failpoints.NAMES)
AIMED_PER_MINUTE = 10.0
"""450 in 45 minutes, 37 of each name."""
_AIMED_LEAST, _OTHERS_LEAST = 20 / 45, 2 / 45
_EACH_ONCE_MIN = 10.0
"""From then on each kind has had its turn."""
_OF_ALL_WORKERS = frozenset((*OF_ALL, *OF_PHASES))
_DECKS = (AIMED, OF_ALL, OF_PHASES, OF_THE_EDGE, OF_PARTNERS)
EVERY_KIND = tuple(kind for deck in _DECKS for kind in deck)
RELAY = 4
"""Kills at failpoints one after another, of each of three workers: a round hits all twelve."""
EDGE_FAULTS = 2
_TRIES = 12


class Drawn:
    """Kinds without end: whole decks, each shuffled; first of all what has to be injected again."""

    def __init__(self, kinds: Sequence[str], chance: random.Random) -> None:
        self._kinds = kinds
        self._chance = chance
        self._deck: deque[str] = deque()

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def next(self) -> str:
        if not self._deck:
            self._deck.extend(self._chance.sample(self._kinds, len(self._kinds)))
        return self._deck.popleft()

    def again(self, kind: str) -> None:
        """Put it in the middle of what is to come, so that it is tried in other company."""
        self._deck.insert(len(self._deck) // 2, kind)


class Campaign:
    """Injects faults for so many minutes, and until as many as must have landed, `at_phases` at each of a transaction.

    Raises TooSlowError when something does not recover.
    """

    def __init__(
        self,
        stage: TortureStage,
        seed: int,
        minutes: float,
        faults: int,
        kinds: Sequence[str],
        tell: Callable[[str], None],
        at_phases: int = 0,
    ) -> None:
        self.landed: list[Landed] = []
        self._kinds = tuple(
            kind for kind in kinds
            if not (kind in OF_DISKS and stage.left_out) and not (kind in OF_BROKERS_CLOCKS and stage.no_clocks)
        )  # fmt: skip
        decks = [[kind for kind in self._kinds if kind in deck] for deck in _DECKS]
        self._stage = stage
        self._seed = seed
        self._duration_s = 60 * minutes
        self._faults = faults
        self._at_phases = at_phases
        self._tell = tell
        self._chance = random.Random(seed)
        self._aimed, self._others, self._phases, self._edge, self._partners = (
            Drawn(deck, self._chance) for deck in decks
        )
        self._of_partners: tuple[str, Future[Landed]] | None = None
        """The fault of partners that is under way."""
        self._tries: Counter[str] = Counter()
        self._injected = 0
        self._aimed_injected = 0
        self._began = time.monotonic()

    def run(self) -> None:
        self._stage.burst(1_000)
        self._stage.drain(PATIENCE_S)  # a restore has something to restore from now on
        self._began = time.monotonic()
        while self._elapsed_s() < self._duration_s or self.is_short():
            self._look_after_partners()
            self._round()
        self._end_of_partners_fault()

    def is_short(self) -> bool:
        """Whether less has landed than must: a machine with other work to do takes longer for it."""
        return len(self.landed) < self._faults or bool(self.missing())

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def least(self) -> dict[str, int]:
        """How often each kind must land in this time."""
        minutes = self._duration_s / 60
        least = 1 if minutes >= _EACH_ONCE_MIN else 0
        wanted = {
            kind: max(int(minutes * (_AIMED_LEAST if kind in AIMED else _OTHERS_LEAST)), least) for kind in self._kinds
        }
        of_phases = math.ceil(self._at_phases / 2)  # a broker is killed there as often as it is frozen
        return wanted | {kind: max(wanted[kind], of_phases) for kind in OF_PHASES if kind in wanted}

    def _is_due(self, kinds: Collection[str]) -> bool:
        """Whether fewer of these kinds landed than their share of the time asks for."""
        wanted, landed = self._progress(kinds)
        return landed < wanted * min(1.0, self._elapsed_s() / self._duration_s)

    def _progress(self, kinds: Collection[str]) -> tuple[int, int]:
        """(How many of these kinds must land in the whole time, how many did)."""
        least = self.least()
        return sum(least.get(kind, 0) for kind in kinds), sum(one.kind in kinds for one in self.landed)

    def missing(self) -> dict[str, int]:
        """Kinds that landed less often than they must, and how often they did."""
        found = Counter(one.kind for one in self.landed)
        return {kind: found[kind] for kind, least in self.least().items() if found[kind] < least}

    def _round(self) -> None:
        stage = self._stage
        stage.wait_shared()
        held = stage.holdings()
        slots = self._chance.sample(stage.slots, len(stage.slots))
        relays: list[Future[list[tuple[str, Landed | NotLandedError]]]] = []
        faults: list[tuple[str, Drawn, Future[Landed]]] = []
        if self._aimed and self._is_aimed_next():
            for slot in slots:
                kinds = [self._aimed.next() for _ in range(RELAY)]
                self._aimed_injected += RELAY
                mine = held.get(slot.instance, set())
                relays.append(_begin(partial(self._injector().relay, slot, mine, kinds)))
        elif drawn := self._drawn():
            kind, slot = drawn.next(), slots[0]
            mine = held.get(slot.instance, set())
            faults.append((kind, drawn, _begin(partial(self._injector().inject_once, kind, slot, mine))))
        is_phase = any(kind in OF_PHASES for kind, *_ in faults)
        for _ in range(EDGE_FAULTS if self._edge and (not is_phase or self._is_due(OF_THE_EDGE)) else 0):
            injector = self._injector()
            kind = self._edge.next()
            self._note_fault(kind, self._edge, lambda kind=kind, by=injector: by.inject_once(kind, slots[0], set()))
            if all(fault.done() for fault in (*relays, *(fault for *_, fault in faults))):
                break
        for relay in relays:
            for kind, landed in relay.result():
                self._note(kind, self._aimed, landed)
        for kind, drawn, fault in faults:
            self._note_fault(kind, drawn, fault.result)

    def _look_after_partners(self) -> None:
        """Have a fault of partners under way, beside the rounds: it may take minutes."""
        if self._of_partners is not None and self._of_partners[1].done():
            self._end_of_partners_fault()
        if self._of_partners is None and self._partners:
            kind, injector = self._partners.next(), PartnerInjector(self._stage, self._chance_of_next())
            self._of_partners = kind, _begin(partial(injector.inject_once, kind))

    def _end_of_partners_fault(self) -> None:
        if self._of_partners is not None:
            kind, fault = self._of_partners
            self._note_fault(kind, self._partners, fault.result)
            self._of_partners = None

    def _is_aimed_next(self) -> bool:
        """Whether kills at failpoints are behind their share of the time, and no less so than faults that hit all.

        On a machine with other work both are behind.
        """
        if not self._others:
            return True
        whole = AIMED_PER_MINUTE * self._duration_s / 60
        wanted, landed = self._progress(_OF_ALL_WORKERS)
        share = self._aimed_injected / whole
        return share <= self._elapsed_s() / self._duration_s and share * wanted <= landed

    def _drawn(self) -> Drawn:
        """Whence the next fault comes that hits all workers alike."""
        return self._phases if self._phases and (self._is_due(OF_PHASES) or not self._others) else self._others

    def _injector(self) -> TortureInjector:
        return TortureInjector(self._stage, self._chance_of_next())

    def _chance_of_next(self) -> random.Random:
        """Of the next fault that is injected."""
        self._injected += 1
        return random.Random(f"{self._seed}/{self._injected}")

    def _note_fault(self, kind: str, drawn: Drawn, inject: Callable[[], Landed]) -> None:
        try:
            self._note(kind, drawn, inject())
        except NotLandedError as error:
            self._note(kind, drawn, error)
        except TooSlowError as error:
            raise TooSlowError(f"{kind}: {error}") from error

    def _note(self, kind: str, drawn: Drawn, landed: Landed | NotLandedError) -> None:
        self._tries[kind] += 1
        if isinstance(landed, NotLandedError) or landed.in_flight == 0:
            why = str(landed) if isinstance(landed, NotLandedError) else "nothing was in flight"
            self._tell(f"{self._elapsed_s():7.1f} s  {kind}: injected again, for {why}")
            if self._tries[kind] > _TRIES:
                raise TooSlowError(f"{kind}: not landed in {_TRIES} tries; last: {why}")
            drawn.again(kind)
            return
        landed.kind, landed.tries = kind, self._tries[kind]
        self._tries[kind] = 0
        self.landed.append(landed)
        took = "" if landed.recovery_s is None else f", recovered in {landed.recovery_s:.2f} s"
        self._tell(f"{self._elapsed_s():7.1f} s  {len(self.landed)}. {kind}: {landed.in_flight} in flight{took}")


def _begin(work: Callable[[], T]) -> Future[T]:
    """Do it in a thread that no end of the program waits for: after an error faults under way fail by themselves."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # told by `result`
            outcome.set_exception(error)

    threading.Thread(target=run, name="fault", daemon=True).start()
    return outcome


def by_kind(landed: Sequence[Landed]) -> Iterator[tuple[str, list[Landed]]]:
    """Kinds in the order of their names."""
    for kind in sorted({one.kind for one in landed}):
        yield kind, [one for one in landed if one.kind == kind]
