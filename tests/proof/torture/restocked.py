"""The restock of the torture test: how far it has come, and whether it proposes what the journal leads to.

Nobody answers there: brokers' clocks differ, so that only the journal, which is one topic, has an order to judge by.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from messaging.journal import JournalEntry
from messaging.log_reader import read_table
from schemas.topics import POOL_JOURNAL, RESTOCK_CHANGELOG, RESTOCK_PROPOSALS
from streams.pool.journal.facts import encode_entry, fact_codec
from streams.runtime.assignment import OFFSETS_ROW
from streams.runtime.contract import InputRecord
from tests.proof.faults.auditor import Audit
from tests.proof.faults.topic_log import read_topics
from tests.proof.restock.judge import Derivation, wrong_rows

_ENTRIES_AT_ONCE = 300


def check_restock(audit: Audit, entries: Iterable[JournalEntry], bootstrap_servers: str, partitions: int) -> int:
    """What was proposed, and what is remembered, are what a process derives that nothing hit. How many proposals.

    entries: each pool's in order.
    """
    derivation, wanted = Derivation(), defaultdict[bytes, list[bytes]](list)
    for record in _pages(entries):
        for one in derivation.take([record]):
            assert one.topic == RESTOCK_PROPOSALS.name, "nobody answers, so nothing else is told"
            wanted[str(one.key).encode()].append(one.value or b"")
    told: dict[bytes, list[bytes]] = defaultdict(list)
    for record in read_topics(bootstrap_servers, [RESTOCK_PROPOSALS.name], partitions):
        told[record.key or b""].append(record.value or b"")
    compare_proposals(audit, wanted, told)
    table = read_table({"bootstrap.servers": bootstrap_servers}, RESTOCK_CHANGELOG.name)
    rows = {key.decode(): row for key, row in table.items() if key.decode() != OFFSETS_ROW}
    audit.wrong_rows += audit.find("rows of restock", wrong_rows(rows, derivation.rows))
    return sum(map(len, wanted.values()))


def compare_proposals(audit: Audit, wanted: Mapping[bytes, list[bytes]], told: Mapping[bytes, list[bytes]]) -> None:
    """The newest of each shelf stands, byte for byte; what is left of the older ones, each once and in order."""
    audit.lost += audit.find(
        "proposals that are not there", [key for key, all_ in wanted.items() if told.get(key, [b""])[-1] != all_[-1]]
    )
    audit.repeated += audit.find(
        "proposals told again, or that nothing led to",
        [key for key, some in told.items() if not _is_part(some, wanted.get(key, []))],
    )


def _is_part(some: list[bytes], whole: list[bytes]) -> bool:
    rest = iter(whole)
    return all(one in rest for one in some)


def _pages(entries: Iterable[JournalEntry]) -> Iterator[InputRecord]:
    """The pools one after another, in pages of other sizes than were written."""
    of_pools: dict[str, list[JournalEntry]] = defaultdict(list)
    for entry in entries:
        of_pools[entry.pool].append(entry)
    for pool, of_pool in sorted(of_pools.items()):
        for start in range(0, len(of_pool), _ENTRIES_AT_ONCE):
            part = of_pool[start : start + _ENTRIES_AT_ONCE]
            encoded = [
                encode_entry(one.cause.topic, one.cause.offset, one.appended_at_ms, one.fact_bytes) for one in part
            ]
            page = fact_codec().encode_page(pool, part[0].cause.partition, part[0].position, encoded)
            yield InputRecord(POOL_JOURNAL.name, part[0].cause.partition, start, 0, pool.encode(), page)
