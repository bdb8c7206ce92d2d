"""Cases of settlement, computed by hand in each test's text."""

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.topics import CATALOG_ITEMS
from streams.settlement.ledger.ledger import Ledger
from tests.support.lending import AWAY, FAR_SHOP, HOME, SHOP, Pools
from tests.support.pool import BREAD, DAY_MS, MILK, NOON_MS, OTHER_STORE, STORE, line, wanted
from tests.support.settlement import (
    THIRD_STORE,
    agreement,
    assert_balanced,
    collected,
    fold,
    members,
    owed,
    transactions,
)
from tests.support.transfers import came, place, tell


def test_a_sale_across_stores_with_handling_fee_and_tax():
    """Two of milk cost twice 1.00, plus 10 % is 2.20; 7 % tax is 0.154, rounded 0.15; handling 0.50: 2.85 in all."""
    bench = members(terms=agreement(tax="added", handling_fee_minor=50), tax_permille=70)
    collected(bench, "o1", wanted(2_000))
    assert owed(bench) == {STORE: 285, OTHER_STORE: -285}
    found = transactions(bench)
    assert_balanced(found)
    assert [(one.about.kind, one.postings[0].amount_minor) for one in found] == [
        ("goods_sold", -220),
        ("handling_fee", -50),
    ]


def test_goods_of_ones_own_order_cost_nothing():
    bench = members(terms=agreement(handling_fee_minor=50, pickup_fee_minor=20))
    collected(bench, "o1", wanted(2_000), preferred_store=STORE)
    assert owed(bench) == {}


def test_a_return_to_a_third_store():
    """OTHER sold what STORE handed over: 2.20. Both come back to THIRD, which pays 3.00 and takes them at 2.20.

    So OTHER owes STORE 2.20 and THIRD 3.00, and THIRD owes OTHER 2.20.
    """
    bench = members(terms=agreement())
    collected(bench, "o1", wanted(2_000))
    bench.sell("back", line(2_000, kind="return", price_minor=-300), order_ref="o1", store=THIRD_STORE)
    assert owed(bench) == {STORE: 220, THIRD_STORE: 300 - 220, OTHER_STORE: -220 - 300 + 220}
    assert_balanced(transactions(bench))


def test_a_return_to_a_third_store_whose_goods_go_back_to_the_store_that_gave_them():
    """STORE takes its 2.20 back and owns the goods; THIRD buys them of STORE for 2.20, and OTHER owes THIRD 3.00."""
    bench = members(terms=agreement(returns_to="fulfilling"))
    collected(bench, "o1", wanted(2_000))
    bench.sell("back", line(2_000, kind="return", price_minor=-300), order_ref="o1", store=THIRD_STORE)
    assert owed(bench) == {STORE: 220, THIRD_STORE: 300 - 220, OTHER_STORE: -300}


def test_the_store_that_hands_over_takes_the_money_and_pays_a_referral_share():
    """The customer pays STORE 3.00 for two of milk that OTHER sold. OTHER gets 10 %: 0.30; STORE 0.50 for handling."""
    terms = agreement(customer_pays="fulfilling", referral_permille=100, handling_fee_minor=50)
    bench = members(terms=terms)
    collected(bench, "o1", wanted(2_000))
    assert owed(bench) == {STORE: 50 - 30, OTHER_STORE: 30 - 50}
    assert [one.about.kind for one in transactions(bench)] == ["referral_fee", "handling_fee"]


def test_a_referral_share_is_taken_back_at_the_price_at_which_it_was_posted():
    """10 % of 3.00; the milk then costs 9.00, and the void takes back 0.30, not 1.80."""
    bench = members(terms=agreement(customer_pays="fulfilling", referral_permille=100))
    bench.request("placed", "o1", wanted(2_000), preferred_store=OTHER_STORE)
    bench.request("confirmed", "o1")
    bench.sell("s1", line(2_000), order_ref="o1")
    assert owed(bench) == {STORE: -30, OTHER_STORE: 30}
    bench.stock_item(MILK, cost_minor=100, price_minor=900, recorded_at_ms=NOON_MS + 2)
    bench.sell("s1", line(2_000), line(2_000, kind="void"), order_ref="o1", version=2)
    assert owed(bench) == {}
    assert {one.about.kind for one in transactions(bench)} == {"referral_fee"}


def test_goods_that_come_back_to_a_third_store_are_those_of_the_store_that_took_the_money():
    """STORE was paid: it owes THIRD the 3.00 that THIRD paid back, has its 0.30 again, and sells both for 2.20."""
    bench = members(terms=agreement(customer_pays="fulfilling", referral_permille=100))
    collected(bench, "o1", wanted(2_000))
    bench.sell("back", line(2_000, kind="return", price_minor=-300), order_ref="o1", store=THIRD_STORE)
    assert owed(bench) == {STORE: -300 + 220, THIRD_STORE: 300 - 220}
    assert_balanced(transactions(bench))


def test_a_lost_transfer_shared_by_the_fund_with_deductible():
    """Six of milk are worth 6.60. The fund pays all above 1.00: 5.60, which the window's end charges to the members.

    In the window STORE sold for 3.00 and OTHER for 1.50: two thirds and one third of 5.60 are 3.73 and 1.87.
    """
    fund = {"bearer": "fund", "deductible_minor": 100}
    bench = members(20_000, agreement(transit_loss="fund", shrink=fund))
    bench.report("received", "r1", line(5_000), store=OTHER_STORE, occurred_at_ms=NOON_MS - 60_000)
    place(bench)
    tell(bench, "shipped", came(6_000))
    bench.sell("s1", line(2_000))
    bench.sell("s2", line(1_000), store=OTHER_STORE)
    tell(bench, "received", came(6_000, reason="not_found"))
    assert owed(bench) == {"@fund": -560, STORE: 560}
    bench.tick(NOON_MS)
    bench.pass_time(NOON_MS + 8 * DAY_MS)
    assert owed(bench) == {STORE: 560 - 373, OTHER_STORE: -187}
    assert_balanced(transactions(bench))


def test_a_transfer_passes_ownership_when_it_is_received():
    bench = members(terms=agreement())
    place(bench)
    tell(bench, "shipped", came(6_000))
    assert owed(bench) == {}
    tell(bench, "received", came(4_000))
    assert owed(bench) == {STORE: 440, OTHER_STORE: -440}


def test_goods_that_stay_their_owners_are_paid_when_they_are_sold():
    """Six are lent; OTHER sells two and voids one: it owes for one, 1.10, and keeps five of STORE, worth 5.50."""
    bench = members(terms=agreement(ownership="owner"))
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(6_000))
    assert owed(bench) == {}
    bench.sell("s1", line(2_000), store=OTHER_STORE, occurred_at_ms=NOON_MS + 2_000, recorded_at_ms=NOON_MS + 2_000)
    assert owed(bench) == {STORE: 220, OTHER_STORE: -220}
    bench.sell(
        "s2",
        line(1_000, kind="void"),
        store=OTHER_STORE,
        occurred_at_ms=NOON_MS + 3_000,
        recorded_at_ms=NOON_MS + 3_000,
    )
    assert owed(bench) == {STORE: 110, OTHER_STORE: -110}
    lent = [p.amount_minor for one in transactions(bench) for p in one.postings if p.account == "stock_lent"]
    assert sum(lent) == 550
    assert_balanced(transactions(bench))


def test_a_voided_sale_of_an_orders_goods_is_taken_back_at_its_price():
    """The till rings the order's milk up, for which OTHER owes 2.20; the void takes all of it back."""
    bench = members(terms=agreement(handling_fee_minor=50))
    bench.request("placed", "o1", wanted(2_000), preferred_store=OTHER_STORE)
    bench.request("confirmed", "o1")
    bench.sell("s1", line(2_000), order_ref="o1")
    assert owed(bench) == {STORE: 270, OTHER_STORE: -270}
    bench.sell("s1", line(2_000), line(2_000, kind="void"), order_ref="o1", version=2)
    assert bench.on_hand() == 10_000
    assert owed(bench) == {}


def test_a_late_sale_is_restated_in_the_next_window():
    """The window closes without the hand-over, which happened in it: the next window has it, as of the one before."""
    bench = members(terms=agreement(window={"every": "weekly", "starts_on": 3}))
    bench.tick(NOON_MS)
    bench.request("placed", "o1", wanted(2_000), preferred_store=OTHER_STORE, deadline_ms=NOON_MS + 20 * DAY_MS)
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"), report_id="picked")
    later = NOON_MS + 6 * DAY_MS
    bench.pass_time(later)
    bench.fulfil("done", bench.task("hand_over"), report_id="handed", occurred_at_ms=NOON_MS + 1_000,
                 recorded_at_ms=later, appended_at_ms=later)  # fmt: skip
    [one] = [found for found in transactions(bench) if found.about.kind == "goods_sold"]
    assert one.belongs_to_ms < one.window_ms
    assert one.window_ms - one.belongs_to_ms == 7 * DAY_MS


def test_an_agreement_that_changes_in_mid_window_holds_from_its_time_on():
    """Two at cost plus 10 % are 2.20; a day later two at cost plus 50 % are 3.00."""
    bench = members(terms=agreement())
    collected(bench, "o1", wanted(2_000))
    later = NOON_MS + DAY_MS
    bench.configure(
        agreement(version=2, effective_from_ms=later, transfer_price={"kind": "cost_plus", "permille": 500})
    )
    bench.pass_time(later)
    bench.request("placed", "o2", wanted(2_000), preferred_store=OTHER_STORE, deadline_ms=later + DAY_MS,
                  recorded_at_ms=later, appended_at_ms=later)  # fmt: skip
    at = {"occurred_at_ms": later + 1, "recorded_at_ms": later + 1, "appended_at_ms": later + 1}
    bench.request("confirmed", "o2", recorded_at_ms=later, appended_at_ms=later)
    bench.fulfil("done", bench.task("pick"), report_id="picked", **at)
    bench.fulfil("done", bench.task("hand_over"), report_id="handed", **at)
    assert owed(bench) == {STORE: 520, OTHER_STORE: -520}


def test_weighed_goods_cost_to_the_gram_and_are_rounded_once():
    """0.485 kg at 2.99 a kilogram and 10 % are 1.595165: 1.60."""
    bench = members(terms=agreement())
    bench.stock_item("FLOUR", unit="kg", cost_minor=299, recorded_at_ms=NOON_MS + 2)
    bench.report("received", "f0", line(9_000, "FLOUR"), occurred_at_ms=NOON_MS - 60_000)
    collected(bench, "o1", wanted(485, "FLOUR"))
    assert owed(bench) == {STORE: 160, OTHER_STORE: -160}


def test_what_has_no_price_is_held_and_posted_when_the_price_is_known():
    bench = members(terms=agreement())
    bench.stock_item("FLOUR", unit="kg", recorded_at_ms=NOON_MS + 2)
    bench.report("received", "f0", line(9_000, "FLOUR"), occurred_at_ms=NOON_MS - 60_000)
    collected(bench, "o1", wanted(2_000, "FLOUR"), wanted(1_000, BREAD))
    _, steps = fold(bench.journal())
    [waiting] = [one for step in steps for one in step.unpriced]
    assert (waiting.reason, waiting.about.sku, waiting.about.quantity_milli) == ("no_cost", "FLOUR", 2_000)
    assert owed(bench) == {STORE: 220, OTHER_STORE: -220}
    bench.stock_item("FLOUR", unit="kg", cost_minor=100, recorded_at_ms=NOON_MS + 3)
    _, steps = fold(bench.journal())
    assert [name for step in steps for name in step.priced] == [(waiting.position, waiting.item)]
    assert owed(bench) == {STORE: 440, OTHER_STORE: -440}


def test_an_agreement_that_is_dated_back_counts_as_if_it_had_been_known():
    bench = members(terms=agreement())
    collected(bench, "o1", wanted(2_000))
    bench.configure(agreement(version=2, effective_from_ms=1, transfer_price={"kind": "cost_plus", "permille": 500}))
    assert owed(bench) == {STORE: 300, OTHER_STORE: -300}
    assert [one.about.kind for one in transactions(bench)] == ["goods_sold", "restated"]
    assert_balanced(transactions(bench))


def test_nothing_is_posted_before_there_is_an_agreement_and_all_of_it_when_there_is():
    bench = members()
    collected(bench, "o1", wanted(2_000))
    assert owed(bench) == {}
    bench.configure(agreement(handling_fee_minor=50))
    assert owed(bench) == {STORE: 270, OTHER_STORE: -270}


def test_missing_goods_of_another_are_the_keepers_to_bear_after_its_own():
    """OTHER has two of its own and keeps six of STORE. A count finds five: its own two are gone, and one of STORE's."""
    bench = members(terms=agreement(ownership="owner"))
    bench.report("received", "r1", line(2_000), store=OTHER_STORE, occurred_at_ms=NOON_MS - 60_000)
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(6_000))
    bench.report("counted", "c1", line(5_000), store=OTHER_STORE, occurred_at_ms=NOON_MS + 5_000,
                 recorded_at_ms=NOON_MS + 5_000)  # fmt: skip
    assert owed(bench) == {STORE: 110, OTHER_STORE: -110}
    bench.report("counted", "c2", line(6_000), store=OTHER_STORE, occurred_at_ms=NOON_MS + 6_000,
                 recorded_at_ms=NOON_MS + 6_000)  # fmt: skip
    assert owed(bench) == {}
    assert_balanced(transactions(bench))


def test_goods_that_nobody_collected_cost_the_store_that_sold_a_fee():
    bench = members(terms=agreement(no_show_fee_minor=99))
    bench.request("placed", "o1", wanted(2_000), preferred_store=OTHER_STORE)
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"))
    bench.fulfil("refused", bench.task("hand_over"), reason="not_collected")
    assert owed(bench) == {STORE: 99, OTHER_STORE: -99}


def test_of_two_stores_only_the_one_whose_goods_nobody_collected_gets_the_fee():
    """The mill's bread, 2.20, is handed over in time; the milk that the corner shop picked is not."""
    bench = members(terms=agreement(no_show_fee_minor=99))
    bench.report("adjusted", "gone", line(-10_000, BREAD), occurred_at_ms=NOON_MS - 50_000)
    bench.report("received", "bread", line(1_000, BREAD), store=OTHER_STORE, occurred_at_ms=NOON_MS - 50_000)
    bench.request("placed", "o1", wanted(1_000), wanted(1_000, BREAD), preferred_store=THIRD_STORE)
    bench.request("confirmed", "o1")
    for store in (STORE, OTHER_STORE):
        bench.fulfil("done", bench.task("pick", store), store=store)
    bench.fulfil("done", bench.task("hand_over", OTHER_STORE), store=OTHER_STORE)
    bench.pass_time(NOON_MS + 2 * DAY_MS)
    assert owed(bench) == {STORE: 99, OTHER_STORE: 220, THIRD_STORE: -319}


def test_the_sku_is_told():
    bench = members(terms=agreement())
    collected(bench, "o1", wanted(2_000))
    [one] = transactions(bench)
    assert (one.about.sku, one.about.order, one.about.quantity_milli, one.agreement) == (MILK, "o1", 2_000, 1)


def test_the_example_of_the_page_on_agreements():
    """Bread at 2.00: Anna is OTHER, Bert is STORE, the mill is THIRD. -5.21, -3.20 and +2.35 are -6.06."""
    bench = members(terms=agreement(tax="added", handling_fee_minor=50))
    bench.stock_item(BREAD, cost_minor=200, price_minor=320, tax_permille=70, recorded_at_ms=NOON_MS + 2)
    collected(bench, "o1", wanted(2_000, BREAD))
    bench.sell("back", line(1_000, BREAD, kind="return", price_minor=320), order_ref="o1", store=THIRD_STORE)
    assert owed(bench) == {OTHER_STORE: -606, STORE: 521, THIRD_STORE: 85}


def test_lent_goods_that_were_sold_unpriced_and_came_back_in_part_are_paid_for_the_rest():
    """Two are sold before they have a cost, one comes back: when the cost is known, 1.10 is owed for the other."""
    bench = members(terms=agreement(ownership="owner"))
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(6_000))
    bench.stock_item(MILK, recorded_at_ms=NOON_MS + 2)  # nobody knows its cost any more
    later = {"store": OTHER_STORE, "occurred_at_ms": NOON_MS + 2_000, "recorded_at_ms": NOON_MS + 2_000}
    bench.sell("s1", line(2_000), **later)
    bench.sell("s2", line(1_000, kind="void"), **later)
    assert owed(bench) == {}
    bench.stock_item(MILK, cost_minor=100, recorded_at_ms=NOON_MS + 3)
    assert owed(bench) == {STORE: 110, OTHER_STORE: -110}
    _, steps = fold(bench.journal())
    [waited] = [one for step in steps for one in step.unpriced]
    assert [name for step in steps for name in step.priced] == [(waited.position, waited.item)]


def test_goods_that_were_lent_before_they_had_a_price_name_the_entry_that_lent_them():
    bench = members(terms=agreement(ownership="owner"))
    bench.stock_item(MILK, recorded_at_ms=NOON_MS + 2)
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(6_000))
    received = len(bench.journal())
    bench.stock_item(MILK, cost_minor=100, recorded_at_ms=NOON_MS + 3)
    [lent] = transactions(bench)
    assert (lent.about.kind, lent.position, lent.posted_position) == ("lot_lent", received, received + 1)


def test_stock_lent_between_pools_with_another_currency_of_fee():
    """South's order takes two of milk from north's corner shop, which lends ten.

    In north's books the pool south owes the shop two at 1.10, 2.20 EUR, and 0.25 USD of fee for each: 0.50 USD. In
    south's its shop on the hill owes the pool north two at 1.00 and 50 %, 3.00 EUR, and by its own agreement 0.30 CHF
    for each: 0.60 CHF. A currency is never reckoned into another.
    """
    pools = Pools()
    lent = {HOME: (100, AWAY, 25, "USD"), AWAY: (500, HOME, 30, "CHF")}
    for pool, (permille, other, fee_minor, currency) in lent.items():
        item = CatalogItem(pool=pool, sku=MILK, name=MILK, cost_minor=100, recorded_at_ms=NOON_MS + 1)
        pools.put(pool, CATALOG_ITEMS.name, topic_codec(CATALOG_ITEMS.name).encode(item.to_avro()))
        fee = {"pool": other, "fee_minor_per_unit": fee_minor, "currency": currency}
        price = {"kind": "cost_plus", "permille": permille}
        pools.configure(pool, agreement(lending=[fee], transfer_price=price))
    pools.lend(10_000)
    pools.settle()
    pools.order(AWAY, "o1", 2_000)
    pools.request(AWAY, "confirmed", "o1")
    pools.settle()
    for kind in ("pick", "hand_over"):
        pools.fulfil("done", pools.task(kind)["task"])
        pools.settle()
    found = {}
    for pool in (HOME, AWAY):
        entries = pools.benches[pool].journal(pool)
        ledger = Ledger(pool, lambda entries=entries: entries)
        assert_balanced(one for entry in entries for one in ledger.post(entry).transactions)
        found[pool] = ledger.net_positions()
    assert found[HOME] == {
        (SHOP, "EUR"): 220, (f"@pool:{AWAY}", "EUR"): -220, (SHOP, "USD"): 50, (f"@pool:{AWAY}", "USD"): -50,
    }  # fmt: skip
    assert found[AWAY] == {
        (f"@pool:{HOME}", "EUR"): 300, (FAR_SHOP, "EUR"): -300, (f"@pool:{HOME}", "CHF"): 60, (FAR_SHOP, "CHF"): -60,
    }  # fmt: skip
