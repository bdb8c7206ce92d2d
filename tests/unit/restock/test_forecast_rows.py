"""What a pool has learned survives as rows, and grows by shelves, items and stores."""

import numpy as np

from streams.restock.forecast.learn import learn
from streams.restock.forecast.rows import BLOCK, from_blocks, grown, to_blocks
from streams.restock.forecast.state import Kind, Layout, first_state
from tests.support.forecast import layout_of, sales_of, weekly

FAIR = (Kind("street fair", 1_500),)


def same(one, other):
    return all((left == right).all() for left, right in zip(one, other, strict=True))


def busy(layout, kinds=FAIR):
    """A state of which every number is another."""
    count = 0
    fields = []
    for zeros in first_state(layout, len(kinds)):
        numbers = (np.arange(zeros.size) + count).reshape(zeros.shape)
        count += zeros.size
        fields.append(numbers % 2 == 0 if zeros.dtype == np.bool_ else numbers * 1_000_003)
    return type(first_state(layout, 0))(*fields)


def test_blocks_give_the_state_back_to_the_last_digit():
    layout = layout_of(stores=3, items=BLOCK)
    state = busy(layout)
    blocks = to_blocks(state)
    assert len([name for name in blocks if name.startswith("shelf/")]) == 3
    assert same(from_blocks(blocks, layout, 1), state)
    assert to_blocks(from_blocks(blocks, layout, 1)) == blocks


def test_what_is_new_stands_at_the_end_and_begins_with_nothing():
    small, large = layout_of(stores=2, items=3), layout_of(stores=3, items=5)
    state = busy(small)
    wider = grown(state, large, 1)
    assert same(wider, from_blocks(to_blocks(state), large, 1))
    assert (wider.item_sold[:3] == state.item_sold).all()
    assert not wider.item_sold[3:].any()
    assert (wider.category_sold[:2, : state.category_sold.shape[1]] == state.category_sold).all()


def test_sums_of_squares_that_are_full_keep_their_ratio_to_the_units():
    layout: Layout = layout_of(stores=1, items=1)
    state = first_state(layout, 0)
    sales = sales_of(layout, weekly(0), [40_000])._replace(
        squares=np.array([40_000 * 30]), units=np.array([40_000])
    )  # fmt: skip
    for _ in range(400):
        state = learn(layout, (), state, sales)
    assert abs(state.item_squares[0] / state.item_units[0] - 30) < 0.01
