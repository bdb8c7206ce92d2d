"""What happens to goods while they wait for their price: sold, lost, found and returned, they come to the same."""

import pytest

from tests.support.pool import MILK, NOON_MS, OTHER_STORE, STORE, line, wanted
from tests.support.settlement import agreement, assert_balanced, collected, fold, members, owed, transactions
from tests.support.transfers import came, place, tell


def unpriced(terms):
    bench = members(20_000, terms=terms)
    bench.stock_item(MILK, recorded_at_ms=NOON_MS + 2)
    return bench


def price(bench, cost_minor=100):
    bench.stock_item(MILK, cost_minor=cost_minor, price_minor=150, recorded_at_ms=NOON_MS + 9)


def later(seconds):
    return {"occurred_at_ms": NOON_MS + 1_000 * seconds, "recorded_at_ms": NOON_MS + 1_000 * seconds}


def count(bench, milli, seconds, store=OTHER_STORE):
    bench.report("counted", f"c{seconds}", line(milli), store=store, **later(seconds))


def waiting(bench):
    """Kind and quantity of all that waits."""
    ledger, _ = fold(bench.journal())
    return [(claim["about"][0], claim["about"][6]) for _, claim in sorted(ledger._books.unpriced.items())]


def lent(bench):
    """Value that stands on the owner's stock lent."""
    return sum(
        part.amount_minor for one in transactions(bench) for part in one.postings if part.account == "stock_lent"
    )


@pytest.mark.parametrize("came_milli", [6_000, 2_000])
def test_goods_lost_on_their_way_that_come_before_their_price_is_known_are_owed_by_nobody(came_milli):
    """Six do not come; then all of them do, or two: four at 1.10 are lost."""
    bench = unpriced(agreement(transit_loss="receiver"))
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(6_000, reason="not_found"))
    assert waiting(bench) == [("transit_loss", 6_000)]
    tell(bench, "received", came(came_milli), report_id="there after all")
    price(bench)
    lost = 6 - came_milli // 1_000
    bought = came_milli // 1_000
    assert owed(bench) == {STORE: 110 * (bought + lost), OTHER_STORE: -110 * (bought + lost)}
    losses = [one for one in transactions(bench) if one.about.kind == "transit_loss"]
    assert sum(one.about.quantity_milli for one in losses) == 1_000 * lost
    assert waiting(bench) == []


def test_goods_of_ones_own_that_were_missing_and_are_found_before_their_price_is_known_cost_the_fund_nothing():
    bench = unpriced(agreement(shrink={"bearer": "fund", "covers": "all"}))
    count(bench, 14_000, 1, STORE)
    assert waiting(bench) == [("shrink", 6_000)]
    count(bench, 19_000, 2, STORE)
    assert waiting(bench) == [("shrink", 1_000)]
    price(bench)
    assert owed(bench) == {STORE: 110, "@fund": -110}


def received_unpriced(**terms):
    bench = unpriced(agreement(ownership="owner", **terms))
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(6_000))
    return bench


def test_lent_goods_without_a_price_are_sold_lost_and_returned_as_others_are():
    """Of six two are sold and one comes back; a count finds four of five. The price of 1.10 comes then.

    OTHER owes for one sold and one missing, 2.20, and keeps four, worth 4.40.
    """
    bench = received_unpriced()
    bench.sell("s1", line(2_000), store=OTHER_STORE, **later(2))
    bench.sell("s2", line(1_000, kind="void"), store=OTHER_STORE, **later(3))
    count(bench, 4_000, 5)
    assert waiting(bench) == [("transfer", 6_000), ("lot_sold", 1_000), ("shrink", 1_000)]
    assert transactions(bench) == []
    price(bench)
    assert owed(bench) == {STORE: 220, OTHER_STORE: -220}
    assert lent(bench) == 440
    assert waiting(bench) == []
    assert_balanced(transactions(bench))
    bench.sell("s3", line(1_000, kind="void"), store=OTHER_STORE, **later(6))
    count(bench, 6_000, 7)
    assert owed(bench) == {}
    assert lent(bench) == 660


def test_lent_goods_without_a_price_that_are_found_before_it_comes_were_never_lost():
    bench = received_unpriced()
    count(bench, 4_000, 2)
    count(bench, 6_000, 3)
    assert waiting(bench) == [("transfer", 6_000)]
    price(bench)
    assert owed(bench) == {}
    assert lent(bench) == 660


def test_a_loss_of_lent_goods_without_a_price_is_borne_by_the_rule_once_they_have_one():
    """Two of six at 1.10 are missing: the fund pays what is above 1.00."""
    bench = received_unpriced(shrink={"bearer": "fund", "deductible_minor": 100})
    count(bench, 4_000, 2)
    price(bench)
    assert owed(bench) == {STORE: 120, "@fund": -120}
    shrink = [part for one in transactions(bench) for part in one.postings if part.account == "shrink"]
    assert sum(part.amount_minor for part in shrink if part.party == STORE) == 220 - 120


def test_each_of_two_lots_gets_the_price_of_the_terms_under_which_it_came():
    """Four are sold: six came at cost plus 10 %, two later ones at cost plus 50 %."""
    bench = received_unpriced()
    bench.configure(
        agreement(version=2, ownership="owner", effective_from_ms=NOON_MS + 5_000,
                  transfer_price={"kind": "cost_plus", "permille": 500})
    )  # fmt: skip
    place(bench, transfer="t2")
    tell(bench, "shipped", came(2_000), transfer="t2")
    tell(bench, "received", came(2_000), transfer="t2", occurred_at_ms=NOON_MS + 6_000, recorded_at_ms=NOON_MS + 6_000)
    bench.sell("s1", line(4_000), store=OTHER_STORE, **later(7))
    price(bench)
    assert owed(bench) == {STORE: 4 * 150, OTHER_STORE: -4 * 150}
    assert lent(bench) == 2 * 110 + 2 * 150


def test_a_referral_share_waits_for_the_retail_price_and_is_told():
    """The customer pays STORE for two of milk that nobody has priced; at 1.50 OTHER's 10 % are 0.30."""
    bench = unpriced(agreement(customer_pays="fulfilling", referral_permille=100))
    collected(bench, "o1", wanted(2_000))
    assert waiting(bench) == [("referral_fee", 2_000)]
    assert owed(bench) == {}
    price(bench)
    assert waiting(bench) == []
    assert owed(bench) == {STORE: -30, OTHER_STORE: 30}
