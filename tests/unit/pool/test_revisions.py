"""What a version of a receipt took stays taken unless the next one says that it was not sold."""

import pytest

from schemas.models.config import CodeMapping
from tests.support.orders import stocked
from tests.support.pool import BREAD, MILK, furnished, line, wanted


@pytest.fixture(params=["one batch", "a restart each"])
def bench(request):
    bench = furnished()
    put = bench.put

    def put_and_restart(*args, **options):
        put(*args, **options)
        if request.param == "a restart each":
            bench.commit()
            bench.restart()

    bench.put = put_and_restart
    return bench


def both(bench):
    return bench.on_hand(MILK), bench.on_hand(BREAD)


def test_a_line_that_is_gone_was_not_sold(bench):
    bench.sell("s1", line(1_000, line_id="1"), line(2_000, BREAD, line_id="2"))
    bench.sell("s1", line(1_000, line_id="1"), version=2)
    assert both(bench) == (-1_000, 0)


def test_a_line_that_could_not_be_read_stays(bench):
    bench.sell("s1", line(1_000, line_id="1"), line(2_000, BREAD, line_id="2"))
    bench.sell("s1", line(3_000, line_id="1"), version=2, unread_lines=["2"])
    assert both(bench) == (-3_000, -2_000)
    assert bench.counts()["applied"] == 3


def test_with_a_line_stays_what_is_named_below_it(bench):
    bench.sell("s1", line(1_000, line_id="1"), line(2_000, BREAD, line_id="2"),
               line(500, BREAD, line_id="2/void", kind="void"), line(700, BREAD, line_id="20"))  # fmt: skip
    bench.sell("s1", line(1_000, line_id="1"), version=2, unread_lines=["2"])
    assert both(bench) == (-1_000, -1_500)


def test_what_stayed_stays_again_and_goes_when_a_version_says_so(bench):
    bench.sell("s1", line(1_000, line_id="1"), line(2_000, BREAD, line_id="2"))
    for version in (2, 3, 4):
        bench.sell("s1", line(1_000, line_id="1"), version=version, unread_lines=["2"])
        assert both(bench) == (-1_000, -2_000)
    bench.sell("s1", line(1_000, line_id="1"), version=5)
    assert both(bench) == (-1_000, 0)


def test_what_was_never_sold_does_not_come_from_not_being_read(bench):
    bench.sell("s1", line(1_000, line_id="1"), unread_lines=["2"])
    bench.sell("s1", line(1_000, line_id="1"), version=2, unread_lines=["2", "3"])
    assert both(bench) == (-1_000, 0)


def test_a_line_whose_code_was_renamed_stays_until_the_new_one_is_mapped(bench):
    bench.sell("s1", line(1_000, line_id="1"), line(2_000, BREAD, line_id="2"))
    renamed = line(2_000, line_id="2", code="sku:NEW-NAME")
    bench.sell("s1", line(1_000, line_id="1"), renamed, version=2)
    assert (both(bench), bench.reasons()) == ((-1_000, -2_000), ["unmapped_code"])
    bench.configure(CodeMapping(code="sku:NEW-NAME", sku=BREAD))
    bench.sell("s1", renamed, version=2)
    assert both(bench) == (-1_000, -2_000)
    bench.sell("s1", renamed, version=2)
    assert both(bench) == (-1_000, -2_000)
    bench.sell("s1", line(1_000, line_id="1"), version=3)
    assert both(bench) == (-1_000, 0)


def test_a_renamed_line_that_turns_out_to_be_another_item_moves_to_it(bench):
    bench.sell("s1", line(2_000, BREAD, line_id="1"), line(1_000, BREAD, line_id="2"))
    bench.sell("s1", line(2_000, line_id="1", code="sku:NEW"), line(1_000, BREAD, line_id="2"), version=2)
    bench.configure(CodeMapping(code="sku:NEW", sku=MILK))
    bench.sell("s1", line(2_000, line_id="1", code="sku:NEW"), version=2)
    assert both(bench) == (-2_000, -1_000)


@pytest.mark.parametrize("odd", [{"unit": "kg"}, {"line_id": "2", "quantity_milli": 0}])
def test_a_line_that_is_set_aside_for_another_reason_stays(bench, odd):
    bench.sell("s1", line(1_000, line_id="1"), line(2_000, BREAD, line_id="2"))
    bench.sell("s1", line(1_000, line_id="1"), {**line(2_000, BREAD, line_id="2"), **odd}, version=2, raw=True)
    assert both(bench) == (-1_000, -2_000)


def test_received_goods_stay_received_in_the_same_way(bench):
    bench.report("received", "r1", line(1_000, line_id="1"), line(2_000, BREAD, line_id="2"))
    bench.report("received", "r1", line(1_000, line_id="1"), line(2_000, line_id="2", code="sku:NEW"), version=2)
    assert both(bench) == (1_000, 2_000)


def test_goods_of_an_order_that_stay_are_still_the_orders():
    bench = stocked()
    bench.lend("fixed", 5_000)
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.sell("s1", line(1_000, BREAD, line_id="1"), line(2_000, line_id="2"), order_ref="o1")
    bench.commit()
    before = bench.order()["holds"], bench.on_hand(), bench.available()
    renamed = line(2_000, line_id="2", code="sku:NEW")
    bench.sell("s1", line(1_000, BREAD, line_id="1"), renamed, order_ref="o1", version=2)
    bench.commit()
    assert (bench.order()["holds"], bench.on_hand(), bench.available()) == before


def test_a_line_of_which_not_even_the_id_could_be_read_may_be_any(bench):
    bench.sell("s1", line(1_000, line_id="1"), line(2_000, BREAD, line_id="2"))
    bench.sell("s1", line(3_000, line_id="1"), version=2, unread_lines=["*"])
    assert both(bench) == (-3_000, -2_000)
