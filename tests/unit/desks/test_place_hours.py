"""How full a place is by the hour."""

from commonshelf.desks.pickup import PlaceHour, occupancy

HOUR_MS = 3_600_000
QUARTER_MS = HOUR_MS // 4


def row(order, quarter, status="booked", store="anna", place="lane"):
    return {"order": order, "store": store, "place": place, "status": status, "slot_ms": quarter * QUARTER_MS}


def test_orders_count_once_in_the_hour_of_their_slot_and_what_is_cancelled_does_not():
    rows = [
        row("o1", 0), row("o1", 0, store="ben"), row("o2", 3, "ready"), row("o3", 4, "cancelled"),
        row("o4", 5, "handed_over"), row("o4", 5, "no_show", "ben"), row("o5", 5, "no_show"), row("o6", 0, place="old"),
    ]  # fmt: skip
    assert occupancy(rows, {"lane": 8}) == [
        PlaceHour("lane", 0, 2, 8, 0, 0), PlaceHour("lane", HOUR_MS, 2, 8, 1, 1), PlaceHour("old", 0, 1, None, 0, 0),
    ]  # fmt: skip
