"""The columnar lane: many plain sales at once. Their fields are columns, their lines are grouped by shelf, and each
shelf is moved once. Whatever is not plain, or not for certain, is left to the ordinary lane, record by record.

A run is taken from its front: so many sales as are plain in the state that those before them leave, or only repeat what
is known. What it writes is what the ordinary lane writes, byte for byte; a property test holds the two equal.
`docs/columnar-lane.md` explains it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from schemas.models.base import QUANTITY_MAX_MILLI
from schemas.plain_sale import UNITS
from schemas.plain_sale_columns import Flags, Longs
from streams.pool.journal.facts import (
    encode_applied,
    encode_entry,
    encode_one_line_sale,
    encode_plain_sale,
    encode_repeated_sale,
    tells_again,
)
from streams.pool.orders.hand_overs import HAND_OVERS
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import BLOCK_BYTES, MOVEMENT, Shelf, ShelfKey
from streams.pool.state.shelf_writes import seal_block
from streams.pool.stock.sales_run import SalesRun, first_set
from streams.runtime.contract import InputRecord

RUN_MIN = 64
"""Sales that are worth a look by columns."""
_WORTH = 64
"""Sales that must be taken at a time, in the mean of some, for columns to save time."""
_MEAN_OF, _MEAN_MAX = 8, 1_024
"""How many of the last times weigh in that mean, and as how many sales one of them counts at most."""
_PAUSE_MAX = 1_024
"""Records that go the ordinary way at most before columns are tried again."""
_REST = 16_384
"""Records that are not even read by columns after these were tried in vain for long."""
_REACH_MAX = 1 << 20
_MOVEMENTS = np.dtype([("occurred_ms", "<i8"), ("delta_milli", "<i4")])
"""As shelf.MOVEMENT."""


class Taken(NamedTuple):
    """The sales that were taken from the front of a run."""

    records: int
    entries: dict[str, list[bytes]]
    """Pool → its new journal entries."""
    duplicates: Counter[tuple[str, str, str]]
    """(pool, store, system) → lines that were known."""


_NOTHING = Taken(0, {}, Counter())


class _Shelves(NamedTuple):
    """The shelves that lines name."""

    states: list[PoolState]
    keys: list[ShelfKey]
    shelves: list[Shelf]
    of: Longs
    """Line → its shelf; below zero for a line that cannot be plain, or moves nothing."""


class _Groups(NamedTuple):
    """Lines by shelf, in their order: each shelf's lie at `starts` up to `ends` in `order`."""

    order: Longs
    starts: Longs
    ends: Longs
    changed_milli: Longs


class _Told(NamedTuple):
    """Facts of records for the journal."""

    facts: list[bytes]
    are_repeats: Flags
    """Record → whether it tells a known event again, and nothing new."""


class ColumnarLane:
    """Takes plain sales from the front of runs. `pools` are the partition's, by name."""

    def __init__(self, pools: Mapping[str, PoolState]) -> None:
        self._pools = pools
        self._reach = _REACH_MAX
        """How many records to look at. What was looked at beyond the first that is not plain was in vain."""
        self._mean = float(_MEAN_MAX)
        """Of the sales that were taken at a time, of late."""
        self._pause = RUN_MIN
        self._rest = 0

    def take(self, run: SalesRun, at: int) -> Taken:
        """Decide and fold the sales from `at` on, up to the first that is not plain for certain."""
        behind = min(at + self._reach, len(run.records))
        taken = self._take(run, at, behind)
        self._reach = min(4 * self._reach, _REACH_MAX) if at + taken.records == behind else 2 * taken.records + RUN_MIN
        return taken

    def is_worth_it(self, records: Sequence[InputRecord]) -> bool:
        """Are there so many that columns save time, and did they of late?"""
        if self._rest > 0:
            self._rest -= len(records)
            return False
        return len(records) >= RUN_MIN

    def pause(self, taken: int) -> int:
        """How many records go the ordinary way after so many were taken: more each time that it is not worth it."""
        self._mean += (min(taken, _MEAN_MAX) - self._mean) / _MEAN_OF
        if self._mean >= _WORTH:
            self._pause = RUN_MIN
            return 1
        pause, self._pause = self._pause, min(2 * self._pause, _PAUSE_MAX)
        self._rest = _REST if pause == _PAUSE_MAX else 0
        return pause

    def _take(self, run: SalesRun, at: int, behind: int) -> Taken:
        states = self._states(run, at, behind)
        end = at + first_set(~self._are_acceptable(run, at, behind, states))
        if end == at:
            return _NOTHING
        shelves = _find_shelves(run, at, end, states)
        end = run.first_record(at, end, (shelves.of < 0) | ~_are_sane(run, at, end))
        end, told = _tell(run, at, end, states, shelves)
        groups = _group(run, at, end, shelves.of)
        falls = _first_fall(run, at, end, shelves, groups)
        if falls < end:
            end = falls
            groups = _group(run, at, end, shelves.of)
        if end == at:
            return _NOTHING
        return _apply(run, at, end, states, shelves, groups, told)

    def _states(self, run: SalesRun, at: int, behind: int) -> dict[int, PoolState]:
        """Senders whose sales may be plain just now."""
        states = {}
        for number in np.unique(run.sender_of[at:behind]).tolist() if run.senders else ():
            pool, store, _ = run.senders[number]
            state = self._pools.get(pool)
            if state is not None and not state.may_be_due and store in state.config.stores:
                states[number] = state
        return states

    def _are_acceptable(self, run: SalesRun, at: int, behind: int, states: Mapping[int, PoolState]) -> Flags:
        """Which of these sales are plain as far as their sender and their times tell."""
        known = np.zeros(len(run.senders) or 1, np.bool_)
        limits = np.zeros((3, len(known)), np.int64)
        for number, state in states.items():
            known[number] = True
            pool = state.config.pool
            limits[:, number] = pool["future_skew_ms"], pool["late_limit_ms"], state.row["late_before_ms"]
        sender_of, columns = run.sender_of[at:behind], run.columns
        skew_ms, late_limit_ms, late_before_ms = limits[:, sender_of]
        occurred, recorded = columns.occurred_ms[at:behind], columns.recorded_ms[at:behind]
        late_ms = recorded - occurred
        acceptable: Flags = (
            columns.is_plain[at:behind] & known[sender_of] & (recorded <= run.appended_ms[at:behind] + skew_ms)
            & (occurred > 0) & (occurred >= late_before_ms) & (late_ms >= -skew_ms) & (late_ms <= late_limit_ms)
        )  # fmt: skip
        return acceptable


def _are_sane(run: SalesRun, at: int, end: int) -> Flags:
    quantities = run.columns.quantities_milli[run.lines(at, end)]
    return (quantities > 0) & (quantities <= QUANTITY_MAX_MILLI)


def _find_shelves(run: SalesRun, at: int, end: int, states: Mapping[int, PoolState]) -> _Shelves:
    """The shelf of each line. None of an item that the store never had, of which something is held, or
    may have been handed over for an order before.
    """
    names, line_of = np.unique(run.names[run.lines(at, end)], return_inverse=True)
    numbers: dict[ShelfKey, int] = {}
    found = _Shelves([], [], [], np.zeros(0, np.int64))
    shelf_of = []
    for name in names.tolist():
        sender = name >> 32
        state = states[sender]
        pool, store, _ = run.senders[sender]
        code, config = run.codes[(name & 0xFFFF_FFFF) >> 2], state.config
        meaning = config.plain_meanings().get(code) or config.plain_meaning(store, code)
        if meaning is None or meaning[1] != UNITS[name & 3]:
            shelf_of.append(-1)
            continue
        key = (pool, meaning[0], store)
        number = numbers.get(key)
        if number is None:
            shelf = state.shelves.cache.get(key) or state.shelves.get(key)
            if shelf is None or shelf.held_milli or _is_owed(state, key):
                number = -1
            else:
                number = len(found.keys)
                found.states.append(state)
                found.keys.append(key)
                found.shelves.append(shelf)
            numbers[key] = number
        shelf_of.append(number)
    return found._replace(of=np.array(shelf_of, np.int64)[line_of] if shelf_of else found.of)


def _is_owed(state: PoolState, key: ShelfKey) -> bool:
    return state.config.stores[key[2]]["rings_up_hand_overs"] and key[1:] in state[HAND_OVERS].owed


def _by_pool(run: SalesRun, at: int, end: int, states: Mapping[int, PoolState]) -> Iterator[tuple[PoolState, Longs]]:
    """Each pool of these records with the places of its own, the first pool first."""
    pools = dict.fromkeys(run.senders[number][0] for number in dict.fromkeys(run.sender_of[at:end].tolist()))
    if len(pools) == 1:
        yield states[int(run.sender_of[at])], np.arange(at, end)
        return
    number_of = {pool: number for number, pool in enumerate(pools)}
    pool_of = np.array([number_of.get(pool, -1) for pool, _, _ in run.senders])[run.sender_of[at:end]]
    for number in range(len(pools)):
        records = at + np.flatnonzero(pool_of == number)
        yield states[int(run.sender_of[records[0]])], records


def _tell(run: SalesRun, at: int, end: int, states: Mapping[int, PoolState], shelves: _Shelves) -> tuple[int, _Told]:
    """(the first of these records that tells anything new of a known event; what the journal says of those before).

    What only repeats an event loses its shelves.
    """
    facts = _facts(run, at, end, shelves)
    told = _Told(facts, np.zeros(end - at, np.bool_))
    first = end
    for state, records in _by_pool(run, at, end, states) if at < end else ():
        for record, before in _known(run, state, at, records.tolist(), facts):
            if before is None or not tells_again(facts[record - at], before, int(run.columns.recorded_at[record])):
                first = min(first, record)
                break
            told.are_repeats[record - at] = True
    starts = run.columns.line_starts
    for place in np.flatnonzero(told.are_repeats).tolist():
        lines = slice(int(starts[at + place] - starts[at]), int(starts[at + place + 1] - starts[at]))
        shelves.of[lines] = -1
        facts[place] = encode_repeated_sale(run.columns.bodies[at + place], lines.stop - lines.start)
    return first, told


def _known(
    run: SalesRun, state: PoolState, at: int, records: list[int], facts: list[bytes]
) -> Iterator[tuple[int, bytes | None]]:
    """Those of a pool's records whose event is remembered, or was told by one before, with what was said of it."""
    keys = [run.keys[record] for record in records]
    known = state.dedup.known(keys)
    if not known and len(set(keys)) == len(keys):
        return
    told: dict[bytes, bytes] = {}
    for record, key in zip(records, keys, strict=True):
        if key in known:
            yield record, state.dedup.newest(key)
        elif key in told:
            yield record, told[key]
        else:
            told[key] = facts[record - at]


def _group(run: SalesRun, at: int, end: int, shelf_of: Longs) -> _Groups:
    """Bring the lines of these records that have a shelf together by it. `shelf_of` may go on behind them."""
    lines = run.lines(at, end)
    of = shelf_of[: lines.stop - lines.start]
    order: Longs = np.argsort(of, kind="stable")[np.count_nonzero(of < 0) :]
    of = of[order]
    starts = np.flatnonzero(np.concatenate((np.ones(min(len(of), 1), np.bool_), of[1:] != of[:-1])))
    ends = np.concatenate((starts[1:], [len(of)])) if len(of) else starts
    changed = np.add.reduceat(run.deltas_milli[lines][order], starts) if len(of) else starts
    return _Groups(order, starts, ends, changed)


def _first_fall(run: SalesRun, at: int, end: int, shelves: _Shelves, groups: _Groups) -> int:
    """The first of these records that may bring books below zero."""
    if not len(groups.order):
        return end
    lines = run.lines(at, end)
    shelf_of, deltas = shelves.of[groups.order[groups.starts]], run.deltas_milli[lines]
    all_on_hand = [shelf.on_hand_milli for shelf in shelves.shelves]
    on_hand = np.array(all_on_hand, np.int64)[shelf_of]
    sold = np.add.reduceat(np.minimum(deltas, 0)[groups.order], groups.starts)
    first = end
    for group in np.flatnonzero((on_hand + sold < 0) & (on_hand + groups.changed_milli - sold >= 0)).tolist():
        own = groups.order[groups.starts[group] : groups.ends[group]]
        records, shelf = run.columns.record_of[lines][own], shelves.shelves[shelf_of[group]]
        moved = np.where(run.columns.occurred_ms[records] > shelf.counted_at_ms, deltas[own], 0)
        books = shelf.on_hand_milli + np.cumsum(moved)
        line = first_set((books < 0) & (books >= moved))
        if line < len(own):
            first = min(first, int(records[line]))
    return first


def _apply(
    run: SalesRun, at: int, end: int, states: Mapping[int, PoolState], shelves: _Shelves, groups: _Groups, told: _Told
) -> Taken:
    """Write what the sales change."""
    positions = np.zeros(end - at, np.int64)
    entries: dict[str, list[bytes]] = {}
    duplicates = Counter[tuple[str, str, str]]()
    starts, recorded_ms = run.columns.line_starts, run.columns.recorded_ms
    for state, records in _by_pool(run, at, end, states):
        row = state.row
        positions[records - at] = row["position"] + 1 + np.arange(len(records))
        row["position"] += len(records)
        are_repeats, lines = told.are_repeats[records - at], starts[records + 1] - starts[records]
        row["lines_applied"] += int(lines[~are_repeats].sum())
        row["lines_duplicate"] += int(lines[are_repeats].sum())
        state.pools.changed[state.pool] = row
        new = records[~are_repeats]
        keys, facts = [run.keys[place] for place in new.tolist()], [told.facts[place] for place in (new - at).tolist()]
        state.dedup.remember_all(keys, recorded_ms[new].tolist(), facts)
        given = [(run.records[place], told.facts[place - at]) for place in records.tolist()]
        entries[state.pool] = [
            encode_entry(record.topic, record.offset, record.appended_at_ms, fact) for record, fact in given
        ]
        for record, count in zip(records[are_repeats].tolist(), lines[are_repeats].tolist(), strict=True):
            _, store, system = run.senders[run.sender_of[record]]
            duplicates[state.pool, store, system.decode()] += count
    if len(groups.order):
        _move(run, at, end, shelves, groups, positions)
    return Taken(end - at, entries, duplicates)


def _facts(run: SalesRun, at: int, end: int, shelves: _Shelves) -> list[bytes]:
    """The facts of these records, encoded."""
    lines, columns = run.lines(at, end), run.columns
    bodies = columns.bodies[at:end]
    shelf_of, deltas = shelves.of[: lines.stop - lines.start].tolist(), run.deltas_milli[lines].tolist()
    keys = shelves.keys
    if lines.stop - lines.start == end - at:
        return [
            encode_one_line_sale(body, keys[shelf][1], milli)
            for body, shelf, milli in zip(bodies, shelf_of, deltas, strict=True)
        ]
    starts = columns.line_starts[at : end + 1] - lines.start
    places = np.arange(lines.stop - lines.start) - starts[columns.record_of[lines] - at]
    moved = zip(places.tolist(), shelf_of, deltas, strict=True)
    applied = [encode_applied(place, keys[shelf][1], milli) for place, shelf, milli in moved]
    cuts = starts.tolist()
    return [
        encode_plain_sale(body, applied[first:behind])
        for body, first, behind in zip(bodies, cuts, cuts[1:], strict=False)
    ]


def _move(run: SalesRun, at: int, end: int, shelves: _Shelves, groups: _Groups, positions: Longs) -> None:
    """Move the goods: each shelf once, unless a count has seen some of its sales, or its movements fill a block."""
    lines, columns = run.lines(at, end), run.columns
    record_of = columns.record_of[lines][groups.order]
    moves = np.empty(len(record_of), _MOVEMENTS)
    moves["occurred_ms"] = occurred = columns.occurred_ms[record_of]
    moves["delta_milli"] = run.deltas_milli[lines][groups.order]
    raw, size = moves.tobytes(), MOVEMENT.size
    last = record_of[groups.ends - 1]
    first_lines = groups.order[groups.starts]
    by_column = (
        shelves.of[first_lines], groups.starts, groups.ends, groups.changed_milli,
        np.minimum.reduceat(occurred, groups.starts), columns.recorded_ms[last], run.appended_ms[last],
        positions[last - at],
    )  # fmt: skip
    as_they_came = np.argsort(first_lines)  # so that what is published comes in the ordinary lane's order
    each = zip(*(column[as_they_came].tolist() for column in by_column), strict=True)
    for number, start, stop, changed_milli, first_ms, recorded_ms, appended_ms, position in each:
        state, key, shelf = shelves.states[number], shelves.keys[number], shelves.shelves[number]
        own = raw[start * size : stop * size]
        if first_ms > shelf.counted_at_ms and len(shelf.recent) + len(own) < BLOCK_BYTES:
            shelf.on_hand_milli += changed_milli
            shelf.recent += own
        else:
            for occurred_ms, delta_milli in MOVEMENT.iter_unpack(own):
                shelf.move(occurred_ms, delta_milli)
                if len(shelf.recent) >= BLOCK_BYTES:
                    seal_block(state, key, shelf)
        shelf.used_milli -= changed_milli
        shelf.recorded_at_ms, shelf.appended_at_ms, shelf.position = recorded_ms, appended_ms, position
        state.shelves.changed[key] = shelf
