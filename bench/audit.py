"""Was every line applied, once? What a worker wrote is read back and checked against sums over the input."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.cluster import Cluster
from bench.errors import BenchError
from messaging.journal import JournalEntry, read_page
from messaging.log_reader import put
from schemas.codec import topic_codec
from schemas.topics import POOL_AVAILABILITY, POOL_CHANGELOG, POOL_JOURNAL, POS_SALES, POS_STOCK, dead_letter_topic
from schemas.types.journal import Fact
from streams.pool.state.shelf import Shelf
from world.uniform import OPENING_UNITS, UNIT_MILLI, Published, UniformPools, code, sku, store_id

ShelfName = tuple[str, str]
"""(store, SKU)"""


def _row(raw: bytes) -> Any:
    """The row of a changelog value."""
    return topic_codec(POOL_CHANGELOG.name).decode(raw)["row"][1]


@dataclass
class Expected:
    """The result that an input must have: lines by sale, and the stock of each shelf."""

    lines_of: dict[str, int]
    """Sale id → its lines."""
    on_hand_milli: dict[ShelfName, int]

    @property
    def lines(self) -> int:
        return sum(self.lines_of.values())


def expect(world: UniformPools, sales: Iterable[Published]) -> Expected:
    """Sums over sales that follow the opening stock."""
    decode = topic_codec(POS_SALES.name).decode
    names = {code(n): sku(n) for n in range(world.items)}
    lines_of: dict[str, int] = {}
    sold: Counter[tuple[str, str]] = Counter()
    for _, _, value in sales:
        event = decode(value)
        lines_of[event["id"]] = len(event["lines"])
        for line in event["lines"]:
            sold[event["store"], names[line["code"]]] += line["quantity_milli"]
    opening = OPENING_UNITS * UNIT_MILLI
    shelves = ((store_id(store), sku(item)) for store in range(world.stores) for item in range(world.items))
    return Expected(lines_of, {shelf: opening - sold[shelf] for shelf in shelves})


def numbered_entries(cluster: Cluster, topic: str, problems: list[str]) -> Iterator[JournalEntry]:
    """A journal's entries to its end; `problems` gets each that has not the number that is due in its pool."""
    next_position: dict[str, int] = {}
    for message in cluster.read(topic):
        for entry in read_page(message.value()):
            due = next_position.get(entry.pool, 1)
            if entry.position != due:
                problems.append(f"the journal of {entry.pool} has entry {entry.position} where {due} was due")
            next_position[entry.pool] = entry.position + 1
            yield entry


def check_journal(cluster: Cluster, topic: str, expected: Expected) -> list[str]:
    """Read a journal to its end: every sale must be there once, whole, and numbered without a gap in its pool."""
    problems: list[str] = []
    missing = dict(expected.lines_of)
    for entry in numbered_entries(cluster, topic, problems):
        _check_entry(entry.fact, missing, problems)
    if missing:
        problems.append(f"{len(missing)} sales are not in the journal, {next(iter(missing))} for one")
    return problems


def _check_entry(fact: Fact, missing: dict[str, int], problems: list[str]) -> None:
    """A sale is then no longer missing; other facts are none of the tills'."""
    if fact[0] != "commonshelf.SaleRecorded":
        return
    fields = fact[1]
    sale_id = fields["event"]["id"]
    taken = [line["line"] for line in fields["applied"]]
    if missing.pop(sale_id, None) is None:
        problems.append(f"sale {sale_id} is in the journal twice")
    if taken != list(range(len(fields["event"]["lines"]))) or fields["reversed"]:
        problems.append(f"sale {sale_id} was not taken whole: lines {taken}")


def audit(cluster: Cluster, expected: Expected) -> None:
    """Check all that our worker wrote. Raises BenchError for anything lost or repeated."""
    problems = check_journal(cluster, POOL_JOURNAL.name, expected)
    told = last_values(cluster, POOL_AVAILABILITY.name)
    decode = topic_codec(POOL_AVAILABILITY.name).decode
    rows = (decode(value) for value in told.values())
    problems += differences(
        "availability", expected.on_hand_milli, {(row["store"], row["sku"]): row["on_hand_milli"] for row in rows}
    )
    problems += _check_changelog(_texts(last_values(cluster, POOL_CHANGELOG.name)), expected)
    for topic in (POS_SALES.name, POS_STOCK.name):
        dead = cluster.written(dead_letter_topic(topic))
        if dead:
            problems.append(f"{dead} records in {dead_letter_topic(topic)}")
    fail_on("the audit", problems)


def fail_on(what: str, problems: Sequence[str]) -> None:
    """Raises BenchError when there are any."""
    if problems:
        raise BenchError(f"{what} failed, {len(problems)} findings: {'; '.join(problems[:5])}")


def _check_changelog(rows: dict[str, bytes], expected: Expected) -> Sequence[str]:
    shelves: dict[ShelfName, int] = {}
    for key, raw in rows.items():
        if key.startswith("shelf/"):
            _, _, item, store = key.split("/")
            shelves[store, item] = Shelf(**_row(raw)).on_hand_milli
    applied = sum(_row(raw)["lines_applied"] for key, raw in rows.items() if key.startswith("pool/"))
    wanted = expected.lines + len(expected.on_hand_milli)
    problems = differences("changelog", expected.on_hand_milli, shelves)
    return problems if applied == wanted else [*problems, f"{applied} lines applied instead of {wanted}"]


def last_values(cluster: Cluster, topic: str) -> dict[bytes, bytes]:
    """A compacted topic as a table."""
    table: dict[bytes, bytes] = {}
    for message in cluster.read(topic):
        put(table, message)
    return table


def _texts(table: dict[bytes, bytes]) -> dict[str, bytes]:
    return {key.decode(): value for key, value in table.items()}


def differences(where: str, wanted: dict[ShelfName, int], found: dict[ShelfName, int]) -> list[str]:
    wrong = [shelf for shelf in wanted.keys() | found.keys() if wanted.get(shelf) != found.get(shelf)]
    if not wrong:
        return []
    one = min(wrong)
    return [f"{len(wrong)} shelves differ in the {where}: {one} has {found.get(one)}, not {wanted.get(one)}"]
