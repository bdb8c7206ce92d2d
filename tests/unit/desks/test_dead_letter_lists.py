"""Names of dead letters, what filters take, and what became of a letter."""

from datetime import UTC, datetime

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from commonshelf.dead_letters.letters import Filter, Letter, Place, joined
from commonshelf.options import parse_since_ms
from schemas.models.dead_letters import DeadLetterOutcome
from schemas.topics import POS_SALES

EVENT = {"pool": "north", "store": "corner", "lines": [{"code": "plu:1"}, {"code": "plu:2"}]}


def letter(offset=0, appended_at_ms=1_000, cause=None, **more):
    place = Place("pos.sales.dlq.v1", 3, offset)
    return Letter(place, appended_at_ms, cause, "unmapped_code", "", None, b"k", b"v", EVENT, **more)


def outcome(of, kind, replayed_to=None):
    return DeadLetterOutcome(
        letter=of.place.to_model(), outcome=kind, at_ms=1, origin="test", reason="because",
        replayed_to=replayed_to.to_model() if replayed_to else None,
    )  # fmt: skip


places = st.builds(
    Place, st.sampled_from(["pos.sales.dlq.v1", "a/b"]), st.integers(0, 10**9 - 1), st.integers(0, 10**18 - 1)
)


@given(places)
def test_a_place_reads_back_as_written(place):
    assert Place.parse(str(place)) == place


@pytest.mark.parametrize("text", ["", "pos.sales.dlq.v1", "pos.sales.dlq.v1/3", "a/-1/2", "a/1/x", "/1/2"])
def test_what_names_no_place_is_refused(text):
    with pytest.raises(ValueError, match="names no dead letter"):
        Place.parse(text)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), True),
        (Filter(pool="north", store="corner", reason="unmapped_code", code="plu:2", since_ms=1_000), True),
        (Filter(topic="pos.sales.v1"), True),
        (Filter(topic="pos.sales.dlq.v1"), True),
        (Filter(topic="pos.stock.v1"), False),
        (Filter(pool="south"), False),
        (Filter(store="mill"), False),
        (Filter(reason="too_late"), False),
        (Filter(code="plu:3"), False),
        (Filter(since_ms=1_001), False),
    ],
)
def test_a_filter_takes_what_fits_all_of_it(wanted, expected):
    assert wanted.takes(letter()) is expected


def test_the_last_outcome_of_a_letter_counts():
    one = letter()
    (found,) = joined([one], [outcome(one, "discarded"), outcome(one, "replayed", Place(POS_SALES.name, 3, 9))])
    assert found.state == "replayed"


def test_a_letter_made_of_a_replay_is_known_as_such_through_any_number_of_replays():
    first = letter(0)
    second = letter(1, 2_000, cause=Place(POS_SALES.name, 3, 9))
    third = letter(2, 3_000, cause=Place(POS_SALES.name, 3, 12))
    told = [outcome(first, "replayed", second.cause), outcome(second, "replayed", third.cause)]
    found = joined([third, first, second], told)
    assert [one.state for one in found] == ["set aside again", "set aside again", "waiting"]
    assert [one.replay_of for one in found] == [None, first.place, second.place]


def test_since_is_a_duration_or_a_time():
    assert parse_since_ms("2026-11-24") == int(datetime(2026, 11, 24, tzinfo=UTC).timestamp() * 1000)
    assert parse_since_ms("2026-11-24T12:00+01:00") == int(datetime(2026, 11, 24, 11, tzinfo=UTC).timestamp() * 1000)
    now_ms = datetime.now(UTC).timestamp() * 1000
    assert abs(parse_since_ms("2d") - (now_ms - 2 * 86_400_000)) < 60_000
    with pytest.raises(typer.BadParameter):
        parse_since_ms("yesterday")
