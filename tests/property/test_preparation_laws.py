"""Whatever stores do: what is learned of their preparation follows from the journal, and windows keep their promise."""

from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.models.config import OpeningHours, PickupPlace, StoreSettings
from streams.pool.pickup.index import appointment_name
from streams.pool.pickup.rows import find_appointment
from streams.pool.state.dedup_index import FilteredIndex
from streams.pool.state.pool_state import PoolState
from tests.support.orders import stocked
from tests.support.pool import (
    HOUR_MS,
    MINUTE_MS,
    NOON_MS,
    OTHER_STORE,
    POOL,
    STORE,
    CommittedRows,
    PoolBench,
    decode_row,
    processor,
    wanted,
)
from tests.support.preparation import QUARTER_MS, Preparation

DAYTIME = tuple(OpeningHours(weekday=day, opens_minute=480, closes_minute=1200) for day in range(1, 8))


class Wanted(NamedTuple):
    """An order, and what becomes of it, in minutes from its placing."""

    after_min: int
    store: str
    lines: int
    wish_in_min: int
    leaves_after_min: int
    """When the customer sets out; never when 0."""
    picked_after_min: int
    moved_to_min: int
    """Another wish, told a minute after the order was confirmed; none when 0."""


orders = st.builds(
    Wanted,
    after_min=st.integers(0, 90),
    store=st.sampled_from([STORE, STORE, OTHER_STORE]),
    lines=st.integers(1, 2),
    wish_in_min=st.integers(0, 200),
    leaves_after_min=st.sampled_from([0, 0, 5, 30]),
    picked_after_min=st.integers(1, 80),
    moved_to_min=st.sampled_from([0, 0, 0, 90]),
)
lives = st.lists(orders, min_size=1, max_size=14)


def opened(learns: bool = True) -> PoolBench:
    bench = stocked(900_000, 900_000)
    bench.configure_pool(learns_preparation=learns, pick_within_ms=3 * HOUR_MS)
    bench.configure(StoreSettings(store=OTHER_STORE, name="Mill", opening=DAYTIME))
    for place, stores, room in ((STORE, (STORE,), 2), ("lane", (STORE, OTHER_STORE), 1)):
        bench.configure(PickupPlace(place=place, name=place, stores=stores, hand_overs_per_slot=room))
    return bench


class Life:
    """Lives the orders on a bench, in the order of their times, and looks at every row on its way."""

    def __init__(self, bench: PoolBench) -> None:
        self.bench = bench
        self.seen: dict[str, dict[str, Any]] = {}
        self.at_ms = NOON_MS

    def live(self, told: list[Wanted]) -> None:
        steps = []
        placed_ms = NOON_MS
        for number, one in enumerate(told):
            placed_ms += one.after_min * MINUTE_MS
            for after_min, what in (
                (0, "place"), (1, "confirm"), (one.moved_to_min and 2, "move"), (one.leaves_after_min, "leave"),
                (one.picked_after_min, "pick"),
            ):  # fmt: skip
                if after_min or what == "place":
                    steps.append((placed_ms + after_min * MINUTE_MS, number, what))
        for self.at_ms, number, what in sorted(steps):
            self.bench.tick(self.at_ms)
            self.look()
            self._step(f"o{number}", told[number], what)
            self.look()

    def _step(self, name: str, one: Wanted, what: str) -> None:
        bench, times = self.bench, {"recorded_at_ms": self.at_ms, "appended_at_ms": self.at_ms}
        if what == "place":
            goods = [wanted(1_000, sku) for sku in ("MILK", "BREAD")[: one.lines]]
            terms = {"preferred_store": one.store, "deadline_ms": self.at_ms + 30 * HOUR_MS}
            bench.request("placed", name, *goods, **terms, pickup=self._wish(one.wish_in_min), **times)
        elif what == "confirm":
            bench.request("confirmed", name, **times)
        elif what == "move":
            bench.request("moved", name, pickup=self._wish(one.moved_to_min), **times)
        else:
            for task in self._tasks(name):
                happened = {"occurred_at_ms": self.at_ms, **times}
                if what == "pick":
                    bench.fulfil("done", task["task"], **happened)
                else:
                    bench.fulfil(
                        "on_the_way", None, order=name, store=task["store"], eta_ms=self.at_ms + HOUR_MS,
                        report_id=f"{name}/way", **happened,
                    )  # fmt: skip

    def _wish(self, in_min: int) -> dict[str, Any]:
        from_ms = self.at_ms + in_min * MINUTE_MS
        return {"from_ms": from_ms, "until_ms": from_ms + HOUR_MS, "place": None}

    def _tasks(self, order: str) -> list[dict[str, Any]]:
        return [
            row
            for row in self.bench.tasks().values()
            if (row["order"], row["kind"]) == (order, "pick") and row["status"] in ("open", "claimed")
        ]

    def look(self) -> None:
        """Every appointment's window has its quarter hour, and only a move makes it end later."""
        state = self.bench.partition.pools[POOL]
        for order in {name for name, _ in self._stores()}:
            for store in (STORE, OTHER_STORE):
                name = appointment_name(order, store)
                row = find_appointment(state, name)
                if row is not None and row["status"] in ("booked", "ready"):
                    self._check(self.seen.get(name), dict(row))
                    self.seen[name] = dict(row)

    def _stores(self) -> list[tuple[str, str]]:
        return [(f"o{number}", STORE) for number in range(20)]

    @staticmethod
    def _check(before: dict[str, Any] | None, row: dict[str, Any]) -> None:
        slot_ms, until_ms = row["slot_ms"], row["window_until_ms"]
        assert row["window_from_ms"] == slot_ms
        assert slot_ms + QUARTER_MS <= until_ms <= row["booked_until_ms"] <= slot_ms + HOUR_MS
        if before is not None and before != row and row["change"] != "moved":
            assert (row["slot_ms"], row["place"]) == (before["slot_ms"], before["place"])
            assert until_ms <= before["window_until_ms"]
        if row["status"] == "ready" and row["ready_at_ms"] <= slot_ms and not row["customer"]:
            assert until_ms == slot_ms + QUARTER_MS


@given(told=lives)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_windows_hold_their_quarter_hour_and_only_a_move_makes_one_end_later(told):
    Life(opened()).live(told)


@given(told=lives)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_learned_is_what_the_journal_tells_and_its_fold_gives_it_byte_for_byte(told):
    life = Life(opened())
    life.live(told)
    bench, expected = life.bench, Preparation()
    for entry in bench.journal():
        expected.take(entry.fact)
    assert learned(bench.committed) == expected.rows()
    view = (rows := CommittedRows()).view()
    tables = processor().tables(view)
    state = PoolState(POOL, tables, FilteredIndex(view.find_index, lambda: list(rows.index)))
    for entry in bench.journal():
        processor().aggregates.fold(state, entry.fact, entry.fact_bytes, entry.appended_at_ms)
    rows.write(list(tables.drain()))
    assert rows.rows == bench.committed.rows


@given(told=lives)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_pool_that_does_not_learn_keeps_nothing_and_promises_quarter_hours(told):
    life = Life(opened(learns=False))
    life.live(told)
    life.bench.commit()
    assert learned(life.bench.committed) == {}
    assert all(row["booked_until_ms"] == row["slot_ms"] + QUARTER_MS for row in life.seen.values())


def learned(committed: CommittedRows) -> dict[str, tuple[int, list[int]]]:
    """Store and hour → (picks, weights) of the rows that are kept."""
    rows = {key.split("/", 2)[2]: decode_row(raw) for key, raw in committed.scan("preparation/")}
    return {name: (row["picks"], row["weights"]) for name, row in rows.items()}
