"""Two releases side by side on one pool: readers are upgraded before writers, and who comes too early waits."""

import json
import shutil
import sys

import pytest

from messaging.journal import read_page
from schemas.codec import BadMessage, Codec, LaterSchema, topic_codec
from schemas.freeze import freeze
from schemas.generate.avro import schema_files
from schemas.generate.records import RECORDS, families
from schemas.registry import FOLDER, Registry, registry
from schemas.topics import POOL_JOURNAL, POS_SALES, TOPICS
from streams.pool.processor import PoolProcessor
from tests.support import pool as support
from tests.support.pool import MILK, POOL, PoolBench, furnished, line, sale

NEW_FIELD = {"name": "cashier_count", "type": ["null", "int"], "default": None, "doc": "A field of the next release."}


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """The schemas of a next release, whose sales have a field more; those of this one are released and frozen."""
    folder = tmp_path_factory.mktemp("next")
    shutil.copytree(RECORDS, folder / "records")
    shutil.copytree(FOLDER, folder / "avro")
    freeze(folder / "avro")
    file = folder / "records" / "pos" / "Sale.avsc"
    record = json.loads(file.read_text())
    record["fields"].append(NEW_FIELD)
    file.write_text(json.dumps(record))
    subjects = {topic.subject: topic.record for topic in TOPICS.values() if topic.record is not None}
    for path, text in schema_files(subjects, families(folder / "records"), folder / "avro").items():
        path.write_text(text)
    known = Registry(folder / "avro")
    assert known.latest(POS_SALES.name).version == 2
    return known


@pytest.fixture
def released(later, monkeypatch):
    """Has the bench be a worker of one release or of the next."""

    def choose(known: Registry) -> None:
        monkeypatch.setattr(sys.modules[support.__name__], "processor", lambda: PoolProcessor(known=known))

    return choose


def of_next(later: Registry, source_id: str, quantity_milli: int) -> bytes:
    """A sale as a connector of the next release writes it."""
    event = topic_codec(POS_SALES.name).decode(sale(source_id, line(quantity_milli)))
    return Codec(POS_SALES.name, later).encode({**event, "cashier_count": 2})


def taken_over(bench: PoolBench) -> PoolBench:
    """A worker on what another has committed, which goes on where that one stood."""
    successor = PoolBench(bench.committed)
    successor._offsets = dict(bench._offsets)
    return successor


def on_hand(bench: PoolBench) -> int:
    return bench.partition.look_up({"pool": POOL, "sku": MILK})["stores"][0]["on_hand_milli"]


def stocked() -> PoolBench:
    bench = furnished()
    bench.report("received", "r1", line(10_000))
    bench.sell("s1", line(1_000))
    bench.commit()
    return bench


def test_a_worker_that_meets_a_sale_of_the_next_release_waits_and_sets_nothing_aside(later):
    bench = stocked()
    before = dict(bench.committed.rows)
    with pytest.raises(LaterSchema, match=r"pos\.sales\.v1 is newer"):
        bench.put(POS_SALES.name, of_next(later, "s2", 2_000))
    assert bench.dead_letters() == []
    assert bench.committed.rows == before


def test_the_next_release_takes_over_reads_both_and_loses_nothing(later, released):
    old = stocked()
    released(later)
    new = taken_over(old)
    new.put(POS_SALES.name, of_next(later, "s2", 2_000))
    new.sell("s3", line(3_000))
    new.put(POS_SALES.name, of_next(later, "s2", 2_000))
    new.commit()
    assert on_hand(new) == 4_000
    assert new.dead_letters() == []


def test_as_long_as_writers_are_of_the_older_release_workers_of_both_take_over_from_each_other(later, released):
    bench = stocked()
    for known, source_id in ((later, "s2"), (registry(), "s3"), (later, "s4")):
        released(known)
        bench = taken_over(bench)
        bench.sell(source_id, line(1_000))
        bench.commit()
    assert on_hand(bench) == 6_000


def test_what_an_older_release_remembers_is_read_by_the_next_and_the_other_way_round_waits(later, released):
    """A revision counts by its difference to what is remembered of the event."""
    old = stocked()
    released(later)
    new = taken_over(old)
    new.sell("s1", line(5_000), version=2)
    new.put(POS_SALES.name, of_next(later, "s2", 1_000))
    new.commit()
    assert on_hand(new) == 4_000
    released(registry())
    again = taken_over(new)
    with pytest.raises(LaterSchema):
        again.sell("s2", line(2_000), version=2)


def test_an_id_that_no_next_release_can_have_given_is_garbage(later):
    foreign = (2**31).to_bytes(4, "big")
    value = b"\0" + foreign + of_next(later, "s2", 2_000)[5:]
    bench = stocked()
    bench.put(POS_SALES.name, value)
    assert bench.reasons() == ["foreign_schema"]


def test_a_journal_of_the_next_release_is_refused_as_such_by_an_older_reader(later, released):
    released(later)
    bench = furnished()
    [page] = [output.value for output in bench.outputs if output.topic == POOL_JOURNAL.name]
    with pytest.raises(BadMessage) as told:
        list(read_page(page))
    assert told.value.reason == "later_schema"
