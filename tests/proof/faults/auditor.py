"""Checks what the workers left in Kafka, once they are stopped. It believes topics only, never a worker.

Rows come from the changelog alone, twice: compacted here, and restored by the engine into an empty directory.
They must equal the oracle's table, the last availability values, the journal folded from zero, and the journal
decided again. Every input record must be the cause of exactly one journal entry or one dead letter.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from messaging.journal import JournalEntry, read_page
from messaging.rocks import rocks_options
from schemas.codec import topic_codec
from schemas.topics import ORDERS_EVENTS, POOL_AVAILABILITY, POOL_CHANGELOG, POOL_JOURNAL, TOPICS, dead_letter_topic
from streams.pool.journal.dead_letters import CUT_HEADER, REASON_HEADER
from streams.pool.journal.facts import ORDER_CHANGED, ORDER_REQUEST_DECIDED, TASK_CHANGED, TRANSFER_CHANGED
from streams.pool.processor import PoolProcessor
from streams.pool.state.shelf import Shelf
from streams.runtime.assignment import OFFSETS_ROW
from streams.runtime.local_store import LocalStore
from streams.runtime.restore import restore
from streams.runtime.settings import WorkerSettings
from tests.proof.faults.oracle import Oracle
from tests.proof.faults.pool_clocks import read_clocks
from tests.proof.faults.records import Cause, Expected, Promise, Record, ShelfKey
from tests.proof.faults.replay import decide_again, decode_availability, fold_again
from tests.proof.faults.topic_log import log_ends, read_topics
from tests.proof.faults.workload import digest
from tests.support.pool import decode_row

Fields = dict[str, Any]
_SHOWN = 5
_FOLLOWS = (ORDER_CHANGED, TASK_CHANGED, TRANSFER_CHANGED)
_PREFIX = "__connect.errors."


@dataclass
class Audit:
    """What the auditor found. Sound when nothing is lost, repeated, wrong or otherwise amiss."""

    lines: int = 0
    repeated_lines_absorbed: int = 0
    records: int = 0
    journal_entries: int = 0
    dead_letters: int = 0
    rows: int = 0
    orders: int = 0
    order_events: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    repeated: int = 0
    promised_twice: int = 0
    wrong_rows: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.findings

    def find(self, what: str, cases: Iterable[object]) -> int:
        """Note `cases`, if there are any; their number."""
        found = list(cases)
        if found:
            shown = "; ".join(repr(case)[:300] for case in found[:_SHOWN])
            self.findings.append(f"{what}: {len(found)}, as {shown}")
        return len(found)


class Seen(NamedTuple):
    """What lay in Kafka, and what the oracle makes of it; for those who check more."""

    inputs: list[Record]
    pages: list[Record]
    """Of the journal."""
    entries: list[JournalEntry]
    expected: Expected


@cache
def _processor() -> PoolProcessor:
    return PoolProcessor()  # its metrics register themselves once in a process


class Auditor:
    """Reads everything once. `folder` is for the rebuild; `acknowledged` is what the tills wrote.

    `apart`: pools in which orders move goods, of which the oracle knows nothing: their books are judged elsewhere.
    `kept`: inputs that were read before they were deleted, each partition in offset order.
    """

    def __init__(
        self, bootstrap_servers: str, inputs: tuple[str, ...], partitions: int, acknowledged: Path, folder: Path,
        apart: Sequence[str] = (), kept: Iterable[Record] = (),
    ) -> None:  # fmt: skip
        self._bootstrap_servers = bootstrap_servers
        self._inputs = inputs
        self._partitions = partitions
        self._acknowledged = acknowledged
        self._folder = folder
        self._apart = apart
        self._kept = kept
        self._audit = Audit()

    def audit(self) -> Audit:
        """Everything that `audit_and_show` checks."""
        return self.audit_and_show()[0]

    def audit_and_show(self) -> tuple[Audit, Seen]:
        """Everything; also what was read for it."""
        by_topic: dict[str, list[Record]] = defaultdict(list)
        read = read_topics(self._bootstrap_servers, TOPICS, self._partitions)
        for record in {record.cause: record for record in (*self._kept, *read)}.values():
            by_topic[record.topic].append(record)
        inputs = [record for topic in self._inputs for record in by_topic[topic]]
        entries = []
        for record in by_topic[POOL_JOURNAL.name]:
            for entry in read_page(record.value):
                assert entry.cause.partition == record.partition, (entry.cause, record.partition)
                entries.append(entry)
        letters = [letter for topic in self._inputs for letter in by_topic[dead_letter_topic(topic)]]
        rows = self._check_rebuild(by_topic[POOL_CHANGELOG.name])
        orders = [
            decode_row(row) for of_partition in rows.values() for key, row in of_partition.items()
            if key.startswith("order/")
        ]  # fmt: skip
        shelves = _shelves(rows)
        not_found = {shelf: row.not_found_milli for shelf, row in shelves.items()}
        clocks = read_clocks(inputs, entries)
        expected = Oracle(self._partitions, _held(orders), not_found, clocks.at_ms).expected(inputs)
        expected.table = {shelf: promise for shelf, promise in expected.table.items() if shelf[0] not in self._apart}
        audit = self._audit
        audit.lines, audit.repeated_lines_absorbed = expected.lines, expected.repeated_lines
        audit.records, audit.journal_entries, audit.dead_letters = len(inputs), len(entries), len(letters)
        self._check_acknowledged(inputs)
        self._check_causes(inputs, entries, letters, expected)
        self._check_numbers(entries)
        audit.find("ticks that moved a pool's clock otherwise than they may (cause, where to)", clocks.unfounded)
        self._check_set_aside(letters, expected)
        self._check_orders(orders, expected, entries, by_topic[ORDERS_EVENTS.name])
        self._check_offsets(rows)
        self._check_table(shelves, by_topic[POOL_AVAILABILITY.name], expected)
        self._check_fold(rows, entries)
        self._check_decided_again(inputs, by_topic[POOL_JOURNAL.name], by_topic[POOL_AVAILABILITY.name], entries)
        return audit, Seen(inputs, by_topic[POOL_JOURNAL.name], entries, expected)

    def _check_acknowledged(self, inputs: list[Record]) -> None:
        """What Kafka acknowledged is in its log, broker crash or not."""
        there = {record.cause: digest(record.value) for record in inputs}
        gone = []
        *lines, _ = self._acknowledged.read_text().split("\n")  # tills that were killed leave part of a line
        for line in lines:
            topic, partition, offset, wanted = line.split("\t")
            if there.get((topic, int(partition), int(offset))) != wanted:
                gone.append(line)
        self._audit.lost += self._audit.find("acknowledged records that the input topics lack", gone)

    def _check_causes(
        self, inputs: list[Record], entries: list[JournalEntry], letters: list[Record], expected: Expected
    ) -> None:
        """Each input record caused exactly one thing, and the right one; what follows stands right behind it."""
        journaled = Counter(entry.cause for entry in entries if entry.fact[0] not in _FOLLOWS)
        self._audit.find(
            "entries that follow from another input than the entry before",
            (
                (entry.pool, entry.position)
                for before, entry in zip([None, *entries], entries, strict=False)
                if entry.fact[0] in _FOLLOWS
                and (before is None or (before.pool, before.cause) != (entry.pool, entry.cause))
            ),
        )
        refused = Counter(_cause(letter) for letter in letters if _is_whole(letter))
        audit, either = self._audit, journaled + refused
        audit.lost += audit.find("input records without effect", (r.cause for r in inputs if not either[r.cause]))
        audit.repeated += audit.find("effects repeated", ((at, n) for at, n in either.items() if n > 1))
        audit.find("effects without an input", either.keys() - {record.cause for record in inputs})
        found = {_cause(letter): _header(letter, REASON_HEADER) for letter in letters if _is_whole(letter)}
        audit.find(
            "record taken or refused otherwise than by the oracle (cause, wanted, found)",
            (
                (record.cause, expected.refused_records.get(record.cause), found.get(record.cause), record.value)
                for record in inputs
                if (record.cause in expected.journaled) != (record.cause in journaled)
                or expected.refused_records.get(record.cause) != found.get(record.cause)
            ),
        )

        there = {record.cause: record for record in inputs}
        audit.find(
            "dead letters that are not the record that was refused",
            (
                letter.cause
                for letter in letters
                if _is_whole(letter)
                and CUT_HEADER not in dict(letter.headers)
                and (letter.key, letter.value) != (there[_cause(letter)].key, there[_cause(letter)].value)
            ),
        )

    def _check_numbers(self, entries: list[JournalEntry]) -> None:
        """Each pool's journal is numbered from 1 without gap or repeat, in the order of the log."""
        numbers: dict[str, list[int]] = defaultdict(list)
        for entry in entries:
            numbers[entry.pool].append(entry.position)
        self._audit.find(
            "journals not numbered 1..n",
            (
                (pool, next((n, found) for n, found in enumerate(found, 1) if n != found))
                for pool, found in numbers.items()
                if found != list(range(1, len(found) + 1))
            ),
        )

    def _check_set_aside(self, letters: list[Record], expected: Expected) -> None:
        """Every line set aside is in the dead letters once, with its reason."""
        lines: Counter[tuple[Cause, str, str]] = Counter()
        for letter in letters:
            reason = _header(letter, REASON_HEADER)
            if _is_whole(letter):
                continue
            event = topic_codec(_cause(letter)[0]).decode(letter.value)
            lines.update((_cause(letter), reason, line["line_id"]) for line in event["lines"])
        audit = self._audit
        audit.lost += audit.find("lines missing in the dead letters", (expected.refused_lines - lines).items())
        audit.repeated += audit.find("lines too many in the dead letters", (lines - expected.refused_lines).items())

    def _check_rebuild(self, changelog: list[Record]) -> dict[int, dict[str, bytes]]:
        """The rows of each partition; those that the engine restores into an empty directory must be the same."""
        rows: dict[int, dict[str, bytes]] = {n: {} for n in range(self._partitions)}
        for record in changelog:
            assert record.key is not None
            if record.value is None:
                rows[record.partition].pop(record.key.decode(), None)
            else:
                rows[record.partition][record.key.decode()] = record.value
        settings = WorkerSettings(self._bootstrap_servers, "auditor", "auditor", self._folder, self._partitions)
        options = rocks_options(16)
        stores = {n: LocalStore(self._folder / f"partition-{n}", n, options, _processor().index_entries) for n in rows}
        restore(settings, POOL_CHANGELOG.name, stores, lambda n: stores[n], lambda: False)
        for n, store in stores.items():
            self._compare(f"rows restored to partition {n}", rows[n], dict(store.scan("")))
            store.close()
        self._audit.rows = sum(len(of_partition) for of_partition in rows.values())
        return rows

    def _check_offsets(self, rows: dict[int, dict[str, bytes]]) -> None:
        """The state has come to the end of every input."""
        ends = log_ends(self._bootstrap_servers, self._inputs, self._partitions)
        reached = {
            (topic, n): offset
            for n, of_partition in rows.items()
            for topic, offset in _processor().decode_offsets(of_partition[OFFSETS_ROW]).next_offsets.items()
        }
        self._audit.find(
            "inputs whose end the state has not reached, or not exactly",
            ((at, end, reached.get(at, 0)) for at, end in ends.items() if end != reached.get(at, 0)),
        )

    def _check_table(self, shelves: Mapping[ShelfKey, Shelf], availability: list[Record], expected: Expected) -> None:
        """Shelves and last availability values say what the oracle says."""
        told = {str((record.key or b"").decode()): decode_availability(record.value or b"") for record in availability}
        promised: dict[ShelfKey, Promise] = {
            (row["pool"], row["sku"], row["store"]): Promise(
                row["on_hand_milli"], row["available_milli"], row["safety_stock_milli"], row["unit"]
            )
            for row in told.values()
            if row["pool"] not in self._apart
        }
        self._compare("availability", expected.table, promised)
        on_hand = {shelf: row.on_hand_milli for shelf, row in shelves.items() if shelf[0] not in self._apart}
        self._compare("books", {key: row.on_hand_milli for key, row in expected.table.items()}, on_hand)

    def _check_orders(
        self, orders: list[Fields], expected: Expected, entries: list[JournalEntry], events: list[Record]
    ) -> None:
        """What is promised is there, once; each order has come to something, and each request is answered once."""
        audit, picked = self._audit, _held(orders, ("picked",))
        audit.orders = len(orders)
        audit.promised_twice += audit.find(
            "promised beyond what is there (shelf, promised, on hand, picked)",
            (
                (shelf, milli, expected.table[shelf].on_hand_milli, picked[shelf])
                for shelf, milli in _held(orders, ("tentative", "confirmed")).items()
                if shelf[0] not in self._apart and milli > max(expected.table[shelf].on_hand_milli - picked[shelf], 0)
            ),
        )
        audit.find(
            "orders without an outcome",
            (order["order"] for order in orders if order["status"] != "ended" and not _held([order])),
        )
        told_of = [_event(record) for record in events]
        audit.order_events = Counter(event["kind"] for event in told_of)
        told = Counter((event["pool"], event["position"]) for event in told_of)
        asked = {(entry.pool, entry.position) for entry in entries if entry.fact[0] == ORDER_REQUEST_DECIDED}
        audit.lost += audit.find("requests without an answer", asked - told.keys())
        audit.repeated += audit.find("events repeated", (place for place, times in told.items() if times > 1))

    def _check_fold(self, rows: dict[int, dict[str, bytes]], entries: list[JournalEntry]) -> None:
        kept = {key: row for of_partition in rows.values() for key, row in of_partition.items() if key != OFFSETS_ROW}
        self._compare("rows folded from zero", fold_again(entries), kept)

    def _check_decided_again(
        self, inputs: list[Record], pages: list[Record], availability: list[Record], entries: list[JournalEntry]
    ) -> None:
        by_cause = {record.cause: record for record in inputs}
        cuts: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        recorded: dict[tuple[str, int], bytes] = {}
        for record in pages:
            of_page = list(read_page(record.value))
            cuts[record.partition][of_page[0].pool].append(len(of_page))
            recorded[of_page[0].pool, of_page[0].position] = record.value or b""
        again: dict[tuple[str, int], bytes] = {}
        told: dict[bytes, bytes] = {}
        for n in range(self._partitions):
            causes = dict.fromkeys(entry.cause for entry in entries if entry.cause[1] == n)
            order = [by_cause[cause] for cause in causes if cause in by_cause]
            outcome = decide_again(_processor(), n, self._partitions, order, cuts[n])
            again |= outcome.pages
            told |= outcome.availability
        self._compare("journal pages decided again", again, recorded)
        self._compare("availability decided again", told, {r.key or b"": r.value or b"" for r in availability})

    def _compare(self, what: str, wanted: dict, found: dict) -> None:  # type: ignore[type-arg]
        """Same keys, same values."""
        wrong = [
            (key, wanted.get(key), found.get(key)) for key in {**wanted, **found} if wanted.get(key) != found.get(key)
        ]
        self._audit.wrong_rows += self._audit.find(f"{what}: (key, wanted, found)", wrong)


def _shelves(rows: dict[int, dict[str, bytes]]) -> dict[ShelfKey, Shelf]:
    """(pool, SKU, store) → the shelf's row."""
    shelves = {}
    for of_partition in rows.values():
        for key, row in of_partition.items():
            if key.startswith("shelf/"):
                pool, rest = key.removeprefix("shelf/").split("/", 1)
                sku, store = rest.rsplit("/", 1)
                shelves[pool, sku, store] = Shelf(**decode_row(row))
    return shelves


def _held(orders: list[Fields], states: tuple[str, ...] = ("tentative", "confirmed", "picked")) -> Counter[ShelfKey]:
    """(pool, SKU, store) → what the orders keep there in one of `states`."""
    held: Counter[ShelfKey] = Counter()
    for order in orders:
        for hold in order["holds"]:
            if hold["state"] in states:
                held[order["pool"], hold["sku"], hold["store"]] += hold["quantity_milli"] - hold["sold_at_till_milli"]
    return held


def _event(record: Record) -> Fields:
    event: Fields = topic_codec(ORDERS_EVENTS.name).decode(record.value)
    return event


def _header(letter: Record, name: str) -> str:
    [value] = [value for header, value in letter.headers if header == name]
    return value.decode()


def _cause(letter: Record) -> Cause:
    return (
        _header(letter, _PREFIX + "topic"),
        int(_header(letter, _PREFIX + "partition")),
        int(_header(letter, _PREFIX + "offset")),
    )


def _is_whole(letter: Record) -> bool:
    return _header(letter, _PREFIX + "stage") == "VALUE_CONVERTER"
