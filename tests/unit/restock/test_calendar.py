"""Events of CSV and iCalendar files and of public holidays, the shelves they reach, and what is wrong in a file."""

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.restock.calendar.csv_file import read_csv
from streams.restock.calendar.events import Event, Occasions, Shelves, kinds_of
from streams.restock.calendar.icalendar_file import read_icalendar
from streams.restock.calendar.public_holidays import UnknownRegionError, public_holidays
from streams.restock.calendar.reading import Known, Problem
from tests.support.forecast import layout_of

FAIR_DAY = date(2026, 7, 4)
MARBURG, GIESSEN = (50_807_000, 8_770_000), (50_583_000, 8_678_000)
SHELVES = Shelves(layout_of(stores=3, items=2), ("anna", "ben", "cem"), ("bread", "milk"),
                  {"anna": MARBURG, "ben": GIESSEN})  # fmt: skip
ZONE = ZoneInfo("Europe/Berlin")
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


def ical(*events):
    body = "".join(f"BEGIN:VEVENT\r\nUID:{no}\r\n{event}\r\nEND:VEVENT\r\n" for no, event in enumerate(events))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{body}END:VCALENDAR\r\n"


def read(*events, first=YEAR[0], last=YEAR[1]):
    return read_icalendar(ical(*events), ZONE, first, last)


def reached(event, day=FAIR_DAY):
    """Store and item of the shelves that an event reaches."""
    occasions = Occasions([event], kinds_of([event]), SHELVES).on(day)
    layout = SHELVES.layout
    return {
        (SHELVES.stores[layout.store[shelf]], SHELVES.skus[layout.item[shelf]])
        for occasion in occasions
        for shelf in np.flatnonzero(occasion.shelves)
    }


def fair(**parts):
    return Event("street fair", "Elisabethmarkt", FAIR_DAY, FAIR_DAY, **parts)


def test_an_event_reaches_the_stores_in_its_radius_on_its_days():
    everywhere = {(store, sku) for store in SHELVES.stores for sku in SHELVES.skus}
    assert reached(fair()) == everywhere
    assert reached(fair(), date(2026, 7, 5)) == set()
    assert reached(fair(place=MARBURG, radius_m=800)) == {("anna", "bread"), ("anna", "milk")}
    assert {store for store, _ in reached(fair(place=MARBURG, radius_m=40_000))} == {"anna", "ben"}
    assert reached(fair(stores=frozenset(["cem"]), skus=frozenset(["milk"]))) == {("cem", "milk")}


def test_two_events_of_a_kind_on_a_shelf_are_one_occasion():
    events = [fair(stores=frozenset(["anna"])), fair(stores=frozenset(["anna", "ben"]))]
    (occasion,) = Occasions(events, kinds_of(events), SHELVES).on(FAIR_DAY)
    assert occasion.shelves.tolist() == [True, True, True, True, False, False]


def test_a_kind_starts_from_its_named_prior_and_a_new_one_from_that_of_all_others():
    events = [fair(), fair()._replace(kind="leaflet"), fair()._replace(kind="balloon race")]
    assert [tuple(kind) for kind in kinds_of(events)] == [
        ("balloon race", 1_100), ("leaflet", 1_500), ("street fair", 1_300)
    ]  # fmt: skip


def test_a_csv_file_is_read_with_commas_or_semicolons():
    text = (
        "Kind;name;first_day;last_day;latitude;longitude;radius_m;stores;skus\n"
        "Street fair;Elisabethmarkt;2026-07-04;2026-07-05;50,807;8,77;800;;\n"
        "leaflet;;2026-07-06;2026-07-11;;;;anna ben;milk\n"
    )
    expected = [
        Event("street fair", "Elisabethmarkt", FAIR_DAY, date(2026, 7, 5), MARBURG, 800),
        Event("leaflet", "leaflet", date(2026, 7, 6), date(2026, 7, 11), None, 0, frozenset(["anna", "ben"]),
              frozenset(["milk"])),
    ]  # fmt: skip
    assert read_csv(text) == (expected, [])
    assert read_csv("kind,first_day\nmarket,2026-07-04\n").events == [Event("market", "market", FAIR_DAY, FAIR_DAY)]


def test_a_broken_row_is_told_with_its_place_and_the_rest_is_used():
    text = (
        "kind,first_day,last_day,latitude,longitude,radius_m,colour\n"
        "market,4.7.2026,,,,,\n"
        "market,2026-07-04,2026-07-03,,,,\n"
        "market,2026-07-04,,50.8,,,\n"
        "market,2026-07-04,,95,8,,\n"
        "market,2026-07-04,,50.8,8.7,near,\n"
        ",2026-07-04,,,,,\n"
        "\n"
        "market,2026-07-04,,50.8,8.7,,\n"
    )
    calendar = read_csv(text)
    assert [(one.row, one.column) for one in calendar.problems] == [
        (1, "colour"), (2, "first_day"), (3, "last_day"), (4, "latitude"), (5, "latitude"), (6, "radius_m"), (7, "kind")
    ]  # fmt: skip
    assert calendar.problems[1].message == "'4.7.2026' is no date; write year-month-day, as 2026-07-04"
    assert [event.radius_m for event in calendar.events] == [1_000]


def test_a_file_without_its_columns_is_told():
    assert read_csv("name,day\nx,y\n").problems[0].message == "the first line names no column kind and first_day"
    assert read_csv("").problems[0].row == 1


def test_an_icalendar_event_has_its_days_its_place_and_its_kind():
    calendar = read(
        "DTSTART;VALUE=DATE:20260704\r\nDTEND;VALUE=DATE:20260706\r\nSUMMARY:Elisabethmarkt\r\n"
        "CATEGORIES:Street fair\r\nGEO:50.807;8.77\r\nX-RADIUS-M:800",
        "DTSTART:20260703T220000Z\r\nDTEND:20260704T220000Z\r\nSUMMARY:Concert",
    )
    assert calendar == (
        [
            Event("street fair", "Elisabethmarkt", FAIR_DAY, date(2026, 7, 5), MARBURG, 800),
            Event("concert", "Concert", FAIR_DAY, FAIR_DAY),
        ],
        [],
    )


def test_an_event_that_repeats_is_there_on_each_of_its_dates():
    market = (
        "DTSTART;TZID=Europe/Berlin:20251004T080000\r\nRRULE:FREQ=WEEKLY;BYDAY=SA\r\nSUMMARY:Market\r\n"
        "EXDATE;TZID=Europe/Berlin:20260711T080000"
    )
    days = [event.first_day.day for event in read(market, first=date(2026, 7, 1), last=date(2026, 7, 31)).events]
    assert days == [4, 18, 25]
    until = "DTSTART;VALUE=DATE:20260701\r\nRRULE:FREQ=DAILY;UNTIL=20260703\r\nSUMMARY:Sale"
    assert len(read(until).events) == 3


def test_an_event_that_began_before_the_first_day_and_goes_on_is_used():
    long = "DTSTART;VALUE=DATE:20251220\r\nDTEND;VALUE=DATE:20260107\r\nSUMMARY:School holiday"
    assert len(read(long).events) == 1
    assert read(long, first=date(2026, 1, 7)).events == []


def test_a_broken_icalendar_event_is_told_and_the_rest_is_used():
    calendar = read(
        "DTSTART:2026bad\r\nSUMMARY:Market",
        "SUMMARY:Market",
        "DTSTART;VALUE=DATE:20260704",
        "DTSTART;VALUE=DATE:20260704\r\nSUMMARY:Market\r\nGEO:50.8;8.7\r\nX-RADIUS-M:far",
        "DTSTART;VALUE=DATE:20260704\r\nSUMMARY:Market",
    )
    assert [(one.row, one.column) for one in calendar.problems] == [
        (1, "DTSTART"), (2, "DTSTART"), (3, "SUMMARY"), (4, "X-RADIUS-M")
    ]  # fmt: skip
    assert [event.name for event in calendar.events] == ["Market"]
    assert read_icalendar("no calendar", ZONE, *YEAR).problems[0].row == 1


def test_public_holidays_come_with_the_days_before_them():
    events = public_holidays("DE", "HE", date(2026, 12, 20), date(2026, 12, 31))
    assert [(event.kind, event.first_day.day) for event in events] == [
        ("day before a holiday", 24), ("public holiday", 25), ("public holiday", 26), ("day before a holiday", 31)
    ]  # fmt: skip
    with pytest.raises(UnknownRegionError, match="XX-1"):
        public_holidays("XX", "1", *YEAR)


lines = st.lists(st.text(alphabet='kind,;first_day"0123456789-.\n\r :ABRULE=VT\0é', max_size=60), max_size=6)


@given(lines)
def test_no_text_breaks_the_csv_reader(found):
    calendar = read_csv("\n".join(["kind,first_day,latitude,longitude,radius_m", *found]))
    assert all(isinstance(problem, Problem) for problem in calendar.problems)


@given(
    lines, st.sampled_from(["DTSTART", "RRULE", "GEO", "DTEND", "DURATION", "EXDATE", "CATEGORIES", "X-RADIUS-M"]),
    st.sampled_from(["", "FREQ=WEEKLY;BYDAY=XX", "FREQ=DAILY;COUNT=0", "-P1D", "99999999", "1;2;3", "20260704,20260705",
                     "FREQ=SECONDLY;INTERVAL=0", "FREQ=YEARLY;BYMONTH=13", "20260704T250000", "nan;nan", "PT1H"]),
)  # fmt: skip
def test_no_value_breaks_the_icalendar_reader(found, name, value):
    text = ical(f"DTSTART;VALUE=DATE:20260704\r\nSUMMARY:Market\r\n{name}:{value}\r\n" + "\r\n".join(found))
    calendar = read_icalendar(text, ZONE, *YEAR)
    assert all(isinstance(event, Event) for event in calendar.events)


def test_names_that_the_pool_has_not_are_told_and_the_others_count():
    known = Known(frozenset(["anna", "ben"]), frozenset(["milk"]))
    found = read_csv(
        "kind,first_day,stores,skus\n"
        "leaflet,2026-07-06,anna bob,milk\n"
        "leaflet,2026-07-07,anna,mlik\n"
        "leaflet,2026-07-08,,\n",
        known,
    )
    assert [(one.first_day.day, one.stores, one.skus) for one in found.events] == [
        (6, frozenset(["anna"]), frozenset(["milk"])), (8, None, None)
    ]  # fmt: skip
    assert found.problems == [
        Problem(2, "stores", "the pool has no stores bob; the row counts for the others"),
        Problem(3, "skus", "the pool has no skus mlik; the row is not used"),
    ]


def test_an_event_of_more_than_a_year_is_told():
    (problem,) = read_csv("kind,first_day,last_day\nroadworks,2026-01-01,2028-01-01\n").problems
    assert (problem.row, problem.column) == (2, "last_day")
    (problem,) = read("DTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20280101\r\nSUMMARY:Roadworks").problems
    assert (problem.row, problem.column) == (1, "DTEND")
