"""The ledger of a pool as its journal has it, up to now or as it was known then."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from messaging.client_options import ClientOptions
from messaging.errors import UserError
from messaging.journal import JournalEntry, read_journal
from schemas.partition import partition_of
from schemas.types.agreement import Agreement, Dispute
from streams.pool.journal.facts import CONFIG_CHANGE
from streams.settlement.ledger.entries import ClosedWindow, Transaction, Unpriced
from streams.settlement.ledger.ledger import Ledger
from streams.settlement.ledger.windows import window_of


class NothingPostedError(UserError):
    """The pool's ledger has not what was asked for; the sentence says why."""


@dataclass
class Posted:
    """All that follows from a pool's journal up to an entry."""

    pool: str
    position: int = 0
    """Of the last entry."""
    appended_at_ms: int = 0
    """When its cause reached the broker."""
    transactions: list[Transaction] = field(default_factory=list)
    closed: list[ClosedWindow] = field(default_factory=list)
    unpriced: dict[tuple[int, int], Unpriced] = field(default_factory=dict)
    """(Position, item) → what waits for a price."""
    agreements: dict[int, Agreement] = field(default_factory=dict)
    """Version → agreement."""
    disputes: dict[str, Dispute] = field(default_factory=dict)
    store_names: dict[str, str] = field(default_factory=dict)

    @property
    def zone(self) -> tzinfo:
        """Of the settlement windows; UTC before there is an agreement."""
        agreement = self._newest_agreement()
        return UTC if agreement is None else ZoneInfo(agreement["window"]["time_zone"])

    def windows(self) -> list[tuple[int, int, bool]]:
        """(Start, end, whether it closed), oldest first: those that closed, and the one that is open."""
        found = [(one.start_ms, one.end_ms, True) for one in self.closed]
        agreement = self._newest_agreement()
        begun_ms = found[-1][1] if found else min((one.window_ms for one in self.transactions), default=None)
        if agreement is not None and begun_ms is not None:
            found.append((begun_ms, window_of(begun_ms, agreement["window"])[1], False))
        return found

    def window(self, day: datetime | None) -> tuple[int, int, bool]:
        """The window that has noon of a day; without a day the newest that closed, else the open one.

        Raises NothingPostedError.
        """
        found = self.windows()
        if not found:
            raise NothingPostedError(
                f"nothing is settled in pool {self.pool} yet: it has no agreement, or nothing happened under it"
            )
        if day is None:
            return next((one for one in reversed(found) if one[2]), found[-1])
        noon_ms = int(datetime.combine(day, time(12), self.zone).timestamp() * 1000)
        for start_ms, end_ms, is_closed in found:
            if start_ms <= noon_ms < end_ms:
                return start_ms, end_ms, is_closed
        first, last = (datetime.fromtimestamp(at / 1000, self.zone) for at in (found[0][0], found[-1][1]))
        raise NothingPostedError(
            f"no window of pool {self.pool} has {day:%Y-%m-%d}: they go from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        )

    def take(self, ledger: Ledger, entry: JournalEntry) -> None:
        """Post the next entry."""
        step = ledger.post(entry)
        self.position, self.appended_at_ms = entry.position, entry.appended_at_ms
        self.transactions += step.transactions
        self.closed += step.closed
        for one in step.unpriced:
            self.unpriced[one.position, one.item] = one
        for name in step.priced:
            self.unpriced.pop(name, None)
        if entry.fact[0] == CONFIG_CHANGE:
            change = entry.fact[1]["change"]
            if change[0] == "commonshelf.Agreement":
                self.agreements[change[1]["version"]] = change[1]
            elif change[0] == "commonshelf.Dispute":
                self.disputes[change[1]["dispute"]] = change[1]
            elif change[0] == "commonshelf.StoreSettings":
                self.store_names[change[1]["store"]] = change[1]["name"]

    def _newest_agreement(self) -> Agreement | None:
        return max(self.agreements.values(), key=lambda one: (one["effective_from_ms"], one["version"]), default=None)


Known = Callable[[JournalEntry], bool]
"""Whether an entry was known; the first that was not ends the reading."""


def known_always(_: JournalEntry) -> bool:
    """All entries."""
    return True


def known_at_position(position: int) -> Known:
    """The entries up to a position."""
    return lambda entry: entry.position <= position


def known_at_time(at_ms: int) -> Known:
    """The entries before the first whose cause reached the broker later than that, ms since 1970 UTC."""
    return lambda entry: entry.appended_at_ms <= at_ms


def fold(pool: str, entries: Callable[[], Iterable[JournalEntry]], known: Known = known_always) -> Posted:
    """The ledger of a pool. `entries` reads its journal from the first entry on."""
    found, ledger = Posted(pool), Ledger(pool, entries)
    for entry in entries():
        if not known(entry):
            break
        found.take(ledger, entry)
    return found


def journal_of(kafka_options: ClientOptions, partitions: int, pool: str) -> Iterator[JournalEntry]:
    """The pool's entries up to the present end. Raises KafkaException, TimeoutError, BadMessage."""
    home = [partition_of(pool, partitions)]
    return (entry for entry in read_journal(kafka_options, home) if entry.pool == pool)


def read_posted(kafka_options: ClientOptions, partitions: int, pool: str, known: Known = known_always) -> Posted:
    """The ledger of a pool in Kafka. Raises KafkaException, TimeoutError, BadMessage."""
    return fold(pool, lambda: journal_of(kafka_options, partitions, pool), known)
