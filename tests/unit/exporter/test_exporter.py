"""The exporter's figures follow the newest rows, and its sums count what happens from the start on."""

import pytest
from prometheus_client import CollectorRegistry

from schemas.topics import (
    ORDERS_EVENTS,
    PICKUP_APPOINTMENTS,
    POOL_AVAILABILITY,
    POOL_CONFIG,
    POOL_TASKS,
    RESTOCK_PROPOSALS,
)
from streams.exporter.figures import Figures
from streams.exporter.process import Exporter, ExporterSettings

POOL, ANNA, BERND = "riverside", ("riverside", "anna"), ("riverside", "bernd")


@pytest.fixture
def figures():
    made = Figures()
    made.take(POOL_CONFIG.name, b"riverside/pool/riverside", None, is_live=False)
    return made


def shelf(figures, store, on_hand, available, confidence=980, at_ms=1_000, position=1, sku="milk"):
    row = {
        "on_hand_milli": on_hand, "available_milli": available, "confidence_permille": confidence,
        "recorded_at_ms": at_ms, "position": position,
    }  # fmt: skip
    figures.take(POOL_AVAILABILITY.name, f"{POOL}/{sku}/{store}".encode(), row, is_live=False)


def line(name, milli, unfilled=0):
    return {"line_id": name, "sku": "milk", "quantity_milli": milli, "unfilled_milli": unfilled}


def placed(figures, lines, holds=(), demand=(), position=5, kind="allocated", key="k1", pool=POOL):
    event = {
        "pool": pool, "kind": kind, "status": "tentative", "outcome": "", "key": key, "position": position,
        "lines": lines, "decision": {"demand": list(demand)},
        "holds": [{"line_id": n, "store": s, "quantity_milli": q} for n, s, q in holds],
    }  # fmt: skip
    figures.take(ORDERS_EVENTS.name, b"", event, is_live=True)


def lines_of(figures):
    return figures.lines_ordered[POOL], figures.lines_filled[POOL], figures.lines_filled_alone[POOL]


def test_a_shelf_counts_as_what_it_is_now(figures):
    shelf(figures, "anna", on_hand=-1_000, available=0, confidence=500, at_ms=2_000)
    shelf(figures, "anna", on_hand=4_000, available=4_000, confidence=900, at_ms=1_000)
    shelf(figures, "anna", on_hand=-2_000, available=0, confidence=700, sku="bread")
    assert (figures.shelves[ANNA], figures.negative[ANNA], figures.confidence_permille[ANNA]) == (2, 1, 1_600)
    assert figures.newest_ms[ANNA] == 2_000
    figures.take(POOL_AVAILABILITY.name, b"riverside/bread/anna", None, is_live=True)
    assert (figures.shelves[ANNA], figures.negative[ANNA], figures.confidence_permille[ANNA]) == (1, 0, 900)


def test_a_task_is_open_until_it_ends_and_its_end_counts_once(figures):
    def task(status, *, is_live=True, name=b"riverside/t1"):
        row = {"pool": POOL, "store": "anna", "kind": "pick", "status": status}
        figures.take(POOL_TASKS.name, name, row, is_live=is_live)

    task("late", is_live=False, name=b"riverside/t0")
    task("open", is_live=False)
    task("claimed")
    assert figures.tasks[POOL, "anna", "pick"] == 1
    task("late")
    task("late")
    assert figures.tasks[POOL, "anna", "pick"] == 0
    assert figures.tasks_ended == {(POOL, "anna", "late"): 1}


def appointment(status, *, is_late=False, from_ms=900_000, until_ms=2_700_000):
    window = {"window_from_ms": from_ms, "window_until_ms": until_ms}
    return {"pool": POOL, "place": "square", "status": status, "is_late": is_late, **window}


@pytest.mark.parametrize(
    ("status", "is_late", "window"),
    [("handed_over", False, "kept"), ("part_handed_over", True, "late"), ("no_show", False, "no_show")],
)
def test_a_window_is_kept_late_or_missed(figures, status, is_late, window):
    for now in ("booked", "ready", status):
        row = appointment(now, is_late=is_late)
        figures.take(PICKUP_APPOINTMENTS.name, b"riverside/o1/anna", row, is_live=True)
    assert figures.windows == {(POOL, "square", window): 1}
    assert figures.window_ms == {(POOL, "square"): 1_800_000}
    assert sum(figures.appointments.values()) == 0


def test_the_width_of_a_window_counts_as_it_was_promised_last_and_not_when_it_was_called_off(figures):
    for order, ended in (("o1", "handed_over"), ("o2", "cancelled")):
        for now, until_ms in (("booked", 2_700_000), ("ready", 1_800_000), (ended, 1_800_000)):
            row = appointment(now, until_ms=until_ms)
            figures.take(PICKUP_APPOINTMENTS.name, f"riverside/{order}/anna".encode(), row, is_live=True)
    assert figures.window_ms == {(POOL, "square"): 900_000}


def test_a_proposal_counts_under_its_newest_status(figures):
    for status in ("open", "approved"):
        row = {"pool": POOL, "status": status}
        figures.take(RESTOCK_PROPOSALS.name, b"riverside/anna/milk", row, is_live=False)
    assert {key: count for key, count in figures.proposals.items() if count} == {(POOL, "approved"): 1}


def test_a_line_that_is_filled_as_wished_needs_no_pool(figures):
    placed(figures, [line("1", 2_000)], holds=[("1", "anna", 2_000)])
    assert lines_of(figures) == (1, 1, 1)


def test_a_line_that_another_store_fills_needed_the_pool(figures):
    demand = {"line_id": "1", "wanted_store": "anna", "wanted_milli": 1_000}
    placed(figures, [line("1", 2_000)], holds=[("1", "bernd", 2_000)], demand=[demand])
    assert lines_of(figures) == (1, 1, 0)


def test_a_line_that_the_wished_store_could_have_filled_needed_no_pool(figures):
    holds = [("1", "anna", 1_000), ("1", "bernd", 2_000)]
    demand = {"line_id": "1", "wanted_store": "anna", "wanted_milli": 3_000}
    placed(figures, [line("1", 3_000)], holds=holds, demand=[demand])
    assert lines_of(figures) == (1, 1, 1)


def test_a_line_that_nobody_fills_is_ordered_only(figures):
    demand = {"line_id": "1", "wanted_store": "anna", "wanted_milli": 1_000}
    placed(figures, [line("1", 2_000, unfilled=2_000)], demand=[demand], kind="unfilled")
    assert lines_of(figures) == (1, 0, 0)


def test_what_followed_later_is_no_placement(figures):
    placed(figures, [line("1", 2_000)], key=None, kind="unfilled")
    assert lines_of(figures) == (0, 0, 0)
    assert figures.order_events == {(POOL, "unfilled"): 1}


def test_a_pool_that_nobody_configured_makes_no_series(figures):
    placed(figures, [], pool="made-up")
    assert figures.order_events == {}


def test_sums_are_shown_as_0_before_anything_happens(figures):
    exporter = Exporter(ExporterSettings({}, 1, "127.0.0.1", 0))
    exporter._figures = figures
    registry = CollectorRegistry()
    registry.register(exporter)
    shelf(figures, "anna", on_hand=1_000, available=1_000, confidence=500)
    value = registry.get_sample_value
    assert value("commonshelf_order_lines_total", {"pool": POOL}) == 0
    assert value("commonshelf_orders_ended_total", {"pool": POOL, "outcome": "collected"}) == 0
    figures.take(POOL_CONFIG.name, b"riverside/place/square", None, is_live=False)
    at_place = {"pool": POOL, "place": "square"}
    assert value("commonshelf_pickup_appointments", at_place | {"status": "booked"}) == 0
    assert value("commonshelf_pickup_windows_total", at_place | {"outcome": "kept"}) == 0
    assert value("commonshelf_pickup_window_seconds_total", at_place) == 0
    labels = {"pool": POOL, "store": "anna"}
    assert value("commonshelf_store_tasks_ended_total", labels | {"outcome": "late"}) == 0
    assert value("commonshelf_store_confidence_ratio", labels) == 0.5
    assert not exporter.ready().ok
