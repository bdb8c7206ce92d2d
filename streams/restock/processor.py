"""The restock processor: journal, sales of the past and answers in; proposals, purchases and transfer requests out.

Bytes in, bytes out: what a pool's facts mean is `history`'s, what follows is `planning`'s.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any

from messaging.journal import JournalEntry, read_page
from schemas.codec import BadMessage, Codec, LaterSchema
from schemas.models.config import ConfigChange as CheckedChange
from schemas.models.restock import RestockAnswer as CheckedAnswer
from schemas.partition import partition_of
from schemas.topics import (
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_JOURNAL,
    POS_HISTORY,
    RESTOCK_ANSWERS,
    RESTOCK_CHANGELOG,
    RESTOCK_PROPOSALS,
    RESTOCK_PURCHASES,
)
from schemas.types.restock import RestockAnswer, RestockProposal
from streams.pool.journal.dead_letter_reasons import INVALID, PARKED, UNKNOWN_POOL
from streams.pool.journal.dead_letters import dead_letter
from streams.pool.journal.facts import TICK
from streams.pool.state.tables import Tables
from streams.restock.history.fold import fold
from streams.restock.history.hours import close_ms
from streams.restock.history.learning import Learner
from streams.restock.history.past import take_past_sale
from streams.restock.history.pool import PoolHistory
from streams.restock.history.tables import CACHED_ROWS_MAX, PROPOSALS, SHELVES, TABLES
from streams.restock.planning.ahead import known_ahead
from streams.restock.planning.answers import Agreed, answer
from streams.restock.planning.plan import next_slice, plan, withdrawn
from streams.runtime.contract import Batch, Gap, InputRecord, OutputRecord, Rows
from streams.runtime.offsets_row import KeepsOffsets
from streams.runtime.settings import LocalStoreBroken

log = logging.getLogger(__name__)

_STEPS = ([b"parked"], [b"gap"])
"""Kinds of settings, as their keys name them."""
_EPOCH = date(1970, 1, 1).toordinal()


class RestockProcessor(KeepsOffsets):
    """Answers: what is each store to buy, and to get from its neighbours?"""

    name = "restock"
    changelog = RESTOCK_CHANGELOG.name
    priority_inputs = (POOL_CONFIG.name,)
    """Of it only what to step over: it must be heard where the journal cannot be read on, which has the settings."""
    inputs = (POOL_JOURNAL.name, POS_HISTORY.name, RESTOCK_ANSWERS.name)
    expendable_inputs = frozenset({RESTOCK_ANSWERS.name})  # each night supersedes what was not answered

    def __init__(self) -> None:
        self.rows = Codec(self.changelog)

    def open(self, partition: int, partitions: int, rows: Rows) -> "RestockPartition":
        return RestockPartition(self, partition, partitions, rows)

    def index_entries(self, row_key: str, row: bytes) -> list[tuple[bytes, bytes]]:
        return []


class RestockPool:
    """A pool's history, forecast and proposals."""

    def __init__(self, history: PoolHistory) -> None:
        self.history = history
        self.proposals: dict[tuple[str, str], RestockProposal] = {}
        self.pledged: defaultdict[tuple[str, str], int] = defaultdict(int)
        """(Store, SKU) → thousandths that open proposals of its neighbours count on."""

    @cached_property
    def learner(self) -> Learner:
        """What is learned; made when the committed rows are loaded."""
        return Learner(self.history)

    def take_proposal(self, proposal: RestockProposal) -> None:
        """Put it in the place of the one before."""
        key = (proposal["store"], proposal["sku"])
        before = self.proposals.get(key)
        for one, sign in ((before, -1), (proposal, 1)):
            if one is not None and one["status"] == "open":
                for move in one["moves"]:
                    self.pledged[move["from_store"], one["sku"]] += sign * move["quantity_milli"]
        self.proposals[key] = proposal


class RestockPartition:
    """The pools of one partition."""

    def __init__(self, processor: RestockProcessor, partition: int, partitions: int, rows: Rows) -> None:
        self._processor = processor
        self._place = (partition, partitions)
        self._tables = Tables(TABLES, processor.rows, rows.fetch, CACHED_ROWS_MAX)
        self._codecs = {name: Codec(name) for name in (POOL_CONFIG.name, POS_HISTORY.name, RESTOCK_ANSWERS.name)}
        self._out = {topic.name: Codec(topic.name) for topic in (RESTOCK_PROPOSALS, RESTOCK_PURCHASES, ORDERS_REQUESTS)}
        self._outputs: list[OutputRecord] = []
        self.pools: dict[str, RestockPool] = {}
        self.runs: Mapping[str, Callable[[Sequence[InputRecord]], None]] = {}
        self._tables.load(rows.scan, self._pool)

    def apply(self, record: InputRecord) -> None:
        """Fold one record. Raises LaterSchema for one of a later release, and BadMessage for a journal that is none."""
        parked = self._parked(record)
        if record.topic == POOL_CONFIG.name:
            self._take_step(record)
        elif record.topic == POOL_JOURNAL.name:
            self._take_page(record, parked)
        elif parked is not None:
            self._set_aside(record, PARKED, parked)
        elif record.topic == POS_HISTORY.name:
            if record.value is not None:
                self._take_past(record)
        else:
            self._take_answer(record)

    def _pool(self, name: str) -> RestockPool:
        pool = self.pools.get(name)
        if pool is None:
            pool = self.pools[name] = RestockPool(PoolHistory(name, self._tables))
        return pool

    def _set_aside(self, record: InputRecord, reason: str, message: str) -> None:
        self._outputs.append(dead_letter(self._processor, record, reason, message, record.value))

    def _take_page(self, record: InputRecord, parked: str | None) -> None:
        """Fold the entries. Of a parked page what fails is left out, and all else counts: books go on with it."""
        try:
            for entry in read_page(record.value):
                try:
                    self._take_entry(entry)
                except LocalStoreBroken:
                    raise
                except Exception as error:
                    error.add_note(f"pool {entry.pool}, position {entry.position}, {entry.fact[0]}")
                    if parked is None:
                        raise
                    log.warning("left out, as an operator has said (%s)", parked, exc_info=error)
        except BadMessage as bad:
            if parked is None:
                raise
            log.warning("the rest of the page is left out, as an operator has said (%s): %s", parked, bad)

    def _take_entry(self, entry: JournalEntry) -> None:
        pool = self._pool(entry.pool)
        fold(pool.history, entry.position, entry.fact)
        if entry.fact[0] == TICK:
            self._tick(pool, entry.appended_at_ms)

    def _take_past(self, record: InputRecord) -> None:
        try:
            sale = self._codecs[record.topic].decode(record.value)
        except LaterSchema:
            raise
        except BadMessage as bad:
            self._set_aside(record, bad.reason, str(bad))
            return
        pool = self.pools.get(sale["pool"])
        if pool is None:
            self._set_aside(record, UNKNOWN_POOL, f"pool {sale['pool']!r} is not configured; publish it, then replay")
            return
        take_past_sale(pool.history, sale, record.appended_at_ms)

    # --- records that an operator has it step over ------------------------------------------------------

    def _take_step(self, record: InputRecord) -> None:
        """Take a setting that says what to step over; all others come by the journal, when the pool has taken them."""
        kind = (record.key or b"").split(b"/", 2)[1:2]
        if kind not in _STEPS or record.value is None:
            return
        try:
            change = self._codecs[record.topic].decode(record.value)
            CheckedChange.from_avro(change)
        except LaterSchema:
            raise
        except (BadMessage, ValueError):
            return  # the pool's workers, whose input it is, set it aside
        partition, partitions = self._place
        if partition_of(change["pool"], partitions) == partition:
            self._pool(change["pool"]).history.take_change(change)

    def _parked(self, record: InputRecord) -> str | None:
        at = (record.topic, record.partition, record.offset)
        found = (pool.history.config.parked.get(at) for pool in self.pools.values())
        return next((reason for reason in found if reason is not None), None)

    # --- runs -------------------------------------------------------------------------------------------

    def _tick(self, pool: RestockPool, appended_at_ms: int) -> None:
        """What the clock makes due: days are learned, nights are queued, and one slice is planned."""
        history = pool.history
        for store in sorted(history.config.stores):
            _queue_night(history, store)
        if not pool.learner.advance(appended_at_ms) or not history.row["queue"]:
            return
        runs = next_slice(history, history.row["queue"])
        history.row["queue"] = history.row["queue"][len(runs) :]
        history.keep_row()
        if not history.by_number:
            return
        stores = {run["store"] for run in runs}
        pledged = dict(pool.pledged)
        for (store, sku), proposal in pool.proposals.items():
            if store in stores and proposal["status"] == "open":  # they are superseded now
                for move in proposal["moves"]:
                    pledged[move["from_store"], sku] -= move["quantity_milli"]
        planned = plan(history, known_ahead(history, *pool.learner.outlook()), runs, pledged)
        for shelf in planned.shelves:
            if shelf.row["floor_milli"] != shelf.lead_milli:
                shelf.row["floor_milli"] = shelf.lead_milli
                self._tables[SHELVES].put((history.pool, shelf.store, shelf.sku), shelf.row)
        proposed = {(one["store"], one["sku"]) for one in planned.proposals}
        for key, known in sorted(pool.proposals.items()):
            if key[0] in stores and key not in proposed and known["status"] == "open":
                self._publish(pool, withdrawn(known, history.row["clock_ms"]))
        for proposal in planned.proposals:
            before = pool.proposals.get((proposal["store"], proposal["sku"]))
            self._publish(pool, {**proposal, "version": 1 if before is None else before["version"] + 1})

    def _publish(self, pool: RestockPool, proposal: RestockProposal) -> None:
        pool.take_proposal(proposal)
        self._tables[PROPOSALS].put((proposal["pool"], proposal["store"], proposal["sku"]), proposal)
        self._send(RESTOCK_PROPOSALS.name, _key(proposal), proposal)

    def _send(self, topic: str, key: str, value: Any) -> None:
        self._outputs.append(OutputRecord(topic, key, self._out[topic].encode(value)))

    # --- answers ----------------------------------------------------------------------------------------

    def _take_answer(self, record: InputRecord) -> None:
        try:
            said = self._codecs[record.topic].decode(record.value)
            agreed = self._answer(said, record.appended_at_ms)
        except LaterSchema:
            raise
        except BadMessage as bad:
            self._set_aside(record, bad.reason, str(bad))
            return
        if agreed is None:
            return
        pool = self.pools[said["pool"]]
        self._publish(pool, agreed.proposal)
        if agreed.purchase is not None:
            self._send(RESTOCK_PURCHASES.name, _key(agreed.proposal), agreed.purchase)
            shelf = pool.history.shelves[said["store"], said["sku"]]
            expected = date.fromisoformat(agreed.purchase["arrives_on"]).toordinal() - _EPOCH
            shelf["ordered"].append({"day": expected, "quantity_milli": agreed.purchase["quantity_milli"]})
            self._tables[SHELVES].put((said["pool"], said["store"], said["sku"]), shelf)
        for request in agreed.transfers:
            self._send(ORDERS_REQUESTS.name, said["pool"], request)

    def _answer(self, said: RestockAnswer, appended_at_ms: int) -> Agreed | None:
        try:
            CheckedAnswer.model_validate(said)
        except ValueError as error:
            raise BadMessage(INVALID, str(error)) from error
        pool = self.pools.get(said["pool"])
        proposal = None if pool is None else pool.proposals.get((said["store"], said["sku"]))
        item = None if pool is None else pool.history.config.items.get(said["sku"])
        return answer(proposal, item, said, appended_at_ms)

    # --- the runtime's contract -------------------------------------------------------------------------

    def is_parked(self, record: InputRecord) -> bool:
        return self._parked(record) is not None

    def is_gap_accepted(self, gap: Gap) -> bool:
        return any(gap in pool.history.config.accepted_gaps for pool in self.pools.values())

    def changed_rows(self) -> int:
        return self._tables.changed_rows()

    def close_batch(self) -> Batch:
        outputs, self._outputs = self._outputs, []
        return Batch(outputs, list(self._tables.drain()))

    def committed(self) -> None:
        self._tables.committed()

    def closed(self) -> None:
        """Nothing is shown of single partitions."""

    def look_up(self, query: Mapping[str, str]) -> Any:
        """`pool`: how far it is. Raises KeyError for an unknown one."""
        row = self.pools[query["pool"]].history.row
        return {name: row[name] for name in ("pool", "position", "clock_ms", "learned_day")} | {
            "queued": [run["store"] for run in row["queue"]]
        }


def _queue_night(history: PoolHistory, store: str) -> None:
    """Have the store planned once it has closed; the first night after it came is the first that is planned."""
    settings, planned = history.config.stores[store], history.row["planned_days"]
    if not history.is_open(store):
        return
    today = history.today(store)
    for day in (today, today - 1):
        closes_ms = close_ms(settings, history.zone(), day)
        if closes_ms is not None and history.row["clock_ms"] >= closes_ms:
            known = planned.get(store)
            if known is None or known < day:
                planned[store] = day
                if known is not None:
                    history.queue(store, day, "nightly")
            return


def _key(proposal: RestockProposal) -> str:
    return f"{proposal['pool']}/{proposal['store']}/{proposal['sku']}"
