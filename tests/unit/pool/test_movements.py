"""What sales, returns, receipts and adjustments do to the books."""

import pytest

from tests.support.pool import BREAD, FLOUR, MILK, NOON_MS, OTHER_STORE, POOL, furnished, line


def test_a_sale_takes_goods_away():
    bench = furnished()
    bench.report("opening", "o1", line(10_000))
    bench.sell("s1", line(2_000))
    assert bench.on_hand() == 8_000


def test_a_weighed_sale_takes_thousandths_of_a_kilogram():
    bench = furnished()
    bench.report("received", "r1", line(10_000, FLOUR))
    bench.sell("s1", line(485, FLOUR))
    assert bench.on_hand(FLOUR) == 9_515


@pytest.mark.parametrize(
    ("kind", "on_hand_milli"), [("return", 11_000), ("void", 11_000), ("return_not_restocked", 10_000)]
)
def test_returns_and_voids_bring_goods_back_unless_they_are_not_restocked(kind, on_hand_milli):
    bench = furnished()
    bench.report("opening", "o1", line(10_000))
    bench.sell("s1", line(1_000, kind=kind))
    assert bench.on_hand() == on_hand_milli


def test_one_receipt_may_sell_and_take_back():
    bench = furnished()
    bench.report("opening", "o1", line(10_000))
    bench.sell("s1", line(3_000), line(1_000, kind="return"), line(500, kind="void"))
    assert bench.on_hand() == 8_500


@pytest.mark.parametrize("kind", ["opening", "received"])
def test_openings_and_receipts_add(kind):
    bench = furnished()
    bench.report("received", "r1", line(1_000))
    bench.report(kind, "r2", line(2_000))
    assert bench.on_hand() == 3_000


@pytest.mark.parametrize("quantity_milli", [-2_000, 2_000, 0])
def test_an_adjustment_has_its_own_sign(quantity_milli):
    bench = furnished()
    bench.report("opening", "o1", line(5_000))
    bench.report("adjusted", "a1", line(quantity_milli, reason="waste"))
    assert bench.on_hand() == 5_000 + quantity_milli


def test_a_sale_is_never_refused_for_lack_of_stock():
    bench = furnished()
    bench.sell("s1", line(3_000))
    assert (bench.on_hand(), bench.available(), bench.reasons()) == (-3_000, 0, [])


def test_lines_of_one_receipt_touch_each_their_own_item():
    bench = furnished()
    bench.sell("s1", line(1_000), line(2_000, BREAD), line(250, FLOUR))
    assert (bench.on_hand(MILK), bench.on_hand(BREAD), bench.on_hand(FLOUR)) == (-1_000, -2_000, -250)


def test_two_lines_of_one_item_add_up():
    bench = furnished()
    bench.sell("s1", line(1_000), line(2_000))
    assert bench.on_hand() == -3_000


def test_a_store_sells_from_its_own_shelf():
    bench = furnished()
    bench.sell("s1", line(1_000), store=OTHER_STORE)
    assert (bench.on_hand(), bench.on_hand(store=OTHER_STORE)) == (0, -1_000)


def test_the_row_says_which_journal_entry_it_reflects():
    bench = furnished()
    bench.sell("s1", line(1_000), recorded_at_ms=NOON_MS + 1, appended_at_ms=NOON_MS + 2)
    row = bench.shelf()
    assert (row["position"], row["recorded_at_ms"], row["appended_at_ms"]) == (
        bench.journal()[-1].position,
        NOON_MS + 1,
        NOON_MS + 2,
    )


def test_the_journal_names_each_cause():
    bench = furnished()
    bench.sell("s1", line(1_000))
    bench.report("received", "r1", line(1_000))
    bench.tick(NOON_MS)
    causes = [(entry.cause.topic, entry.cause.offset) for entry in bench.journal()[-3:]]
    assert causes == [("pos.sales.v1", 0), ("pos.stock.v1", 0), ("pool.ticks.v1", 0)]


def test_the_sum_over_the_stores_is_what_the_pool_can_promise():
    bench = furnished()
    bench.report("opening", "o1", line(4_000))
    bench.report("opening", "o1", line(5_000), store=OTHER_STORE)
    bench.commit()
    answer = bench.partition.look_up({"pool": POOL, "sku": MILK})
    assert (answer["available_milli"], [row["store"] for row in answer["stores"]]) == (9_000, ["corner", "mill"])


def test_looking_up_an_item_without_stock_gives_nothing_and_an_unknown_one_is_an_error():
    bench = furnished()
    assert bench.partition.look_up({"pool": POOL, "sku": MILK})["stores"] == []
    for query in ({"pool": POOL, "sku": "no such"}, {"pool": "nowhere"}, {}):
        with pytest.raises(KeyError):
            bench.partition.look_up(query)
