"""Dead letters on a real Kafka with the real worker: each is replayed at most once, at its own time, or given up."""

import json

import pytest
from confluent_kafka import Producer

from commonshelf.dead_letters.desk import DeskTakenError, _tell, _transaction
from schemas.codec import topic_codec
from schemas.models.config import ConfigChange, PoolSettings, StoreSettings
from schemas.models.ticks import Tick
from schemas.partition import partition_of
from schemas.topics import POS_SALES
from tests.support.shop import DAY_MS, STORE

HOUR_MS = 3_600_000


def test_a_fixed_line_counts_once_however_often_it_is_replayed(shop):
    shop.publish(shop.sale("s1", ("sku:MILK", 1_000), ("plu:1", 2_000)))
    (letter,) = shop.letters(1)
    assert (letter.reason, letter.state, [line["code"] for line in letter.lines]) == (
        "unmapped_code", "waiting", ["plu:1"],
    )  # fmt: skip
    assert shop.replay().left == [(letter, "not mapped: see `./shelf map`")]

    shop.map("plu:1", "BREAD")
    first = shop.replay()
    assert (first.published, vars(first.verdict)) == (1, {"applied": 1, "absorbed": 0, "set_aside": 0})
    assert shop.desk().replay([letter], "again, with what an operator saw before") == []
    assert [one.state for one in shop.letters()] == ["replayed"]
    shop.on_hand("BREAD", 98_000)
    shop.on_hand("MILK", 99_000)


def test_a_line_keeps_its_own_time_so_a_count_since_absorbs_it(shop):
    shop.publish(shop.sale("s1", ("plu:1", 2_000), at_ms=shop.now_ms - HOUR_MS))
    shop.letters(1)
    shop.publish(shop.report("counted", "count", ("sku:BREAD", 50_000)))
    shop.on_hand("BREAD", 50_000)
    shop.map("plu:1", "BREAD")
    assert shop.replay().verdict.applied == 1
    shop.on_hand("BREAD", 50_000)


def test_what_is_set_aside_again_is_shown_as_such_and_waits_once(shop):
    shop.publish(shop.sale("s1", ("plu:1", 1_000), ("plu:2", 1_000)))
    (letter,) = shop.letters(1)
    shop.map("plu:1", "BREAD")
    assert vars(shop.replay().verdict) == {"applied": 1, "absorbed": 0, "set_aside": 1}
    old, new = shop.letters(2)
    assert (old.place, old.state, old.again) == (letter.place, "set aside again", (new.place,))
    assert (new.state, new.replay_of, [line["code"] for line in new.lines]) == ("waiting", old.place, ["plu:2"])
    assert shop.replay().published == 0
    shop.map("plu:2", "MILK")
    assert shop.replay().verdict.applied == 1
    assert [one.state for one in shop.letters()] == ["set aside again", "replayed"]
    shop.on_hand("BREAD", 99_000)
    shop.on_hand("MILK", 99_000)


def test_a_letter_whose_event_the_pool_has_forgotten_does_not_count_twice(shop):
    """The same event came twice before its code was mapped; the second letter is replayed when all is forgotten."""
    then_ms = shop.now_ms - 5 * DAY_MS
    shop.configure(PoolSettings(name="A pool", late_limit_ms=HOUR_MS))
    shop.publish(Tick(pool=shop.pool, at_ms=then_ms, origin="test"))
    event = shop.sale("s1", ("plu:1", 2_000), at_ms=then_ms)
    shop.publish(event)
    shop.letters(1)
    shop.publish(event)
    first, second = shop.letters(2)
    shop.map("plu:1", "BREAD")
    assert shop.replay([first]).verdict.applied == 1
    shop.on_hand("BREAD", 98_000)
    shop.publish(Tick(pool=shop.pool, at_ms=shop.now_ms, origin="test"))
    done = shop.replay([second])
    assert (done.published, done.superseded) == (0, 1)
    assert [one.state for one in shop.letters()] == ["replayed", "superseded"]
    shop.publish(event)  # known, or too late: nothing changes either way
    shop.publish(shop.sale("s2", ("sku:MILK", 1_000)))
    shop.on_hand("MILK", 99_000)
    shop.on_hand("BREAD", 98_000)


def test_of_an_old_letter_only_the_lines_that_are_still_due_are_published(shop):
    then_ms = shop.now_ms - 5 * DAY_MS
    shop.configure(PoolSettings(name="A pool", late_limit_ms=HOUR_MS))
    shop.publish(Tick(pool=shop.pool, at_ms=then_ms, origin="test"))
    whole = shop.sale("s1", ("plu:1", 2_000), ("plu:2", 3_000), at_ms=then_ms)
    shop.publish(whole)
    (letter,) = shop.letters(1)
    shop.map("plu:1", "BREAD")
    shop.publish(whole)
    shop.on_hand("BREAD", 98_000)
    shop.publish(Tick(pool=shop.pool, at_ms=shop.now_ms, origin="test"))
    shop.map("plu:2", "BREAD")
    assert vars(shop.replay([letter]).verdict) == {"applied": 1, "absorbed": 0, "set_aside": 0}
    shop.on_hand("BREAD", 95_000)


def test_a_second_desk_on_the_same_letters_ends_the_first_which_then_does_nothing(shop):
    shop.publish(shop.sale("s1", ("plu:1", 2_000)))
    letters = shop.letters(1)
    shop.map("plu:1", "BREAD")
    slow = shop.desk()
    producer, due = next(slow._due(letters, set()))
    assert shop.replay(letters).verdict.applied == 1
    with pytest.raises(DeskTakenError, match="run it again"), _transaction(producer):
        _tell(producer, slow._publish(producer, due, {}, "too slow"))
    shop.publish(shop.sale("s2", ("plu:1", 1_000)))
    shop.on_hand("BREAD", 97_000)
    assert [one.state for one in shop.letters()] == ["replayed"]


def test_a_desk_that_dies_before_it_commits_has_done_nothing(shop):
    shop.publish(shop.sale("s1", ("plu:1", 2_000)))
    letters = shop.letters(1)
    shop.map("plu:1", "BREAD")
    dying = shop.desk()
    producer, due = next(dying._due(letters, set()))
    producer.begin_transaction()
    _tell(producer, dying._publish(producer, due, {}, "about to die"))
    producer.flush(10)
    assert [one.state for one in shop.letters()] == ["waiting"]
    assert shop.replay(letters).verdict.applied == 1
    shop.on_hand("BREAD", 98_000)
    assert [one.outcome.reason for one in shop.letters()] == ["test"]


def test_a_record_on_the_wrong_partition_is_replayed_where_its_pool_lives(shop):
    event = shop.sale("s1", ("sku:BREAD", 2_000))
    home = partition_of(shop.pool, shop.partitions)
    wrong = (home + 1) % shop.partitions
    producer = Producer(shop.options)
    producer.produce(POS_SALES.name, topic_codec(POS_SALES.name).encode(event.to_avro()), shop.pool, wrong)
    producer.flush(10)
    (letter,) = shop.letters(1)
    assert (letter.reason, letter.place.partition) == ("wrong_partition", wrong)
    done = shop.replay()
    assert done.done[0].outcome.replayed_to.partition == home
    assert done.verdict.applied == 1
    shop.on_hand("BREAD", 98_000)


def test_a_setting_that_was_set_aside_does_not_undo_a_newer_one(shop):
    change = ConfigChange(
        pool=shop.pool, recorded_at_ms=1, origin="test", change=StoreSettings(store=STORE, name="Old name")
    )
    wrong = (partition_of(shop.pool, shop.partitions) + 1) % shop.partitions
    producer = Producer(shop.options)
    producer.produce("pool.config.v1", topic_codec("pool.config.v1").encode(change.to_avro()), "elsewhere", wrong)
    producer.flush(10)
    (letter,) = shop.letters(1)
    done = shop.replay()
    assert done.left == [(letter, "a newer setting is in force: discard it")]


def test_the_commands_tell_it_all(shop):
    shop.publish(shop.sale("s1", ("plu:1", 2_000)), shop.sale("s2", ("plu:2", 1_500)))
    first, second = map(str, (one.place for one in shop.letters(2)))
    listed = shop.call("dlq", "list", "--pool", shop.pool).output
    assert "not mapped: see `./shelf map`" in listed
    assert "2 waiting; a replay helps 0 of them now" in listed
    shown = shop.call("dlq", "show", second).output
    assert "would not help: not mapped: see `./shelf map`" in shown
    assert "1.5" in shown

    shop.map("plu:1", "BREAD")
    assert "1 letter would be replayed" in shop.call("dlq", "replay", "--pool", shop.pool, "--dry-run").output
    replayed = shop.call("dlq", "replay", "--pool", shop.pool).output
    assert "1 letter replayed; 1 line applied" in replayed
    assert f"left 1: not mapped: see `./shelf map` (such as {second})" in replayed
    assert "nothing to replay" in shop.call("dlq", "replay", first).output

    refused = shop.call("dlq", "discard", "--reason", "tidy")
    assert (refused.exit_code, "name letters or a filter" in refused.output) == (1, True)
    assert shop.call("dlq", "discard", "--pool", shop.pool, "--reason", "x", input="n\n").exit_code == 1
    assert "1 letter discarded" in shop.call("dlq", "discard", second, "--reason", "a test item").output
    assert "0 waiting" in shop.call("dlq", "list", "--pool", shop.pool).output
    states = json.loads(shop.call("dlq", "list", "--pool", shop.pool, "--all", "--json").stdout)
    assert [(one["letter"], one["state"]) for one in states] == [(first, "replayed"), (second, "discarded")]
    assert states[1]["outcome"]["reason"] == "a test item"
    assert "a test item" in shop.call("dlq", "show", second).output

    shop.map("plu:2", "BREAD")
    assert "nothing to replay" in shop.call("dlq", "replay", "--pool", shop.pool).output
    assert "1 line applied" in shop.call("dlq", "replay", second).output
    shop.on_hand("BREAD", 96_500)


@pytest.mark.parametrize("words", [("show", "nonsense"), ("show", "pos.sales.dlq.v1/0/999999999"), ("replay", "x/1")])
def test_a_letter_that_is_not_there_is_told(shop, words):
    answer = shop.call("dlq", *words)
    assert (answer.exit_code, "no dead letter" in answer.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--why", "unmaped"), "nothing was set aside as 'unmaped'; what there is: "),
        (("--topic", "pos.sale.v1"), "'pos.sale.v1' has no dead letters; topics that have: pool.config.v1"),
    ],
)
def test_a_filter_that_can_take_nothing_is_told(shop, words, expected):
    answer = shop.call("dlq", "list", *words)
    assert (answer.exit_code, expected in answer.output) == (1, True)
