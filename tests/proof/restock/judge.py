"""What must hold of what restock told, by its inputs alone: derived once more, and by rules worked out another way.

The second derivation has one record in each batch and is never stopped, so it gives the same bytes only if no kill, no
restart and no batch of the first left a trace. The rules take on hand from the pools' own fold of the journal, and work
out what each answer must lead to.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from messaging.journal import JournalEntry, read_page
from schemas.codec import BadMessage, topic_codec
from schemas.models.restock import RestockAnswer
from schemas.topics import (
    ORDERS_REQUESTS,
    POOL_JOURNAL,
    RESTOCK_ANSWERS,
    RESTOCK_CHANGELOG,
    RESTOCK_PROPOSALS,
    RESTOCK_PURCHASES,
    dead_letter_topic,
)
from streams.pool.journal.facts import TICK, encode_entry, fact_codec
from streams.pool.processor import PoolProcessor
from streams.pool.state.pool_state import PoolState
from streams.restock.history.tables import POOLS
from streams.restock.processor import RestockProcessor
from streams.runtime.contract import InputRecord, OutputRecord, Rows
from tests.proof.faults.replay import NoIndex

Fields = dict[str, Any]
_SHOWN = 5


class Derivation:
    """A partition of restock that nothing ever stops, and the rows that it has committed."""

    def __init__(self, partition: int = 0, partitions: int = 1) -> None:
        self.rows: dict[str, bytes] = {}
        self._partition = RestockProcessor().open(
            partition, partitions, Rows(self.rows.get, self._scan, lambda _: None)
        )

    def _scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        return iter(sorted(item for item in self.rows.items() if item[0].startswith(prefix) and item[0] > after))

    def take(self, records: Iterable[InputRecord]) -> list[OutputRecord]:
        """The outputs of a batch."""
        for record in records:
            self._partition.apply(record)
        batch = self._partition.close_batch()
        for key, row in batch.rows:
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        self._partition.committed()
        return batch.outputs


def problems_of(records: Sequence[InputRecord], told: Sequence[OutputRecord], rows: dict[str, bytes]) -> list[str]:
    """Sentences about what is wrong. records: inputs of one partition in the order in which they were folded."""
    derivation, oracle, again = Derivation(), RestockOracle(), list[OutputRecord]()
    for record in _one_entry_each(records):
        outputs = derivation.take([record])
        again += outputs
        if record.topic == POOL_JOURNAL.name:
            for entry in read_page(record.value):
                oracle.take(entry, outputs)
        else:
            oracle.answer(record, outputs)
    problems = oracle.problems[:_SHOWN]
    if len(told) != len(again):
        problems.append(f"{len(told)} records were told, and {len(again)} follow from the inputs")
    differing = [pair for pair in zip(told, again, strict=False) if pair[0] != pair[1]]
    problems += [f"told: {one}; follows from the inputs: {other}" for one, other in differing[:_SHOWN]]
    return problems + [
        f"row {key} is not what the inputs make of it" for key in wrong_rows(rows, derivation.rows)[:_SHOWN]
    ]


def wrong_rows(rows: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> list[str]:
    """Keys of rows that differ, but for how far the journal was read when a pool's own row was written last."""
    return [key for key in sorted(rows.keys() | wanted.keys()) if _settled(key, rows) != _settled(key, wanted)]


def _settled(key: str, rows: Mapping[str, bytes]) -> object:
    row = rows.get(key)
    if row is None or not key.startswith(f"{POOLS.prefix}/"):
        return row
    return {**topic_codec(RESTOCK_CHANGELOG.name).decode(row)["row"][1], "position": 0}


def _one_entry_each(records: Iterable[InputRecord]) -> Iterator[InputRecord]:
    """The records, journal pages cut into pages of one entry."""
    for record in records:
        if record.topic != POOL_JOURNAL.name:
            yield record
            continue
        for entry in read_page(record.value):
            encoded = encode_entry(entry.cause.topic, entry.cause.offset, entry.appended_at_ms, entry.fact_bytes)
            page = fact_codec().encode_page(entry.pool, entry.cause.partition, entry.position, [encoded])
            yield record._replace(value=page)


class RestockOracle:
    """The rules, record by record; what breaks one is among the problems."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._processor = PoolProcessor()
        self._tables = self._processor.tables(Rows({}.get, lambda _: iter(()), lambda _: None))
        self._pools: dict[str, PoolState] = {}
        self._proposals: dict[tuple[str, str, str], Fields] = {}
        self._asked: set[str] = set()
        """Names of transfers."""

    def _require(self, holds: bool, what: str, *about: object) -> None:
        if not holds:
            self.problems.append(f"{what}: {', '.join(map(str, about))}")

    # --- what the journal leads to ----------------------------------------------------------------------

    def take(self, entry: JournalEntry, outputs: Sequence[OutputRecord]) -> None:
        """The next entry, and what was told at it."""
        pool = self._pools.setdefault(entry.pool, PoolState(entry.pool, self._tables, NoIndex()))
        self._processor.aggregates.fold(pool, entry.fact, entry.fact_bytes, entry.appended_at_ms)
        pool.agenda.clear()
        self._require(not outputs or entry.fact[0] == TICK, "something is told at an entry that is no tick", outputs)
        told = _decoded(outputs, RESTOCK_PROPOSALS.name)
        self._require(len(told) == len(outputs), "something else than proposals is told at a tick", outputs)
        for proposal in told:
            self._check_proposal(pool, proposal)
        self._check_run(pool, told)

    def _check_proposal(self, pool: PoolState, found: Fields) -> None:
        key = (found["pool"], found["store"], found["sku"])
        before = self._proposals.get(key)
        version = 1 if before is None else before["version"] + 1
        self._require(found["version"] == version, "versions do not count up", key, found["version"], version)
        self._require(found["planned_at_ms"] == pool.row["clock_ms"], "told at another time", key)
        self._proposals[key] = found
        if found["status"] != "open":
            was_open = before is not None and before["status"] == "open"
            self._require(found["status"] == "withdrawn" and was_open, "a status that no run gives", key)
            return
        shelf, item = pool.shelf(found["sku"], found["store"]), pool.config.items[found["sku"]]
        on_hand = 0 if shelf is None else shelf.on_hand_milli
        self._require(found["on_hand_milli"] == on_hand, "books", key, found["on_hand_milli"], on_hand)
        packs, units = found["packs"], max(item["pack_milli"], 1_000 if item["unit"] == "each" else 100)
        self._require(found["buy_milli"] == packs * found["pack_milli"], "no whole packs", key)
        cost = packs * (item["cost_minor"] or 0) * units // 1_000
        self._require(abs(found["buy_cost_minor"] - cost) <= packs, "cost", key, found["buy_cost_minor"], cost)
        self._require(bool(packs or found["moves"]), "proposes nothing", key)
        amounts = [found[name] for name in ("p50_milli", "p80_milli", "p90_milli", "p95_milli")]
        self._require(amounts == sorted(amounts), "quantiles", key, amounts)

    def _check_run(self, pool: PoolState, told: Sequence[Fields]) -> None:
        """Of stores of which anything was told nothing older stands; each keeps to its budget; none gives twice."""
        spent: Counter[str] = Counter()
        for one in told:
            spent[one["store"]] += one["buy_cost_minor"]
        budget = pool.config.pool["restock"]["budget_minor"]
        self._require(all(minor <= budget for minor in spent.values()), "beyond the budget", spent, budget)
        pledged: Counter[tuple[str, str]] = Counter()
        for (name, store, sku), one in self._proposals.items():
            if name != pool.pool or one["status"] != "open":
                continue
            is_old = store in spent and one["planned_at_ms"] < pool.row["clock_ms"]
            self._require(not is_old, "stands beside what superseded it", store, sku, one["version"])
            for move in one["moves"]:
                pledged[move["from_store"], sku] += move["quantity_milli"]
        for one in told:
            for move in one["moves"]:
                shelf = pool.shelf(one["sku"], move["from_store"])
                there = 0 if shelf is None else shelf.on_hand_milli
                milli = pledged[move["from_store"], one["sku"]]
                self._require(milli <= there, "neighbours count on more than is there", one["sku"], move, milli, there)

    # --- answers ----------------------------------------------------------------------------------------

    def answer(self, record: InputRecord, outputs: Sequence[OutputRecord]) -> None:
        """The next answer, and what was told at it."""
        reason, said = self._refusal(record)
        letters = [one for one in outputs if one.topic == dead_letter_topic(RESTOCK_ANSWERS.name)]
        if reason is not None:
            names = [dict(one.headers or []).get("commonshelf.reason") for one in letters]
            self._require(names == [reason.encode()] and len(outputs) == 1, "set aside", said, reason, names)
            return
        key = (said["pool"], said["store"], said["sku"])
        before = self._proposals[key]
        if before["status"] != "open":
            self._require(not outputs, "an answer counts twice", key, said["version"])
            return
        self._require(not letters, "an answer that is good was set aside", said, letters)
        bought = _bought_milli(before, said)
        moves = before["moves"] if said["with_moves"] and said["kind"] != "refused" else []
        told = _decoded(outputs, RESTOCK_PROPOSALS.name)
        wanted = [(before["version"], said["kind"], bought)]
        found = [(one["version"], one["status"], one["agreed_milli"]) for one in told]
        self._require(found == wanted, "what was agreed", key, found, wanted)
        purchases = [one["quantity_milli"] for one in _decoded(outputs, RESTOCK_PURCHASES.name)]
        self._require(purchases == ([bought] if bought else []), "what is ordered", key, purchases, bought)
        requests = _decoded(outputs, ORDERS_REQUESTS.name)
        ways = [(move["from_store"], said["store"], said["sku"], move["quantity_milli"]) for move in moves]
        self._require([_way(one) for one in requests] == ways, "what neighbours are asked", key, requests, ways)
        names = [one["order"] for one in requests]
        self._require(not self._asked.intersection(names) and len(set(names)) == len(names), "asked twice", names)
        self._asked.update(names)
        for one in told:
            self._proposals[key] = one

    def _refusal(self, record: InputRecord) -> tuple[str | None, Fields]:
        """Why the answer must be set aside; None if it counts, or was heard before."""
        try:
            said: Fields = topic_codec(RESTOCK_ANSWERS.name).decode(record.value)
        except BadMessage as bad:
            return bad.reason, {}
        try:
            RestockAnswer.model_validate(said)
        except ValueError:
            return "invalid", said
        known = self._proposals.get((said["pool"], said["store"], said["sku"]))
        if known is None or said["version"] > known["version"]:
            return "unknown_proposal", said
        if said["version"] < known["version"] or known["status"] == "withdrawn":
            return "superseded", said
        bought = _bought_milli(known, said)
        if known["status"] != "open":
            asked = {move["transfer"] is not None for move in known["moves"]}
            wants = {said["with_moves"] and said["kind"] != "refused"} if asked else asked
            is_same = (known["status"], known["agreed_milli"], asked) == (said["kind"], bought, wants)
            return None if is_same else "answered", said
        return ("bad_quantity" if bought % known["pack_milli"] else None), said


def _bought_milli(proposal: Fields, said: Fields) -> int:
    by_kind = {"approved": proposal["buy_milli"], "changed": said["buy_milli"], "refused": 0}
    return int(by_kind[said["kind"]])


def _way(request: Fields) -> tuple[str, str, str, int]:
    transfer = request["transfer"]
    (line,) = transfer["lines"]
    return transfer["from_store"], transfer["to_store"], line["sku"], line["quantity_milli"]


def _decoded(outputs: Iterable[OutputRecord], topic: str) -> list[Fields]:
    return [topic_codec(topic).decode(one.value) for one in outputs if one.topic == topic]
