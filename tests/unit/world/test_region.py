"""The generated region: the same for a seed, shaped like a grocer's week, and honest about its own stock."""

from collections import Counter, defaultdict
from itertools import takewhile

import numpy as np
import pytest

from world.baskets import UNITS_PER_WEEK, week_rhythm
from world.documents import Slip
from world.region import MONDAY_MS, World

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS


def weeks_of(world: World, weeks: int) -> list[Slip]:
    end_ms = MONDAY_MS + weeks * WEEK_MS
    return list(takewhile(lambda slip: slip.sent_at_ms < end_ms, world.slips()))


@pytest.fixture(scope="module")
def world() -> World:
    return World(7)


@pytest.fixture(scope="module")
def openings(world: World) -> list[Slip]:
    return list(world.opening())


@pytest.fixture(scope="module")
def slips(world: World, openings: list[Slip]) -> list[Slip]:
    return weeks_of(world, 4)


def sold_units(slips: list[Slip]) -> Counter[tuple[str, str]]:
    """By store and code; of several versions of a receipt the first."""
    sold: Counter[tuple[str, str]] = Counter()
    seen = set()
    for slip in slips:
        if slip.kind == "sale" and slip.key not in seen:
            seen.add(slip.key)
            for line in slip.lines:
                if line.kind == "sale":
                    sold[slip.store, line.code] += line.quantity_milli
    return sold


def test_one_seed_gives_one_world():
    first, second = (World(3, stores=5, items=80) for _ in range(2))
    assert first.items == second.items
    assert list(first.opening()) == list(second.opening())
    assert weeks_of(first, 1) == weeks_of(second, 1)


def test_another_seed_gives_another_world():
    assert weeks_of(World(3, stores=5, items=80), 1) != weeks_of(World(4, stores=5, items=80), 1)


def test_there_are_34_stores_with_ids_of_their_own(world):
    assert len({grocer.id for grocer in world.grocers}) == 34


def test_a_store_and_item_sell_about_1_3_units_a_week(world, slips):
    units = sum(sold_units(slips).values()) / 1_000
    per_week = units / 4 / world.demand.listed.sum()
    assert per_week == pytest.approx(UNITS_PER_WEEK, rel=0.1)


def test_the_demand_multiplier_multiplies_demand():
    plain, busy = (World(5, stores=6, items=100, demand_multiplier=times) for times in (1.0, 3.0))
    ratio = busy.demand.units_per_week.sum() / busy.demand.listed.sum() / UNITS_PER_WEEK
    assert ratio == pytest.approx(3.0)
    assert sum(sold_units(weeks_of(busy, 2)).values()) == pytest.approx(
        3 * sum(sold_units(weeks_of(plain, 2)).values()), rel=0.15
    )


def test_demand_is_intermittent(world, slips):
    """On most days most shelves sell nothing."""
    sold = {
        (slip.store, line.code, (slip.sent_at_ms - MONDAY_MS) // DAY_MS)
        for slip in slips
        if slip.kind == "sale"
        for line in slip.lines
    }
    assert len(sold) / (28 * world.demand.listed.sum()) < 0.25


def test_saturdays_are_busier_than_tuesdays_and_nights_are_quiet(slips):
    lines_by_day: Counter[int] = Counter()
    hours = set()
    for slip in slips:
        if slip.kind == "sale" and abs(slip.sent_at_ms - slip.occurred_at_ms) < HOUR_MS:
            lines_by_day[(slip.occurred_at_ms - MONDAY_MS) // DAY_MS % 7] += len(slip.lines)
            hours.add((slip.occurred_at_ms - MONDAY_MS) // HOUR_MS % 24)
    assert lines_by_day[5] > 1.3 * lines_by_day[1]
    assert min(lines_by_day, key=lines_by_day.__getitem__) == 6
    assert hours == set(range(7, 21))


def test_the_weeks_rhythm_is_a_share_of_each_hour():
    rhythm = week_rhythm()
    assert rhythm.shape == (168,)
    assert rhythm.sum() == pytest.approx(1.0)
    assert rhythm.min() == 0


def test_slips_come_in_the_order_in_which_they_are_sent(slips):
    times = [slip.sent_at_ms for slip in slips]
    assert times == sorted(times)


def test_baskets_have_several_lines(slips):
    sizes = [len(slip.lines) for slip in slips if slip.kind == "sale"]
    assert 4 < np.mean(sizes) < 8
    assert max(sizes) > 15


def test_everything_that_real_tills_do_happens(slips):
    receipts = [slip for slip in slips if slip.kind == "sale"]
    copies = Counter((slip.key, slip.version) for slip in receipts)
    line_kinds = {line.kind for slip in receipts for line in slip.lines}
    lateness_ms = [slip.sent_at_ms - slip.occurred_at_ms for slip in receipts]
    first_told = {slip.key: slip for slip in reversed(receipts)}
    by_store: dict[str, list[int]] = defaultdict(list)
    for slip in sorted(first_told.values(), key=lambda slip: slip.sent_at_ms):
        by_store[slip.store].append(slip.occurred_at_ms)

    assert {slip.kind for slip in slips} == {"sale", "received", "adjusted", "counted"}
    assert line_kinds == {"sale", "void", "return", "return_not_restocked"}
    assert max(copies.values()) > 1
    assert {slip.version for slip in receipts} == {1, 2}
    assert any(HOUR_MS // 3 < late < 3 * HOUR_MS for late in lateness_ms), "a register was offline"
    assert any(late > 7 * DAY_MS for late in lateness_ms), "a clock was far behind"
    assert any(late < -DAY_MS for late in lateness_ms), "a clock was far ahead"
    assert any(slip.occurred_at_ms < MONDAY_MS for slip in receipts), "a receipt of before the start"
    assert any(times != sorted(times) for times in by_store.values()), "some come out of order"


def test_some_codes_are_in_nobodys_product_master(world, slips):
    known = {item.code for item in world.items}
    lines = [line for slip in slips for line in slip.lines]
    unknown = [line for line in lines if line.code not in known]
    assert 0 < len(unknown) < 0.01 * len(lines)


def test_loose_goods_are_weighed(slips):
    weights = [
        line.quantity_milli for slip in slips for line in slip.lines if line.unit == "kg" and line.kind == "sale"
    ]
    assert any(weight % 1_000 for weight in weights)
    assert all(line.quantity_milli % 1_000 == 0 for slip in slips for line in slip.lines if line.unit == "each")


def test_only_the_last_telling_of_a_slip_is_marked_as_the_last(slips):
    last_at: dict[tuple[str, str], bool] = {}
    for slip in slips:
        assert not last_at.get(slip.key), f"{slip.key} was told again after its last time"
        last_at[slip.key] = slip.is_last


def test_a_copy_says_the_same_as_the_first_telling(slips):
    told: dict[tuple[tuple[str, str], int], Slip] = {}
    for slip in slips:
        first = told.setdefault((slip.key, slip.version), slip)
        assert (first.lines, first.occurred_at_ms) == (slip.lines, slip.occurred_at_ms)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_the_slips_say_is_what_is_on_the_shelves(seed):
    """The slips, applied one by one with the newest version of each, give the stock less what went missing unseen."""
    world = World(seed, stores=10, items=240, demand_multiplier=3.0)
    codes = {item.code: at for at, item in enumerate(world.items)}
    stores = {grocer.id: at for at, grocer in enumerate(world.grocers)}
    openings = list(world.opening())
    closing_ms = MONDAY_MS + 9 * DAY_MS + 21 * HOUR_MS
    slips = []
    for slip in world.slips():
        if slip.sent_at_ms > closing_ms + 3 * HOUR_MS:
            break  # by now the next morning's deliveries are on the shelves
        slips.append(slip)
        if slip.sent_at_ms >= closing_ms:
            on_hand, unseen = world.stockroom.on_hand_milli.copy(), world.stockroom.unseen_milli.copy()

    newest: dict[tuple[str, str], Slip] = {}
    for slip in slips:
        if slip.key not in newest or slip.version > newest[slip.key].version:
            newest[slip.key] = slip
    sign = {"sale": -1, "void": 1, "return": 1, "return_not_restocked": 0}
    books = np.zeros_like(on_hand)
    counted = np.zeros(books.shape, dtype=bool)
    for slip in (*openings, *newest.values()):
        for line in slip.lines:
            at = (stores[slip.store], codes.get(line.code, -1))
            if at[1] < 0:
                continue
            if slip.kind == "counted":
                counted[at] = True
            else:
                books[at] += line.quantity_milli * (sign[line.kind] if slip.kind == "sale" else 1)

    assert (on_hand + unseen)[~counted].tolist() == books[~counted].tolist()
    assert (on_hand + unseen <= books)[counted].all(), "a count finds less than the books say, never more"
    assert (on_hand >= 0).all()
    assert unseen.any()
    assert counted.any()
