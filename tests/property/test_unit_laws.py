"""Units are conserved: the books are the latest count and the movements after it, however the news arrives."""

from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.models.config import CodeMapping
from tests.support.pool import BREAD, MILK, furnished
from tests.support.unit_worlds import Count, Movement, counts, movements
from tests.support.worlds import PLU, STORES, Published, make_small

SLOW_SETUP = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
SHELVES = [(store, sku) for store in STORES for sku in (MILK, BREAD)]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    make_small(monkeypatch)


def expected_on_hand(news: list[Movement | Count]) -> dict[tuple[str, str], int]:
    """The naive way: of each source id the highest version stands; then count by count, movement by movement."""
    standing: dict[str, Movement] = {}
    latest: dict[tuple[str, str], Count] = {}
    for one in news:
        if isinstance(one, Count):
            shelf = (one.store, one.sku)
            if shelf not in latest or one.as_of_ms > latest[shelf].as_of_ms:
                latest[shelf] = one
        elif one.source_id not in standing or one.version > standing[one.source_id].version:
            standing[one.source_id] = one
    books: defaultdict[tuple[str, str], int] = defaultdict(int)
    for shelf, count in latest.items():
        books[shelf] = count.quantity_milli
    for movement in standing.values():
        for sku, delta_milli in movement.deltas():
            shelf = (movement.store, sku)
            if shelf not in latest or movement.occurred_at_ms > latest[shelf].as_of_ms:
                books[shelf] += delta_milli
    return {shelf: books[shelf] for shelf in SHELVES}


def books_after(records: list[Published], *, batches_of: int = 1_000) -> dict[tuple[str, str], int]:
    bench = furnished()
    for at, published in enumerate(records, start=1):
        published.onto(bench)
        if at % batches_of == 0:
            bench.commit()
    assert bench.reasons() == []
    return {(store, sku): bench.on_hand(sku, store) for store, sku in SHELVES}


news = st.lists(movements | counts, max_size=14)


@given(news=news)
@settings(max_examples=500, suppress_health_check=SLOW_SETUP)
def test_the_books_are_the_latest_count_and_the_standing_movements_after_it(news):
    assert books_after([one.published() for one in news]) == expected_on_hand(news)


@given(news=news, data=st.data())
@settings(max_examples=500, suppress_health_check=SLOW_SETUP)
def test_any_order_any_repetition_and_any_batches_give_the_same_books(news, data):
    """What may be reordered freely: everything, if sources are sane.

    Versions of one source id may arrive in any order too: the highest wins, lower ones are stale. Records may
    come several times. Sane means that one (source id, version, line) always says the same and that no two counts
    of a shelf are of the same millisecond. What does depend on the order, and is left out here: the row's
    `number`, `appended_at_ms` and `recorded_at_ms` (they tell the last cause), how often the books went below zero
    (and so the confidence), the drift that the last level to arrive showed, and a version that contradicts itself
    (the first to come stands).
    """
    repeated = news + data.draw(st.lists(st.sampled_from(news), max_size=8) if news else st.just([]))
    order = data.draw(st.permutations(repeated))
    records = [one.published() for one in order]
    assert books_after(records, batches_of=data.draw(st.integers(1, 5))) == expected_on_hand(news)


@given(news=st.lists(movements, min_size=1, max_size=10), data=st.data())
@settings(max_examples=250, suppress_health_check=SLOW_SETUP)
def test_a_receipt_that_comes_in_parts_is_the_whole_receipt(news, data):
    parts = [one.published(part) for one in news for part in data.draw(st.sampled_from([(0,), (1, 2), (2, 0), (0, 1)]))]
    assert books_after(data.draw(st.permutations(parts))) == expected_on_hand(news)


def renamed(published: Published) -> Published:
    """The same with BREAD under a code that is not mapped yet; codes are as long, so the bytes stay a value."""
    assert len(PLU) == len(f"sku:{BREAD}") - 1
    value = (published.value or b"").replace(b"\x12sku:BREAD", b"\x10" + PLU.encode())
    return published._replace(value=value)


@given(news=news)
@settings(max_examples=400, suppress_health_check=SLOW_SETUP)
def test_mapping_a_code_late_and_replaying_gives_the_books_of_having_mapped_it_first(news):
    """Also when counts, revisions and stale versions came meanwhile."""
    bench = furnished()
    for one in news:
        renamed(one.published()).onto(bench)
    bench.configure(CodeMapping(code=PLU, sku=BREAD))
    bench.replay_dead_letters()
    assert bench.reasons() == []
    books = {(store, sku): bench.on_hand(sku, store) for store, sku in SHELVES}
    assert books == expected_on_hand(news)
