"""Pages of a list go on behind the place of the last entry, whether or not it is still there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonshelf.web.api.context import encode_cursor, page_of_list
from commonshelf.web.api.problems import ProblemError

PLACES = st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 2**53), st.text(max_size=5)), unique=True).map(sorted)


def page(places, cursor, limit):
    return page_of_list(places, lambda row: row, list, cursor, limit)


@given(PLACES, st.integers(1, 4))
def test_pages_have_each_entry_once_in_order(places, limit):
    found, cursor = page(places, None, limit)
    while cursor is not None:
        more, cursor = page(places, cursor, limit)
        found += more
    assert found == list(map(list, places))


@given(PLACES, st.integers(1, 4), st.data())
def test_what_goes_between_two_pages_changes_nothing_behind_it(places, limit, data):
    shown, cursor = page(places, None, limit)
    if cursor is None:
        return
    gone = data.draw(st.sets(st.sampled_from(places)))
    left = [place for place in places if place not in gone]
    following, _ = page(left, cursor, len(places))
    assert following == [list(place) for place in places[len(shown) :] if place not in gone]


@pytest.mark.parametrize("text", ["T-1", "[]", "{}", '["T-1", 2]', "1", '[1, "T-1"]', '[1, 1e999, "y"]', "*"])
def test_a_cursor_of_another_list_is_told_to_be_none(text):
    cursor = text if text == "*" else encode_cursor(text)
    with pytest.raises(ProblemError, match="invalid_request"):
        page([(1, 2, "T-1")], cursor, 1)
