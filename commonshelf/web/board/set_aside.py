"""Lines that were set aside, as pages show them: read from the dead letters now and then, and mapped or replayed."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from commonshelf.config.pool_config import PoolConfigs, read_pool_config
from commonshelf.config.publishing import publish_settings
from commonshelf.dead_letters.desk import ORIGIN, Desk
from commonshelf.dead_letters.letters import Letter, Place, read_letters
from commonshelf.dead_letters.prognosis import blocker
from commonshelf.dead_letters.replays import Replayed, replay
from commonshelf.mapping.codes import CodeWaiting, codes_waiting, is_private, item_named, objections
from commonshelf.mapping.suggestions import Suggester, Suggestion
from commonshelf.stack.connection import Connection
from commonshelf.web.board.visit import Refused
from messaging.clock import wall_clock_ms
from schemas.models.config import CodeMapping, ConfigChange

_KEPT_S = 10.0
_CODES_MAX = 50


@dataclass(frozen=True)
class UnmappedCode:
    """A code that means nothing in a store, with items that it may mean, the likeliest first."""

    waiting: CodeWaiting
    suggestions: Sequence[Suggestion]


@dataclass(frozen=True)
class LetterNow:
    """A dead letter. against: what stands against a replay; None when one would help."""

    letter: Letter
    against: str | None


@dataclass(frozen=True)
class _Read:
    config: PoolConfigs
    letters: Sequence[Letter]
    read_at_s: float


class SetAside:
    """The dead letters of all pools, read anew when what is known is some seconds old. Thread-safe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._known: _Read | None = None

    def unmapped(self, pool: str, store: str) -> list[UnmappedCode]:
        """The codes of a store that mean nothing yet, most lines first."""
        known = self._read()
        catalog = known.config.catalog(pool)
        mine = [letter for letter in known.letters if letter.pool == pool and letter.store == store]
        waiting = [one for one in codes_waiting(catalog, pool, mine) if one.sku is None][:_CODES_MAX]
        suggester = Suggester(catalog) if waiting else None
        return [
            UnmappedCode(one, suggester.suggest(one.code, frozenset(one.milli)) if suggester is not None else ())
            for one in waiting
        ]

    def meaning(self, pool: str, store: str, code: str) -> str | None:
        """The SKU that a code means in a store."""
        found = self._read().config.catalog(pool).meaning(store, code)
        return None if found is None else found.sku

    def letters(self, pool: str, store: str | None = None) -> list[LetterNow]:
        """The letters of a pool that wait, the newest first; of one store, or of all."""
        known, now_ms = self._read(), wall_clock_ms()
        found = [
            letter for letter in known.letters
            if letter.is_waiting and letter.pool in (None, pool) and store in (None, letter.store)
        ]  # fmt: skip
        return [LetterNow(letter, blocker(letter, known.config, now_ms)) for letter in reversed(found)]

    def map_code(self, pool: str, store: str, code: str, item: str) -> Replayed:
        """Say what a code of a store means, and replay what waited for it. Raises Refused.

        A code that all shops share, such as a barcode, is mapped for the whole pool.
        """
        known = self._read(is_fresh=True)
        catalog = known.config.catalog(pool)
        sku = item_named(catalog, item)
        if sku is None:
            raise Refused(f"{item!r} is no item of this pool: write its SKU or its barcode")
        wanted = CodeMapping(store=store if is_private(code) else None, code=catalog.lasting_code(code), sku=sku)
        against = objections(catalog, [wanted], replaces=False)
        if against:
            raise Refused("; ".join(against))
        change = ConfigChange(pool=pool, recorded_at_ms=wall_clock_ms(), origin=ORIGIN, change=wanted)
        options, partitions = self._connection.kafka_options, self._connection.settings.partitions
        publish_settings(options, partitions, [change])
        waited = [
            letter for letter in known.letters
            if letter.is_waiting and letter.pool == pool and wanted.store in (None, letter.store)
            and any(catalog.lasting_code(line["code"]) == wanted.code for line in letter.lines)
        ]  # fmt: skip
        done = replay(options, partitions, waited, read_pool_config(options), f"{wanted.code} mapped")
        self._forget()
        return done

    def replay(self, pool: str, place: str | None = None) -> Replayed:
        """Publish again the letters of a pool that can be used now, or the one that is named. Raises Refused."""
        chosen = self._chosen(pool, place)
        options, partitions = self._connection.kafka_options, self._connection.settings.partitions
        done = replay(options, partitions, chosen, read_pool_config(options), "replayed", are_named=place is not None)
        self._forget()
        return done

    def discard(self, pool: str, place: str, reason: str) -> None:
        """Give a letter up. Raises Refused."""
        if not reason.strip():
            raise Refused("say why, for whoever looks for these lines later")
        options, partitions = self._connection.kafka_options, self._connection.settings.partitions
        Desk(options, partitions, PoolConfigs(), wall_clock_ms()).discard(self._chosen(pool, place), reason.strip())
        self._forget()

    def _chosen(self, pool: str, place: str | None) -> list[Letter]:
        waiting = [one for one in self._read(is_fresh=True).letters if one.is_waiting and one.pool in (None, pool)]
        if place is None:
            return [one for one in waiting if one.pool == pool]
        try:
            wanted = Place.parse(place)
        except ValueError as error:
            raise Refused(str(error)) from None
        found = [one for one in waiting if one.place == wanted]
        if not found:
            raise Refused(f"{place} does not wait any more")
        return found

    def _read(self, *, is_fresh: bool = False) -> _Read:
        with self._lock:
            known = self._known
            if is_fresh or known is None or time.monotonic() - known.read_at_s > _KEPT_S:
                options = self._connection.kafka_options
                known = _Read(read_pool_config(options), read_letters(options), time.monotonic())
                self._known = known
            return known

    def _forget(self) -> None:
        """What was done is seen by the next look."""
        with self._lock:
            if self._known is not None:
                self._known = replace(self._known, read_at_s=float("-inf"))
