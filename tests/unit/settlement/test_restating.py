"""After an agreement that is dated back, corrections name transactions that were posted."""

import pytest

from tests.support.pool import BREAD, NOON_MS, OTHER_STORE, STORE, line, wanted
from tests.support.settlement import THIRD_STORE, agreement, collected, members, owed, transactions
from tests.support.transfers import came, place, tell

LATER = {"occurred_at_ms": NOON_MS + 5_000, "recorded_at_ms": NOON_MS + 5_000}
AFTER = {"occurred_at_ms": NOON_MS + 6_000, "recorded_at_ms": NOON_MS + 6_000}
LAST = {"occurred_at_ms": NOON_MS + 7_000, "recorded_at_ms": NOON_MS + 7_000}


@pytest.mark.parametrize("ownership", ["owner", "on_transfer"])
@pytest.mark.parametrize("permille", [100, 500])
@pytest.mark.parametrize("is_known", [True, False])
def test_what_is_corrected_was_posted(ownership, permille, is_known):
    """Before anything is corrected the terms change back to the start: to the same, to others, or to the first ones."""
    terms = {"ownership": ownership, "shrink": {"bearer": "keeper"}, "handling_fee_minor": 5}
    bench = members(terms=agreement(**terms) if is_known else None)
    bench.tick(NOON_MS)
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(5_000))
    bench.request("placed", "o1", wanted(1_000, BREAD), wanted(1_000), preferred_store=THIRD_STORE)
    bench.request("confirmed", "o1")
    bench.sell("rung", line(1_000, BREAD), line(1_000), order_ref="o1")
    bench.sell("s1", line(2_000), store=OTHER_STORE, **LATER)
    bench.report("counted", "c1", line(2_000), store=OTHER_STORE, **LATER)
    price = {"kind": "cost_plus", "permille": permille}
    bench.configure(agreement(version=2, effective_from_ms=1, transfer_price=price, **terms))
    before = len(transactions(bench))
    bench.sell("s2", line(2_000, kind="void"), store=OTHER_STORE, **AFTER)
    bench.report("counted", "c2", line(5_000), store=OTHER_STORE, **LAST)
    bench.sell("rung", line(1_000, BREAD), version=2, order_ref="o1")
    found = transactions(bench)
    posted = {(one.posted_position, one.sequence): one for one in found}
    corrections = [one for one in found[before:] if one.corrects is not None]
    assert corrections
    for one in corrections:
        corrected = posted[one.corrects]
        assert one.corrects < (one.posted_position, one.sequence)
        assert corrected.about.kind == "restated" or (
            (corrected.about.order, corrected.about.sku) == (one.about.order, one.about.sku)
        )
    cost = 100 + permille // 10
    assert owed(bench)[THIRD_STORE] == -2 * cost - 5
    if ownership == "owner":
        assert owed(bench).get(OTHER_STORE, 0) == 0
    if is_known:
        assert all(posted[one.corrects].about.kind != "restated" for one in corrections)


def test_terms_that_come_to_the_same_leave_nothing_to_name():
    bench = members(terms=agreement())
    collected(bench, "o1", wanted(2_000))
    bench.configure(agreement(version=2, effective_from_ms=1))
    bench.sell("back", line(2_000, kind="return", price_minor=-300), order_ref="o1", store=THIRD_STORE)
    assert [one.about.kind for one in transactions(bench)] == ["goods_sold", "refund", "return"]
    assert owed(bench) == {STORE: 220, THIRD_STORE: 80, OTHER_STORE: -300}
