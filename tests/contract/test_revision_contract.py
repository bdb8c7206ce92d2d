"""What every vendor's connector keeps to when a revision says less than the version before, and what costs no sale."""

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tills import TILLS, DropFolder, PosLog, on_hand
from tests.support.translated import LEAVES


@pytest.fixture(params=TILLS, ids=lambda till: till.system)
def till(request):
    return request.param


def after(till, change):
    """On hand after an order and its revision, of which `change` made something else."""
    first, second = till.order(), till.order(version=2)
    change(second)
    return on_hand(till.read(first), till.read(second))


def test_a_revision_that_says_the_same_changes_nothing(till):
    assert after(till, lambda _order: None) == [-2_000, -3_000]


@pytest.mark.parametrize("junk", ["many", [], {}, "1e999", True])
def test_a_line_whose_quantity_cannot_be_read_stays_sold(till, junk):
    assert after(till, lambda order: till.lines(order)[1].update({till.quantity: junk})) == [-2_000, -3_000]


@pytest.mark.parametrize("junk", ["x", 7, None, []])
def test_a_line_that_is_no_object_stays_sold_and_no_other_comes_back(till, junk):
    def change(order):
        till.lines(order)[1] = junk

    assert after(till, change) == [-2_000, -3_000]


def test_a_line_that_is_gone_was_not_sold_after_all(till):
    assert after(till, lambda order: till.lines(order).pop()) == [-2_000, 0]


def test_a_revision_without_any_line_takes_all_back(till):
    assert after(till, lambda order: till.lines(order).clear()) == [0, 0]


def test_a_line_that_is_gone_comes_back_though_no_other_can_be_read(till):
    def change(order):
        till.lines(order).pop(0)
        till.lines(order)[0][till.quantity] = "many"

    # The generic webhook's sender hears of it at once, and sends the whole again.
    assert after(till, change) == [-2_000 if till.system == "webhook" else 0, -3_000]


@pytest.mark.parametrize("junk", [None, "x"])
def test_a_revision_that_does_not_list_its_lines_says_nothing_of_them(till, junk):
    def change(order):
        order[till.lines_at] = junk

    if till.system != "odoo":  # its lines are records of their own
        assert after(till, change) == [-2_000, -3_000]


def test_with_a_line_that_cannot_be_read_the_other_is_still_revised(till):
    def change(order):
        till.lines(order)[0][till.quantity] = {"unitQty": 5000}.get(till.quantity, 5)
        till.lines(order)[1][till.quantity] = "many"

    # The generic webhook's sender hears of it at once, and sends the whole again.
    assert after(till, change) == [-2_000 if till.system == "webhook" else -5_000, -3_000]


def sold(translated):
    return [(line.kind, line.code, line.quantity_milli) for event in translated.events for line in event.lines]


@pytest.mark.parametrize("till", [*TILLS, DropFolder(), PosLog()], ids=lambda till: till.system)
@settings(max_examples=60)
@given(data=st.data())
def test_no_sale_is_lost_for_what_is_not_its_quantity_item_or_time(till, data):
    order = till.order()
    whole = sold(till.read(order))
    bent = deepcopy(order)
    for name in sorted(set(order) - set(till.matters_in_order)):
        if data.draw(st.booleans()):
            bent[name] = data.draw(LEAVES)
    for line in till.lines(bent):
        for name in sorted(set(line) - set(till.matters_in_line)):
            if data.draw(st.booleans()):
                line[name] = data.draw(LEAVES)
    assert sold(till.read(bent)) == whole
