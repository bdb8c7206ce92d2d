"""Distances and opening hours in whole numbers, against sums done otherwise."""

from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.pool.orders.geo import distance_m, geohash_centre, is_geohash
from streams.pool.tasks.opening_hours import local_day, time_after, working_time_until
from tests.support.pool import DAY_MS, HOUR_MS, MINUTE_MS, NOON_MS

CLOCKS_GO_BACK = 180


@pytest.mark.parametrize(
    ("geohash", "latitude", "longitude"),
    [("ezs42", 42.605, -5.603), ("u33db", 52.51, 13.38), ("s", 22.5, 22.5), ("7zzzz", -0.022, -0.022)],
)
def test_a_geohash_s_centre_is_where_geohash_org_says(geohash, latitude, longitude):
    found = geohash_centre(geohash)
    assert (found[0] / 1e6, found[1] / 1e6) == pytest.approx((latitude, longitude), abs=0.03)


@pytest.mark.parametrize("text", ["", "u33dbc", "a", "U", "u 3", "ü"])
def test_what_is_no_coarse_geohash_is_refused(text):
    assert not is_geohash(text)


@given(
    st.integers(-80_000_000, 80_000_000), st.integers(-180_000_000, 179_000_000), st.integers(-500_000, 500_000),
    st.integers(-500_000, 500_000),
)  # fmt: skip
def test_a_distance_within_a_region_is_the_haversine_s_within_1_percent(latitude, longitude, north, east):
    one, other = (latitude, longitude), (latitude + north, longitude + east)
    (a, b), (c, d) = [(radians(p[0] / 1e6), radians(p[1] / 1e6)) for p in (one, other)]
    half = sin((c - a) / 2) ** 2 + cos(a) * cos(c) * sin((d - b) / 2) ** 2
    assert distance_m(one, other) == pytest.approx(2 * 6_371_009 * asin(sqrt(half)), rel=0.01, abs=20)
    assert distance_m(one, other) == distance_m(other, one)


def test_stores_on_both_sides_of_the_date_line_are_near():
    assert distance_m((0, 179_990_000), (0, -179_990_000)) < 3_000


def hours(*spans, closed=()):
    named = [{"weekday": day, "opens_minute": opens, "closes_minute": closes} for day, opens, closes in spans]
    return {"opening": named, "closed_days": list(closed)}


SPANS = st.lists(
    st.tuples(st.integers(1, 7), st.integers(0, 1300), st.integers(100, 600)).map(
        lambda one: (one[0], one[1], min(one[1] + one[2], 1440))
    ),
    min_size=1,
    max_size=1,
)


@given(SPANS, st.integers(0, 14 * 24 * 60), st.integers(1, 300), st.sampled_from(["UTC", "Europe/Berlin"]))
@settings(max_examples=40)
def test_opening_time_is_counted_minute_by_minute(spans, start, span_minutes, zone):
    """The naive way: walk the minutes on the wall clock. Berlin's clocks go back within these weeks."""
    store = hours(*spans, closed=["2026-10-26"])
    now_ms = 1_792_800_000_000 // MINUTE_MS * MINUTE_MS + start * MINUTE_MS
    at, left = datetime.fromtimestamp(now_ms / 1000, ZoneInfo("UTC")), span_minutes
    while left:
        wall = at.astimezone(ZoneInfo(zone))
        minute = wall.hour * 60 + wall.minute
        is_open = any(wall.isoweekday() == day and opens <= minute < closes for day, opens, closes in spans)
        left -= is_open and wall.date().isoformat() != "2026-10-26"
        at += timedelta(minutes=1)
    found = time_after(store, zone, now_ms, span_minutes * MINUTE_MS)
    [(day, opens, _)] = spans
    clocks_go_back_inside = zone != "UTC" and day == 7 and opens < CLOCKS_GO_BACK
    if not clocks_go_back_inside:
        assert found == int(at.timestamp()) * 1000
    assert working_time_until(store, zone, now_ms, found, span_minutes * MINUTE_MS)
    assert not working_time_until(store, zone, now_ms, found - 1, span_minutes * MINUTE_MS)


def test_a_store_without_hours_works_around_the_clock_but_for_closed_days():
    assert time_after(hours(), "UTC", NOON_MS, HOUR_MS) == NOON_MS + HOUR_MS
    today = "2026-09-21"
    midnight_ms = NOON_MS // DAY_MS * DAY_MS + DAY_MS
    assert time_after(hours(closed=[today]), "UTC", NOON_MS, HOUR_MS) == midnight_ms + HOUR_MS


def test_a_store_that_never_opens_is_never_done():
    closed = hours((1, 0, 1440), closed=[f"{year}-{m:02}-{d:02}" for year in (2026, 2027) for m in range(1, 13)
                                         for d in range(1, 32)])  # fmt: skip
    assert time_after(closed, "UTC", NOON_MS, 1) > NOON_MS + 365 * DAY_MS


def test_a_day_is_the_one_on_the_pool_s_calendar_also_for_mad_times():
    evening_ms = NOON_MS // DAY_MS * DAY_MS + 23 * HOUR_MS
    assert local_day("Europe/Berlin", evening_ms) == local_day("UTC", evening_ms) + 1
    assert local_day("UTC", -(2**63)) == 0
    assert local_day("Pacific/Kiritimati", 2**63 - 1) > 0
