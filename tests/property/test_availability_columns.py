"""Rows of availability that are made by columns are those that are made one by one, byte for byte."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro_parts import row_bytes
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import Contribution, StoreItemSettings, StoreSettings
from streams.catalog import PoolConfig
from streams.pool.state import availability_columns
from streams.pool.state.availability import encode_availability
from streams.pool.state.availability_columns import _encode_longs, encode_many
from streams.pool.state.shelf import DAY_MS, Shelf

STORES, SKUS = ("corner", "mill", "nobody"), ("MILK", "FLOUR", "GHOST")
MILLI = st.integers(-50_000, 50_000) | st.integers(-(2**49), 2**49)
TIMES = st.just(0) | st.integers(0, 400).map(lambda days: 1_790_000_000_000 + days * DAY_MS + days)
COUNTS = st.integers(0, 9)
CONTRIBUTIONS = st.builds(
    Contribution, kind=st.sampled_from(["share", "cap", "fixed"]), value=st.sampled_from([0, 333, 1_000])
)


@st.composite
def shelves(draw):
    shelf = Shelf()
    for name in Shelf.__slots__:
        if name.endswith("_milli"):
            setattr(shelf, name, draw(MILLI))
        elif name.endswith("_ms"):
            setattr(shelf, name, draw(TIMES))
        elif name != "recent":
            setattr(shelf, name, draw(COUNTS))
    return shelf


@st.composite
def configs(draw):
    config = PoolConfig()
    for store in STORES[:2]:
        told = StoreSettings(
            store=store, name="A store", contribution=draw(CONTRIBUTIONS), open=draw(st.booleans()),
            safety_stock_milli=draw(st.sampled_from([0, 2_000])),
        )  # fmt: skip
        config.apply_change(("commonshelf.StoreSettings", told.to_avro()))
    for sku, unit in (("MILK", "each"), ("FLOUR", "kg")):
        config.apply_item(CatalogItem(pool="p", sku=sku, name=sku, unit=unit, recorded_at_ms=1).to_avro())
    for sku in draw(st.sets(st.sampled_from(SKUS))):
        own = StoreItemSettings(
            store=draw(st.sampled_from(STORES[:2])), sku=sku, listed=draw(st.booleans()),
            contribution=draw(st.none() | CONTRIBUTIONS), safety_stock_milli=draw(st.sampled_from([None, 0, 1_000])),
        )  # fmt: skip
        config.apply_change(("commonshelf.StoreItemSettings", own.to_avro()))
    return SimpleNamespace(config=config)


@given(
    pools=st.fixed_dictionaries({"p": configs(), "q": configs()}),
    rows=st.lists(
        st.tuples(st.tuples(st.sampled_from("pq"), st.sampled_from(SKUS), st.sampled_from(STORES)), shelves()),
        min_size=1, max_size=20,
    ),
)  # fmt: skip
def test_both_ways_make_the_same_rows(pools, rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(availability_columns, "MANY", 1)
        assert encode_many(pools, rows) == [encode_availability(pools, *row) for row in rows]


@given(rows=st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3), min_size=1, max_size=9))
def test_numbers_written_side_by_side_are_those_that_the_library_writes(rows):
    raw, ends = _encode_longs(np.array(rows, np.int64))
    header = topic_codec("pool.availability.v1").header
    assert [raw[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)] == [
        row_bytes(header, (), row)[len(header) :] for row in rows
    ]


def test_few_rows_and_numbers_that_are_too_large_are_left_to_the_other_way(monkeypatch):
    pools = {"p": SimpleNamespace(config=PoolConfig())}
    shelf = Shelf()
    assert encode_many(pools, [(("p", "MILK", "corner"), shelf)]) is None
    monkeypatch.setattr(availability_columns, "MANY", 1)
    assert encode_many(pools, [(("p", "MILK", "corner"), shelf)]) is not None
    shelf.on_hand_milli = -(2**63)
    assert encode_many(pools, [(("p", "MILK", "corner"), shelf)]) is None
