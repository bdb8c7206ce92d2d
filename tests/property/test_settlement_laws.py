"""Laws of the ledger: balanced, even in sum, the same from any row it was kept in."""

from hypothesis import given
from hypothesis import strategies as st

from streams.settlement.ledger.ledger import Ledger
from streams.settlement.money import scaled, shares
from tests.support.pool import BREAD, DAY_MS, NOON_MS, OTHER_STORE, POOL, line, wanted
from tests.support.settlement import THIRD_STORE, agreement, assert_balanced, collected, fold, members
from tests.support.transfers import came, place, tell


@given(
    st.integers(-(10**12), 10**12), st.dictionaries(st.text(min_size=1), st.integers(-5, 10**6), min_size=1, max_size=9)
)
def test_shares_make_the_whole_and_none_is_off_by_more_than_one(total, weights):
    found = shares(total, weights)
    assert sum(found.values()) == total
    assert set(found) == set(weights)
    counted = {name: max(weight, 0) for name, weight in weights.items()}
    whole = sum(counted.values())
    for name, part in found.items() if whole else ():
        assert abs(part * whole - total * counted[name]) < whole


@given(
    st.integers(-(10**9), 10**9),
    st.integers(0, 10**6),
    st.integers(1, 10**6),
    st.sampled_from(["half_up", "half_even", "down"]),
)
def test_rounding_is_the_same_for_a_debt_and_its_reversal(amount, numerator, denominator, rounding):
    found = scaled(amount, numerator, denominator, rounding)
    assert found == -scaled(-amount, numerator, denominator, rounding)
    assert abs(found * denominator - amount * numerator) <= (denominator if rounding == "down" else denominator / 2)


OWNERSHIPS = st.sampled_from(["owner", "on_transfer"])


@given(
    ownership=OWNERSHIPS,
    milli=st.integers(1, 9).map(lambda units: units * 1000),
    cut=st.integers(0, 200),
    bearer=st.sampled_from(["owner", "keeper", "fund"]),
    back=st.booleans(),
)
def test_a_ledger_goes_on_from_the_rows_that_a_store_kept(ownership, milli, cut, bearer, back):
    terms = agreement(
        ownership=ownership, tax="added", handling_fee_minor=7, shrink={"bearer": bearer, "covers": "all"},
        insurance={"premium_ppm_per_day": 900},
    )  # fmt: skip
    bench = members(terms=terms, tax_permille=190)
    bench.tick(NOON_MS)
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(5_000))
    collected(bench, "o1", wanted(2_000, BREAD))
    bench.sell("back", line(1_000, BREAD, kind="return", price_minor=-149), order_ref="o1", store=THIRD_STORE)
    bench.sell("s1", line(milli), store=OTHER_STORE, occurred_at_ms=NOON_MS + 2_000, recorded_at_ms=NOON_MS + 2_000)
    if back:
        bench.sell(
            "s1",
            line(1_000),
            store=OTHER_STORE,
            version=2,
            occurred_at_ms=NOON_MS + 2_000,
            recorded_at_ms=NOON_MS + 2_000,
        )
    bench.report(
        "counted", "c1", line(1_000), store=OTHER_STORE, occurred_at_ms=NOON_MS + 5_000, recorded_at_ms=NOON_MS + 5_000
    )
    bench.configure(agreement(version=2, effective_from_ms=5, ownership=ownership))
    bench.pass_time(NOON_MS + 9 * DAY_MS)
    journal = bench.journal()
    whole, steps = fold(journal)
    found = [one for step in steps for one in step.transactions]
    assert found
    assert_balanced(found)
    assert sum(whole.net_positions().values()) == 0

    cut = min(cut, len(journal))
    rows: dict[str, str] = {}
    first = Ledger(POOL, lambda: journal)
    for entry in journal[:cut]:
        first.post(entry)
        if entry.position % 3 == 0:
            _keep(rows, first)
    _keep(rows, first)
    second = Ledger.load(POOL, lambda: journal, rows.items())
    assert [second.post(entry) for entry in journal[cut:]] == steps[cut:]
    assert second.net_positions() == whole.net_positions()
    _keep(rows, second)
    kept: dict[str, str] = {}
    _keep(kept, whole)
    assert rows == kept


def _keep(rows, ledger):
    for name, row in ledger.take_changes().items():
        if row is None:
            rows.pop(name, None)
        else:
            rows[name] = row
