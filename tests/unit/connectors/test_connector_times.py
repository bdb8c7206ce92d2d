"""Times as tills write them."""

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Refused
from connectors.parsing.times import calendar_day, instant_ms, local_date, minute_text

BERLIN = ZoneInfo("Europe/Berlin")


def utc_ms(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-03-01T09:15:00+01:00", utc_ms(2026, 3, 1, 8, 15)),
        ("2026-03-01T08:15:00Z", utc_ms(2026, 3, 1, 8, 15)),
        ("2026-03-01 09:15", utc_ms(2026, 3, 1, 8, 15)),
        ("2026-03-01 09:15:00 +01:00", utc_ms(2026, 3, 1, 8, 15)),
        ("2026-07-01T09:15:00.250", utc_ms(2026, 7, 1, 7, 15) + 250),
        ("2026-07-01t09:15:00,250z", utc_ms(2026, 7, 1, 9, 15) + 250),
        ("01.03.2026 09:15", utc_ms(2026, 3, 1, 8, 15)),
        ("1.3.2026, 9:15:30", utc_ms(2026, 3, 1, 8, 15, 30)),
    ],
)
def test_a_time_is_read_with_its_offset_or_else_on_the_stores_clock(written, expected):
    assert instant_ms(written, BERLIN) == expected


def test_an_hour_that_the_clock_shows_twice_means_the_first_one():
    assert instant_ms("2026-10-25T02:30:00", BERLIN) == utc_ms(2026, 10, 25, 0, 30)
    assert instant_ms("2026-10-25T02:30:00+01:00", BERLIN) == utc_ms(2026, 10, 25, 1, 30)


def test_an_hour_that_the_clock_leaves_out_counts_on_from_before_it():
    assert instant_ms("2026-03-29T02:30:00", BERLIN) == utc_ms(2026, 3, 29, 1, 30)


def test_a_format_of_the_operators_own_is_followed():
    assert instant_ms("03/01/2026 09:15 PM", BERLIN, "%m/%d/%Y %I:%M %p") == utc_ms(2026, 3, 1, 20, 15)


@pytest.mark.parametrize(
    "written",
    ["", "2026-03-01", "09:15", "2026-13-01 09:15", "2026-02-30T09:15:00", "1969-12-31T23:00:00Z", "1767225600",
     "9999-12-31T23:59:59Z", "9999-12-31T00:00:01Z",
     "2026-W09-7T09:15", "0001-01-01T00:00:00+14:00", "03/01/2026 09:15", "2026-03-01T09:15:00+25:00", "x" * 100,
     "٢٠٢٦-03-01T09:15"],
)  # fmt: skip
def test_what_names_no_instant_is_refused(written):
    with pytest.raises(Refused):
        instant_ms(written, BERLIN)


def test_a_day_is_the_stores_own():
    assert local_date(utc_ms(2026, 3, 1, 23, 30), BERLIN) == "2026-03-02"
    assert [calendar_day(each) for each in ("2026-03-01", "1.3.2026", "20260301")] == ["2026-03-01"] * 3
    with pytest.raises(Refused):
        calendar_day("yesterday")


@given(st.datetimes(datetime(9999, 12, 29), datetime(9999, 12, 31, 23)), st.sampled_from(["+14:00", "Z", "-12:00"]))  # noqa: DTZ001
def test_what_is_read_has_a_day_in_every_zone(moment, offset):
    with contextlib.suppress(Refused):
        at_ms = instant_ms(f"{moment:%Y-%m-%dT%H:%M:%S}{offset}", BERLIN)
        for zone in ("Pacific/Kiritimati", "Europe/Berlin", "Etc/GMT+12"):
            assert minute_text(at_ms, ZoneInfo(zone)).startswith(local_date(at_ms, ZoneInfo(zone)))


def test_an_instant_that_no_calendar_has_is_told_as_its_number():
    assert minute_text(utc_ms(2026, 3, 1, 8, 15), BERLIN) == "2026-03-01 09:15"
    assert minute_text(253_402_300_799_000, BERLIN) == "253402300799000 ms"


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(BERLIN)))  # noqa: DTZ001
def test_every_local_time_reads_as_the_first_instant_that_shows_it(moment):
    naive = moment.replace(tzinfo=None, microsecond=0)
    expected = int(naive.replace(tzinfo=BERLIN, fold=0).timestamp() * 1000)
    assert instant_ms(naive.isoformat(), BERLIN) == expected


@given(st.text(max_size=40))
def test_any_text_is_an_instant_or_refused(text):
    with contextlib.suppress(Refused):
        assert instant_ms(text, BERLIN) >= 0
