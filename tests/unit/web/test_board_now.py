"""Figures and map of *the pool now*: where demand went, what the pool fills, where stores are drawn."""

from hypothesis import given
from hypothesis import strategies as st

from commonshelf.web.board.bands import best, health_of, in_stock_permille
from commonshelf.web.board.flow import Flow, Move
from commonshelf.web.board.frame import HEIGHT, WIDTH, points
from commonshelf.web.board.now import is_late
from commonshelf.web.board.render import arc
from tests.support.board import example

DEMAND = ("line_id", "wanted_store", "given_store")
COULD_MILLI = {"mill": 1_000}
"""What a wished store could have given."""


def event(position, kind="allocated", order="R-1", lines=(("1", 0),), demand=(), holds=(), declined=(), outcome=""):
    """lines: (line, unfilled); demand: (line, wanted, given); holds: (line, store); declined: (line, store)."""
    return example("orders.events.v1") | {
        "position": position, "kind": kind, "order": order, "outcome": outcome, "transfer": None, "at_ms": position,
        "lines": [
            {
                "line_id": line, "sku": "milk", "quantity_milli": 1_000, "unfilled_milli": unfilled, "reason": "",
                "declined_by": [{"store": store, "reason": "not_found"} for one, store in declined if one == line],
            }
            for line, unfilled in lines
        ],
        "holds": [{"line_id": line, "store": store, "position": position} for line, store in holds],
        "decision": {"demand": [
            dict(zip(DEMAND, one, strict=True)) | {"wanted_milli": COULD_MILLI.get(one[1], 0)} for one in demand
        ]},
    }  # fmt: skip


def test_an_order_that_a_neighbour_fills_is_one_move_and_counts_for_the_pool_alone():
    flow = Flow()
    lines, demand = (("1", 0), ("2", 0), ("3", 0)), (("1", "anna", "bert"), ("2", "anna", "bert"))
    assert flow.take(event(5, lines=lines, demand=demand)) == [Move(5, "R-1", "sent", "anna", "bert", 5)]
    assert flow.filling.fill == (3, 3, 1)


def test_a_reroute_goes_from_the_store_that_failed_the_line_to_the_one_that_has_it_now():
    flow = Flow()
    flow.take(event(5, holds=[("1", "anna")]))
    found = flow.take(
        event(
            8,
            "rerouted",
            holds=[("1", "carl")],
            declined=[("1", "bert"), ("1", "anna")],
            demand=[("1", "anna", "carl")],
        )
    )
    assert found == [Move(8, "R-1", "rerouted", "anna", "carl", 8)]
    assert (flow.reroutes, flow.filling.fill) == (1, (1, 1, 0))


def test_what_the_wished_store_had_and_a_neighbour_gave_needed_no_pool():
    flow = Flow()
    flow.take(event(5, demand=[("1", "mill", "bert")]))
    assert flow.filling.fill == (1, 1, 1)
    flow.take(event(6, "rerouted", holds=[("1", "carl")], declined=[("1", "bert")], demand=[("1", "mill", "carl")]))
    assert flow.filling.fill == (1, 1, 1)
    flow.take(event(7, "rerouted", declined=[("1", "bert"), ("1", "mill")]))
    assert flow.filling.fill == (1, 1, 0)


def test_goods_that_nobody_collected_were_filled():
    flow = Flow()
    flow.take(event(5))
    gone = event(6, "ended", lines=(("1", 1_000),), outcome="not_collected")
    gone["lines"][0]["reason"] = "not_collected"
    flow.take(gone)
    assert flow.filling.fill == (1, 1, 1)


def test_an_event_counts_once_and_refusals_change_nothing():
    flow = Flow()
    first = event(5, demand=[("1", "anna", "bert")])
    flow.take(first)
    assert flow.take(first) == []
    assert flow.take(event(6, "refused", order="R-2", lines=(("1", 1_000),))) == []
    assert (flow.filling.orders, flow.filling.fill, len(flow.moves)) == (1, (1, 1, 0), 1)


def test_what_the_customer_gave_up_is_no_failure_of_the_pool():
    flow = Flow()
    flow.take(event(5, lines=(("1", 1_000),), demand=[("1", "anna", None)]))
    assert flow.filling.fill == (1, 0, 0)
    flow.take(event(6, "cancelled", lines=(("1", 1_000),), outcome="cancelled"))
    assert flow.filling.fill == (0, 0, 0)


TOLD = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(("filled", "moved", "unfilled")), st.booleans()), max_size=40
)


@given(TOLD)
def test_the_fill_is_the_count_of_how_each_order_stands_last(told):
    flow, standing = Flow(), {}
    for position, (order, how, is_given_up) in enumerate(told, 1):
        demand = {"filled": (), "moved": [("1", "anna", "bert")], "unfilled": [("1", "anna", None)]}[how]
        lines, outcome = (("1", 1_000 * (how == "unfilled")),), "cancelled" if is_given_up else ""
        flow.take(event(position, order=order, lines=lines, demand=demand, outcome=outcome))
        if not is_given_up:
            standing[order] = how
        else:
            standing.pop(order, None)
    last = list(standing.values())
    assert flow.filling.fill == (len(last), len(last) - last.count("unfilled"), last.count("filled"))


PLACES = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=3),
    st.tuples(st.integers(-85_000_000, 85_000_000), st.integers(-180_000_000, 180_000_000)),
    max_size=12,
)


@given(PLACES)
def test_every_store_is_drawn_inside_the_map(places):
    found = points(places)
    assert found.keys() == places.keys()
    assert all(0 < spot.x < WIDTH and 0 < spot.y < HEIGHT for spot in found.values())


def test_north_is_up_east_is_right_and_stores_at_one_place_are_told_apart():
    found = points(
        {"south": (52_000_000, 13_000_000), "north": (52_100_000, 13_000_000), "east": (52_050_000, 13_100_000)}
    )
    assert found["north"].y < found["east"].y < found["south"].y
    assert found["east"].x > found["north"].x
    alone = points({"a": (52_000_000, 13_000_000), "b": (52_000_000, 13_000_000)})
    assert alone["a"] != alone["b"]
    assert points({}) == {}
    assert arc(found["north"], found["east"]).startswith(f"M{found['north'].x} {found['north'].y}Q")


def test_health_and_bands_are_those_of_the_shelves():
    shelves = [example("pool.availability.v1") | {"available_milli": milli} for milli in (1_000, 0, 5_000, 2_000, 1)]
    assert in_stock_permille(shelves) == 800
    assert [health_of(one) for one in (None, 1_000, 800, 799, 500, 499, 0)] == [
        "unknown", "well", "well", "gaps", "gaps", "bare", "bare",
    ]  # fmt: skip
    assert (best([]), best(["low", "in"]), best(["out", "low"])) == ("out", "in", "low")


def test_a_task_is_late_when_it_is_overdue_or_was_urged_and_still_goes_on():
    task = example("pool.tasks.v1")
    due = task["due_ms"]
    assert [is_late(task, now) for now in (due, due + 1)] == [False, True]
    assert is_late(task | {"escalations": 1}, 0)
    assert not is_late(task | {"status": "done", "escalations": 1}, due + 1)
