"""The generated region: the same for a seed, shaped like a grocer's week, and honest about its own stock."""

from collections import Counter, defaultdict
from itertools import takewhile

import numpy as np
import pytest

from world.baskets import UNITS_PER_WEEK, week_rhythm
from world.documents import StoreDocument
from world.region import MONDAY_MS, Region

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS


def weeks_of(region: Region, weeks: int) -> list[StoreDocument]:
    end_ms = MONDAY_MS + weeks * WEEK_MS
    return list(takewhile(lambda document: document.sent_at_ms < end_ms, region.documents()))


@pytest.fixture(scope="module")
def region() -> Region:
    return Region(7)


@pytest.fixture(scope="module")
def openings(region: Region) -> list[StoreDocument]:
    return list(region.opening())


@pytest.fixture(scope="module")
def documents(region: Region, openings: list[StoreDocument]) -> list[StoreDocument]:
    return weeks_of(region, 4)


def sold_units(documents: list[StoreDocument]) -> Counter[tuple[str, str]]:
    """By store and code; of several versions of a receipt the first."""
    sold: Counter[tuple[str, str]] = Counter()
    seen = set()
    for document in documents:
        if document.kind == "sale" and document.key not in seen:
            seen.add(document.key)
            for line in document.lines:
                if line.kind == "sale":
                    sold[document.store, line.code] += line.quantity_milli
    return sold


def test_one_seed_gives_one_world():
    first, second = (Region(3, stores=5, items=80) for _ in range(2))
    assert first.items == second.items
    assert list(first.opening()) == list(second.opening())
    assert weeks_of(first, 1) == weeks_of(second, 1)


def test_another_seed_gives_another_world():
    assert weeks_of(Region(3, stores=5, items=80), 1) != weeks_of(Region(4, stores=5, items=80), 1)


def test_there_are_34_stores_with_ids_of_their_own(region):
    assert len({grocer.id for grocer in region.grocers}) == 34


def test_a_store_and_item_sell_about_1_3_units_a_week(region, documents):
    units = sum(sold_units(documents).values()) / 1_000
    per_week = units / 4 / region.demand.listed.sum()
    assert per_week == pytest.approx(UNITS_PER_WEEK, rel=0.1)


def test_the_demand_multiplier_multiplies_demand():
    plain, busy = (Region(5, stores=6, items=100, demand_multiplier=times) for times in (1.0, 3.0))
    ratio = busy.demand.units_per_week.sum() / busy.demand.listed.sum() / UNITS_PER_WEEK
    assert ratio == pytest.approx(3.0)
    assert sum(sold_units(weeks_of(busy, 2)).values()) == pytest.approx(
        3 * sum(sold_units(weeks_of(plain, 2)).values()), rel=0.15
    )


def test_demand_is_intermittent(region, documents):
    """On most days most shelves sell nothing."""
    sold = {
        (document.store, line.code, (document.sent_at_ms - MONDAY_MS) // DAY_MS)
        for document in documents
        if document.kind == "sale"
        for line in document.lines
    }
    assert len(sold) / (28 * region.demand.listed.sum()) < 0.25


def test_saturdays_are_busier_than_tuesdays_and_nights_are_quiet(documents):
    lines_by_day: Counter[int] = Counter()
    hours = set()
    for document in documents:
        if document.kind == "sale" and abs(document.sent_at_ms - document.occurred_at_ms) < HOUR_MS:
            lines_by_day[(document.occurred_at_ms - MONDAY_MS) // DAY_MS % 7] += len(document.lines)
            hours.add((document.occurred_at_ms - MONDAY_MS) // HOUR_MS % 24)
    assert lines_by_day[5] > 1.3 * lines_by_day[1]
    assert min(lines_by_day, key=lines_by_day.__getitem__) == 6
    assert hours == set(range(7, 21))


def test_the_weeks_rhythm_is_a_share_of_each_hour():
    rhythm = week_rhythm()
    assert rhythm.shape == (168,)
    assert rhythm.sum() == pytest.approx(1.0)
    assert rhythm.min() == 0


def test_slips_come_in_the_order_in_which_they_are_sent(documents):
    times = [document.sent_at_ms for document in documents]
    assert times == sorted(times)


def test_baskets_have_several_lines(documents):
    sizes = [len(document.lines) for document in documents if document.kind == "sale"]
    assert 4 < np.mean(sizes) < 8
    assert max(sizes) > 15


def test_everything_that_real_tills_do_happens(documents):
    receipts = [document for document in documents if document.kind == "sale"]
    copies = Counter((document.key, document.version) for document in receipts)
    line_kinds = {line.kind for document in receipts for line in document.lines}
    lateness_ms = [document.sent_at_ms - document.occurred_at_ms for document in receipts]
    first_told = {document.key: document for document in reversed(receipts)}
    by_store: dict[str, list[int]] = defaultdict(list)
    for document in sorted(first_told.values(), key=lambda document: document.sent_at_ms):
        by_store[document.store].append(document.occurred_at_ms)

    assert {document.kind for document in documents} == {"sale", "received", "adjusted", "counted"}
    assert line_kinds == {"sale", "void", "return", "return_not_restocked"}
    assert max(copies.values()) > 1
    assert {document.version for document in receipts} == {1, 2}
    assert any(HOUR_MS // 3 < late < 3 * HOUR_MS for late in lateness_ms), "a register was offline"
    assert any(late > 7 * DAY_MS for late in lateness_ms), "a clock was far behind"
    assert any(late < -DAY_MS for late in lateness_ms), "a clock was far ahead"
    assert any(document.occurred_at_ms < MONDAY_MS for document in receipts), "a receipt of before the start"
    assert any(times != sorted(times) for times in by_store.values()), "some come out of order"


def test_some_codes_are_in_nobodys_product_master(region, documents):
    known = {item.code for item in region.items}
    lines = [line for document in documents for line in document.lines]
    unknown = [line for line in lines if line.code not in known]
    assert 0 < len(unknown) < 0.01 * len(lines)


def test_loose_goods_are_weighed(documents):
    weights = [
        line.quantity_milli
        for document in documents
        for line in document.lines
        if line.unit == "kg" and line.kind == "sale"
    ]
    assert any(weight % 1_000 for weight in weights)
    assert all(
        line.quantity_milli % 1_000 == 0 for document in documents for line in document.lines if line.unit == "each"
    )


def test_only_the_last_telling_of_a_slip_is_marked_as_the_last(documents):
    last_at: dict[tuple[str, str], bool] = {}
    for document in documents:
        assert not last_at.get(document.key), f"{document.key} was told again after its last time"
        last_at[document.key] = document.is_last


def test_a_copy_says_the_same_as_the_first_telling(documents):
    told: dict[tuple[tuple[str, str], int], StoreDocument] = {}
    for document in documents:
        first = told.setdefault((document.key, document.version), document)
        assert (first.lines, first.occurred_at_ms) == (document.lines, document.occurred_at_ms)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_the_documents_say_is_what_is_on_the_shelves(seed):
    """Applied one by one with the newest version of each, they give the stock less what went missing unseen."""
    region = Region(seed, stores=10, items=240, demand_multiplier=3.0)
    codes = {item.code: at for at, item in enumerate(region.items)}
    stores = {grocer.id: at for at, grocer in enumerate(region.grocers)}
    openings = list(region.opening())
    closing_ms = MONDAY_MS + 9 * DAY_MS + 21 * HOUR_MS
    documents = []
    for document in region.documents():
        if document.sent_at_ms > closing_ms + 3 * HOUR_MS:
            break  # by now the next morning's deliveries are on the shelves
        documents.append(document)
        if document.sent_at_ms >= closing_ms:
            on_hand, unseen = region.stockroom.on_hand_milli.copy(), region.stockroom.unseen_milli.copy()

    newest: dict[tuple[str, str], StoreDocument] = {}
    for document in documents:
        if document.key not in newest or document.version > newest[document.key].version:
            newest[document.key] = document
    sign = {"sale": -1, "void": 1, "return": 1, "return_not_restocked": 0}
    books = np.zeros_like(on_hand)
    counted = np.zeros(books.shape, dtype=bool)
    for document in (*openings, *newest.values()):
        for line in document.lines:
            at = (stores[document.store], codes.get(line.code, -1))
            if at[1] < 0:
                continue
            if document.kind == "counted":
                counted[at] = True
            else:
                books[at] += line.quantity_milli * (sign[line.kind] if document.kind == "sale" else 1)

    assert (on_hand + unseen)[~counted].tolist() == books[~counted].tolist()
    assert (on_hand + unseen <= books)[counted].all(), "a count finds less than the books say, never more"
    assert (on_hand >= 0).all()
    assert unseen.any()
    assert counted.any()
