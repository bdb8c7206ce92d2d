"""What the demo shows of settlement: what crossed shops, and how few payments that comes to."""

from commonshelf.demo.consortium import consortium_of
from commonshelf.demo.settlement_watch import SettlementView
from schemas.models.agreement import Agreement
from streams.settlement.store.messages import transaction_message
from tests.support.pool import OTHER_STORE, STORE, wanted
from tests.support.settlement import agreement, collected, members, transactions
from world.region import Region


def test_debts_both_ways_come_to_one_payment_a_window():
    """Milk at 1.10 each: two for the mill's customer, and a fee of 0.50; 2.70 in all."""
    bench = members(terms=agreement(handling_fee_minor=50))
    collected(bench, "o1", wanted(2_000))
    view = SettlementView()
    [goods, fee] = [transaction_message(one) for one in transactions(bench)]
    back = goods | {
        "postings": [one | {"party": one["counterparty"], "counterparty": one["party"]} for one in goods["postings"]]
    }
    later = fee | {"window_ms": fee["window_ms"] + 60_000}
    for one in (goods, fee, back, later):
        view.take_transaction(one)
    view.count_payments()
    assert (view.crossed_minor, view.debts, view.payments) == (220 + 50 + 220 + 50, 4, 2)
    assert {STORE, OTHER_STORE} == {posting["party"] for posting in goods["postings"]}


def test_windows_that_closed_are_counted_once_whoever_has_a_statement():
    view = SettlementView()
    for end_ms in (60_000, 60_000, 120_000):
        view.take_statement({"end_ms": end_ms})
    assert view.windows_closed == 2


def test_the_shops_settle_when_a_week_of_theirs_is_over():
    *_, last = consortium_of(Region(1, stores=2), 0, week_min=3).records
    assert isinstance(last.change, Agreement)
    assert (last.change.window.every, last.change.window.minutes) == ("minutes", 3)
