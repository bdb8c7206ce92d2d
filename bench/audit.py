"""Was every line applied, once? What a worker wrote is read back and checked against sums over the input."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.cluster import Cluster
from bench.errors import BenchError
from bench.figures import Mark
from bench.world import OPENING_UNITS, POOL, UNIT_MILLI, World, code, sku, store_id
from schemas.codec import topic_codec
from schemas.topics import POOL_AVAILABILITY, POOL_CHANGELOG, POOL_JOURNAL, POS_SALES, POS_STOCK, dead_letter_topic
from streams.pool.facts import SALE_TAKEN
from streams.pool.shelf import Shelf
from streams.pool.state import decode_row

ShelfName = tuple[str, str]
"""(store, SKU)"""


@dataclass
class Expected:
    """What must have become of an input: lines by sale, and the stock of each shelf."""

    lines_of: dict[str, int]
    """Sale id → its lines."""
    on_hand_milli: dict[ShelfName, int]

    @property
    def lines(self) -> int:
        return sum(self.lines_of.values())


def expect(world: World, sales: Iterable[bytes]) -> Expected:
    """Sums over encoded sales that follow the opening stock."""
    decode = topic_codec(POS_SALES.name).decode
    names = {code(n): sku(n) for n in range(world.items)}
    lines_of: dict[str, int] = {}
    sold: Counter[tuple[str, str]] = Counter()
    for value in sales:
        event = decode(value)
        lines_of[event["id"]] = len(event["lines"])
        for line in event["lines"]:
            sold[event["store"], names[line["code"]]] += line["quantity_milli"]
    opening = OPENING_UNITS * UNIT_MILLI
    shelves = ((store_id(store), sku(item)) for store in range(world.stores) for item in range(world.items))
    return Expected(lines_of, {shelf: opening - sold[shelf] for shelf in shelves})


@dataclass
class JournalRead:
    """What the journal says, and how it was written."""

    marks: list[Mark] = field(default_factory=list)
    """The worker's transactions that hold sales, by the broker's append time of their last page."""
    problems: list[str] = field(default_factory=list)


def read_journal(cluster: Cluster, expected: Expected) -> JournalRead:
    """Read the journal to its end: every sale must be there once, whole, and numbered without a gap."""
    found = JournalRead()
    missing = dict(expected.lines_of)
    decode = topic_codec(POOL_JOURNAL.name).decode
    next_number, next_offset = 1, -1
    for message in cluster.read(POOL_JOURNAL.name):
        page = decode(message.value())
        if page["first_number"] != next_number:
            found.problems.append(f"the journal has entry {page['first_number']} where {next_number} was due")
        next_number = page["first_number"] + len(page["entries"])
        lines = sum(_count_lines(entry["fact"], missing, found.problems) for entry in page["entries"])
        at_s = message.timestamp()[1] / 1000
        if found.marks and message.offset() == next_offset:
            found.marks[-1] = Mark(at_s, found.marks[-1].lines + lines)
        elif lines:  # the marker of a committed transaction takes an offset: after it, a batch begins
            found.marks.append(Mark(at_s, lines))
        next_offset = message.offset() + 1
    if missing:
        found.problems.append(f"{len(missing)} sales are not in the journal, {next(iter(missing))} for one")
    return found


def _count_lines(fact: tuple[str, dict[str, Any]], missing: dict[str, int], problems: list[str]) -> int:
    """Lines of a sale, which is then no longer missing; 0 for other facts."""
    kind, fields = fact
    if kind != SALE_TAKEN:
        return 0
    sale_id = fields["event"]["id"]
    taken = [line["line"] for line in fields["taken"]]
    if missing.pop(sale_id, None) is None:
        problems.append(f"sale {sale_id} is in the journal twice")
    if taken != list(range(len(fields["event"]["lines"]))) or fields["reversed"]:
        problems.append(f"sale {sale_id} was not taken whole: lines {taken}")
    return len(taken)


def audit(cluster: Cluster, expected: Expected) -> list[Mark]:
    """Check all that was written, and return the journal's marks. Raises BenchError for anything lost or repeated."""
    journal = read_journal(cluster, expected)
    problems = journal.problems
    told = _last_values(cluster, POOL_AVAILABILITY.name)
    decode = topic_codec(POOL_AVAILABILITY.name).decode
    rows = (decode(value) for value in told.values())
    problems += _differences(
        "availability", expected.on_hand_milli, {(row["store"], row["sku"]): row["on_hand_milli"] for row in rows}
    )
    problems += _check_changelog(_last_values(cluster, POOL_CHANGELOG.name), expected)
    for topic in (POS_SALES.name, POS_STOCK.name):
        _, dead = cluster.watermarks(dead_letter_topic(topic))
        if dead:
            problems.append(f"{dead} records in {dead_letter_topic(topic)}")
    if problems:
        raise BenchError(f"the audit failed, {len(problems)} findings: {'; '.join(problems[:5])}")
    return journal.marks


def _check_changelog(rows: dict[str, bytes], expected: Expected) -> Sequence[str]:
    shelves: dict[ShelfName, int] = {}
    for key, raw in rows.items():
        if key.startswith("shelf/"):
            _, _, item, store = key.split("/")
            shelves[store, item] = Shelf(**decode_row(raw)).on_hand_milli
    applied = decode_row(rows[f"pool/{POOL}"])["lines_applied"]
    wanted = expected.lines + len(expected.on_hand_milli)
    problems = _differences("changelog", expected.on_hand_milli, shelves)
    return problems if applied == wanted else [*problems, f"{applied} lines applied instead of {wanted}"]


def _last_values(cluster: Cluster, topic: str) -> dict[str, bytes]:
    """A compacted topic as a table."""
    table: dict[str, bytes] = {}
    for message in cluster.read(topic):
        key = message.key().decode()
        if message.value() is None:
            table.pop(key, None)
        else:
            table[key] = message.value()
    return table


def _differences(where: str, wanted: dict[ShelfName, int], found: dict[ShelfName, int]) -> list[str]:
    wrong = [shelf for shelf in wanted.keys() | found.keys() if wanted.get(shelf) != found.get(shelf)]
    if not wrong:
        return []
    one = min(wrong)
    return [f"{len(wrong)} shelves differ in the {where}: {one} has {found.get(one)}, not {wanted.get(one)}"]
