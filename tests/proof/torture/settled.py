"""The settlement of the torture test: what the pools agreed on, how far it has come, whether each cent is right.

The tortured pools' fund bears whatever a count finds missing; in the contested pools goods of orders cross stores, and
a window lasts a minute.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from messaging.journal import JournalEntry
from messaging.log_reader import read_table
from schemas.codec import topic_codec
from schemas.models.agreement import Agreement
from schemas.models.config import ConfigChange
from schemas.topics import SETTLEMENT_POSTINGS, SETTLEMENT_PUBLISHED
from schemas.types.settlement import LedgerTransaction
from streams.settlement.store.database import sqlite_engine
from streams.settlement.store.messages import transaction_message
from tests.proof.faults.auditor import Audit
from tests.proof.faults.topic_log import read_topics
from tests.proof.settlement.judge import DAY_MS, problems_of
from tests.support.settlement_store import stored

MINUTE_MS = 60_000
_EVERYWHERE = {"version": 1, "effective_from_ms": 1, "currency": "EUR", "tax": "added"}
_BY_THE_FUND = {
    "ownership": "owner", "shrink": {"bearer": "fund", "covers": "all"}, "window": {"every": "daily"},
}  # fmt: skip
_ACROSS_STORES = {
    "transfer_price": {"kind": "cost_plus", "permille": 95}, "handling_fee_minor": 7, "pickup_fee_minor": 3,
    "no_show_fee_minor": 11, "window": {"every": "minutes", "minutes": 1},
}  # fmt: skip


def agreements(pools: Iterable[str], contested: Iterable[str], now_ms: int) -> Iterator[ConfigChange]:
    """What the members of each pool tell before anything happens."""
    for names, terms in ((pools, _BY_THE_FUND), (contested, _ACROSS_STORES)):
        for pool in names:
            agreed = Agreement.model_validate(_EVERYWHERE | terms)
            yield ConfigChange(pool=pool, recorded_at_ms=now_ms, origin="members", change=agreed)


class SettledDatabase:
    """The file that the settlement process keeps, read beside it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def positions(self) -> dict[int, int]:
        """Partition → offset of the journal's next record; empty before there is a database."""
        return dict(self._read("sink_positions", "SELECT partition, next_offset FROM sink_positions"))

    def heads(self) -> dict[str, int]:
        """Pool → journal position that is posted."""
        return dict(self._read("settlement_heads", "SELECT pool, position FROM settlement_heads"))

    def unpublished(self, bootstrap_servers: str) -> list[str]:
        """Pools of which other services were not told all."""
        decode = topic_codec(SETTLEMENT_PUBLISHED.name).decode
        table = read_table({"bootstrap.servers": bootstrap_servers}, SETTLEMENT_PUBLISHED.name)
        told = {key.decode(): decode(value) for key, value in table.items()}
        posted = self._read(
            "settlement_transactions",
            "SELECT pool, max(posted_position) FROM settlement_transactions GROUP BY pool",
        )
        closed = self._read("settlement_windows", "SELECT pool, max(end_ms) FROM settlement_windows GROUP BY pool")
        late = {pool for pool, position in posted if told.get(pool, {}).get("posted_position", 0) < position}
        late |= {pool for pool, end_ms in closed if told.get(pool, {}).get("windows_until_ms", 0) < end_ms}
        return sorted(late)

    def _read(self, table: str, query: str) -> list[tuple[str, int]]:
        if not self.file.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30)) as database:
            known = database.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            return list(database.execute(query)) if known[0] else []


def check_settlement(
    audit: Audit, entries: Iterable[JournalEntry], file: Path, bootstrap_servers: str, partitions: int,
    contested: Sequence[str],
) -> int:  # fmt: skip
    """Postings, in the database and on their topic, are those of an independent fold of the journal. Their number."""
    of_pools: dict[str, list[JournalEntry]] = defaultdict(list)
    for entry in entries:
        of_pools[entry.pool].append(entry)
    told = _told(bootstrap_servers, partitions)
    engine, posted = sqlite_engine(file), 0
    try:
        for pool, of_pool in sorted(of_pools.items()):
            found = stored(engine, pool)
            window_ms = MINUTE_MS if pool in contested else DAY_MS
            problems = problems_of(of_pool, found["transactions"], found["closed"], window_ms)
            audit.wrong_rows += audit.find(f"settlement of {pool}", problems)
            audit.find(f"unpriced facts of {pool}, where all has a price", found["unpriced"])
            wanted = [transaction_message(one) for one in found["transactions"]]
            _compare(audit, pool, wanted, told.pop(pool, []))
            posted += len(wanted)
    finally:
        engine.dispose()
    audit.find("pools of which only settlement knows", told)
    return posted


def _told(bootstrap_servers: str, partitions: int) -> dict[str, list[LedgerTransaction]]:
    decode = topic_codec(SETTLEMENT_POSTINGS.name).decode
    told: dict[str, list[LedgerTransaction]] = defaultdict(list)
    for record in read_topics(bootstrap_servers, [SETTLEMENT_POSTINGS.name], partitions):
        told[(record.key or b"").decode()].append(decode(record.value))
    return told


def _compare(audit: Audit, pool: str, wanted: list[LedgerTransaction], told: list[LedgerTransaction]) -> None:
    """Each once, in order, as the database has it."""
    name = "transactions of " + pool
    wants, tells = Counter(map(_name, wanted)), Counter(map(_name, told))
    audit.lost += audit.find(f"{name} that nobody was told of", (wants - tells).elements())
    audit.repeated += audit.find(f"{name} that others were told of again, or that were not posted", tells - wants)
    differing = [pair for pair in zip(wanted, told, strict=False) if pair[0] != pair[1]]
    audit.wrong_rows += audit.find(f"{name}, otherwise on the topic than in the database", differing)


def _name(one: LedgerTransaction) -> tuple[int, int]:
    return one["posted_position"], one["sequence"]
