"""State names the topics that it has read: after a restore those that hold the same, and no others."""

import pytest

from commonshelf.desks.backup.give_back import with_new_ids
from commonshelf.desks.backup.records import Record
from streams.pool.processor import PoolProcessor
from streams.restock.processor import RestockProcessor
from streams.runtime.assignment import OFFSETS_ROW
from streams.runtime.contract import Reached

RENAMED = {"pos.sales.v1": ("old/1", "new/7"), "pos.stock.v1": ("old/2", "new/8")}


@pytest.fixture(params=[PoolProcessor, RestockProcessor], ids=lambda processor: processor.name)
def processor(request):
    return request.param()


def record(processor, ids):
    reached = Reached(dict.fromkeys(ids, 42), ids)
    return Record(9, 1_000, OFFSETS_ROW.encode(), processor.encode_offsets(reached), (("h", b"1"),))


def test_ids_of_the_backup_become_those_of_now(processor):
    was = record(processor, {"pos.sales.v1": "old/1", "pos.stock.v1": "old/2"})
    now = with_new_ids(processor, was, RENAMED)
    assert now == record(processor, {"pos.sales.v1": "new/7", "pos.stock.v1": "new/8"})


def test_a_gap_that_was_open_stays_open(processor):
    """The backup has another topic than the one that was read."""
    was = record(processor, {"pos.sales.v1": "older/1", "gone.v1": "old/3"})
    assert with_new_ids(processor, was, RENAMED) == was


def test_other_rows_are_left_as_they_are(processor):
    for other in (Record(9, 1, b"pool/riverside", b"\x00row"), Record(10, 1, OFFSETS_ROW.encode(), None)):
        assert with_new_ids(processor, other, RENAMED) is other
