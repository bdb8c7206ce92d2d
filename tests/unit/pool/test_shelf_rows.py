"""A shelf's row read by hand is the row that its schema reads; what is not such a row is left to the schema."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import BadMessage, Codec
from schemas.topics import POOL_CHANGELOG
from streams.pool.state.pool_state import SHELVES, _shelf_head
from streams.pool.state.shelf import MOVEMENT, Shelf, shelf_decoder

CHANGELOG = Codec(POOL_CHANGELOG.name)
BY_HAND = shelf_decoder(_shelf_head(CHANGELOG))
BIG, SMALL = st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1)
FIELDS = {
    name: SMALL if name in ("negatives", "short_picks", "first_block", "next_block") else BIG
    for name in Shelf.__slots__ if name != "recent"
}  # fmt: skip


@st.composite
def shelves(draw):
    shelf = Shelf()
    for name, values in FIELDS.items():
        setattr(shelf, name, draw(values))
    shelf.recent = bytes(draw(st.integers(0, 40)) * MOVEMENT.size) + draw(st.binary(max_size=70))
    return shelf


def fields(shelf):
    return {name: getattr(shelf, name) for name in Shelf.__slots__}


def table(raw):
    return SHELVES.table(CHANGELOG, {"shelf/p/sku/store": raw}.get, 10)


@given(shelves())
def test_both_ways_read_the_same(shelf):
    raw = SHELVES.encoder(CHANGELOG)(shelf)
    by_schema = Shelf(**CHANGELOG.decode(raw)["row"][1])
    assert fields(BY_HAND(raw)) == fields(by_schema) == fields(shelf)


def test_a_row_with_more_movements_than_two_bytes_of_length_say_is_read_by_the_schema():
    shelf = Shelf(recent=bytes(9_000))
    raw = SHELVES.encoder(CHANGELOG)(shelf)
    assert BY_HAND(raw) is None
    assert fields(table(raw).get(("p", "sku", "store"))) == fields(shelf)


@given(shelves(), st.data())
def test_damage_is_told_as_the_schema_tells_it(shelf, data):
    raw = SHELVES.encoder(CHANGELOG)(shelf)
    damaged = data.draw(st.sampled_from([raw[: data.draw(st.integers(0, len(raw) - 1))], raw + b"\0"]))
    assert BY_HAND(damaged) is None
    with pytest.raises(BadMessage):
        table(damaged).get(("p", "sku", "store"))


def test_another_record_of_the_changelog_is_no_shelf():
    assert BY_HAND(CHANGELOG.encode({"row": ("commonshelf.MovementBlock", {"recent": b""})})) is None
