"""The directory writes for everybody what stores opted into, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.models.access import NumbersGrant
from schemas.models.config import ParkedOffset
from schemas.topics import ACCESS_SETTINGS, POOL_AVAILABILITY, POOL_TICKS, PUBLIC_BANDS, PUBLIC_STORES
from tests.support.directory_bench import PUBLIC, DirectoryBench
from tests.support.pool import BREAD, MILK, NOON_MS, OTHER_STORE, POOL, STORE

SHOPS = ("anna", "bert", "corner", "dora", "mill")


@pytest.fixture
def bench() -> DirectoryBench:
    """Two stores with bread and milk, which show nothing."""
    made = DirectoryBench()
    made.pool()
    made.item(BREAD)
    made.item(MILK, "Dairy")
    for store in (STORE, OTHER_STORE):
        made.store(store)
        made.shelf(BREAD, store, 9)
        made.shelf(MILK, store, 2)
    return made


def test_nothing_is_told_of_a_store_that_shows_nothing(bench):
    bench.tick(1)
    bench.tick(2)
    bench.commit()
    assert bench.outputs == []


def test_a_store_that_shows_its_bands_is_told_with_them_and_without_numbers(bench):
    bench.shows(STORE, shows_bands=True, services=("bottle return",))
    assert bench.bands() == {f"{BREAD}/{STORE}": "in", f"{MILK}/{STORE}": "low"}
    assert bench.stores()[STORE]["services"] == ["bottle return"]
    bench.shelf(BREAD, STORE, 0)
    assert bench.bands()[f"{BREAD}/{STORE}"] == "out"
    assert b"milli" not in b"".join(one.value or b"" for one in bench.outputs)


def test_of_a_shelf_it_is_told_only_that_its_band_is_another(bench):
    bench.shows(STORE, shows_bands=True)
    told = len(bench.told(PUBLIC_BANDS.name))
    for units in (12, 8, 5, 4):
        bench.shelf(BREAD, STORE, units)
    assert len(bench.told(PUBLIC_BANDS.name)) == told
    bench.shelf(BREAD, STORE, 3)
    assert len(bench.told(PUBLIC_BANDS.name)) == told + 1


@pytest.mark.parametrize(
    "taken_back", [
        lambda bench: bench.shows(STORE, is_listed=False),
        lambda bench: bench.shows(STORE, shows_bands=True, categories=("Cheese",)),
        lambda bench: bench.store(STORE, open=False),
    ], ids=["hides itself", "shows other categories", "leaves the pool"],
)  # fmt: skip
def test_what_a_store_shows_no_more_is_taken_back(bench, taken_back):
    bench.shows(STORE, shows_bands=True)
    bench.restart()
    taken_back(bench)
    assert bench.bands() == {}
    assert bench.told(PUBLIC_BANDS.name)[-1][1] is None


def test_a_shelf_that_is_gone_is_taken_back(bench):
    bench.shows(STORE, shows_bands=True)
    bench.put(POOL_AVAILABILITY.name, None, f"{POOL}/{BREAD}/{STORE}")
    assert bench.bands() == {f"{MILK}/{STORE}": "low"}
    bench.put(POOL_AVAILABILITY.name, None, f"{POOL}/{BREAD}/{STORE}")
    bench.put(POOL_AVAILABILITY.name, None, f"elsewhere/{BREAD}/{STORE}")
    assert bench.bands() == {f"{MILK}/{STORE}": "low"}


def test_an_item_of_another_category_or_name_is_told_anew(bench):
    bench.shows(STORE, shows_bands=True, categories=("Bread",))
    bench.item(MILK, "Bread")
    assert bench.bands()[f"{MILK}/{STORE}"] == "low"
    bench.item(BREAD, "Bread")
    told = bench.told(PUBLIC_BANDS.name)
    bench.item(BREAD, "Cheese")
    assert bench.told(PUBLIC_BANDS.name) == [*told, (f"{BREAD}/{STORE}", None)]


def test_a_place_is_told_with_each_store_that_hands_over_there(bench):
    bench.shows(STORE)
    bench.shows(OTHER_STORE)
    bench.place("lane", STORE)
    assert [place["place"] for place in bench.stores()[STORE]["places"]] == ["lane"]
    bench.place("lane", OTHER_STORE)
    assert bench.stores()[STORE]["places"] == []
    assert [place["place"] for place in bench.stores()[OTHER_STORE]["places"]] == ["lane"]


def test_keys_grants_and_what_is_no_event_tell_nobody_anything(bench):
    bench.access(NumbersGrant(grant="g", store=STORE, to_stores=("mill",), purpose="x", from_ms=1, until_ms=2))
    bench.put(ACCESS_SETTINGS.name, b"noise")
    bench.put(ACCESS_SETTINGS.name, None)
    bench.commit()
    assert bench.outputs == []


def test_a_record_that_an_operator_parks_is_left_out(bench):
    bench.change(ParkedOffset(topic=POOL_AVAILABILITY.name, partition=0, offset=len(bench.inputs) + 2, reason="fails"))
    bench.shows(STORE, shows_bands=True)
    bench.shelf(BREAD, STORE, 0)
    assert bench.bands()[f"{BREAD}/{STORE}"] == "in"


def test_a_store_s_bands_are_told_from_its_first_to_its_last_day(bench):
    bench.shows(STORE, shows_bands=True)
    bench.tick(0)
    bench.store(STORE, first_day="2026-09-22", last_day="2026-09-22")
    seen = [(bool(bench.bands()), bench.stores()[STORE]["is_open"])]
    for days in (1, 2):
        bench.tick(days)
        bench.restart()
        seen.append((bool(bench.bands()), bench.stores()[STORE]["is_open"]))
    assert seen == [(False, False), (True, True), (False, False)]


# --- aggregates -------------------------------------------------------------------------------------------


def counting(*stores: str) -> DirectoryBench:
    bench = DirectoryBench()
    bench.pool(time_zone="Europe/Berlin")
    bench.item(BREAD)
    for number, store in enumerate(stores):
        bench.store(store)
        bench.shelf(BREAD, store, 3 * number)
        bench.shows(store, is_listed=False, in_aggregates=True)
    bench.tick(0)
    return bench


def test_aggregates_are_told_once_a_day_over_four_stores_at_least():
    bench = counting(*SHOPS)
    assert bench.aggregates() == []
    bench.tick(0.3)
    bench.tick(1)
    bench.restart()
    bench.tick(1.1)
    [told] = bench.aggregates()
    assert told == {
        "pool": POOL, "category": "Bread", "day": "2026-09-22", "stores": 5, "shelves": 5,
        "in_stock": 3, "low": 1, "out": 1,
    }  # fmt: skip


def test_three_stores_have_no_aggregate():
    bench = counting(*SHOPS[:3])
    bench.tick(1)
    assert bench.aggregates() == []


def test_a_group_that_loses_a_store_is_not_counted_without_it():
    bench = counting(*SHOPS)
    bench.tick(1)
    bench.shows("anna", in_aggregates=False)
    bench.tick(2)
    bench.restart()
    bench.shows("anna", in_aggregates=True)
    bench.tick(3)
    assert len(bench.aggregates()) == 1
    bench.tick(93)
    assert len(bench.aggregates()) == 2


def test_a_clock_that_is_ahead_of_the_broker_ends_no_day():
    bench = counting(*SHOPS)
    bench.tick(400, appended_days=0.1)
    bench.tick(1)
    assert len(bench.aggregates()) == 1


# --- whatever comes, in whatever batches ------------------------------------------------------------------

ACTS = st.one_of(
    st.tuples(st.just("shelf"), st.sampled_from([BREAD, MILK]), st.sampled_from(SHOPS), st.integers(-2, 9)),
    st.tuples(st.just("shows"), st.sampled_from(SHOPS), st.fixed_dictionaries({
        "is_listed": st.booleans(), "shows_bands": st.booleans(), "in_aggregates": st.booleans(),
        "categories": st.sampled_from([None, ("Bread",), ("Dairy",)]), "low_below_milli": st.sampled_from([1, 5_000]),
    })),
    st.tuples(st.just("store"), st.sampled_from(SHOPS), st.fixed_dictionaries({"open": st.booleans()})),
    st.tuples(st.just("item"), st.sampled_from([BREAD, MILK]), st.sampled_from(["Bread", "Dairy"])),
    st.tuples(st.just("tick"), st.integers(0, 8)),
)  # fmt: skip


def done(bench: DirectoryBench, act: tuple[object, ...]) -> None:
    name, *arguments = act
    keywords = arguments.pop() if isinstance(arguments[-1], dict) else {}
    getattr(bench, name)(*arguments, **keywords)


@given(st.lists(ACTS, max_size=40), st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_what_is_told_does_not_depend_on_batches_nor_restarts(acts, commits, restarts):
    whole, parts = DirectoryBench(), DirectoryBench()
    for number, act in enumerate(acts):
        done(whole, act)
        done(parts, act)
        if number in commits:
            parts.commit()
        if number in restarts:
            parts.restart()
    whole.commit()
    parts.commit()
    assert (parts.outputs, parts.rows) == (whole.outputs, whole.rows)


@given(st.lists(ACTS, max_size=40))
def test_everybody_is_told_the_bands_that_stores_show_and_no_others(acts):
    """The oracle keeps the last word on everything, and looks at it once."""
    bench, last = DirectoryBench(), {}
    for act in acts:
        done(bench, act)
        last[act[: -1 if act[0] in ("shows", "store", "item") else 3]] = act[-1]
    expected = {}
    for (name, *of), units in last.items():
        if name != "shelf":
            continue
        sku, store = of
        listing, category = last.get(("shows", store)), last.get(("item", sku))
        shows = (
            listing is not None and listing["is_listed"] and listing["shows_bands"]
            and category in (listing["categories"] or ("Bread", "Dairy"))
            and last.get(("store", store), {}).get("open", False)
        )  # fmt: skip
        if shows:
            expected[f"{sku}/{store}"] = (
                "out" if units <= 0 else "low" if units * 1000 < listing["low_below_milli"] else "in"
            )
    assert bench.bands() == expected


def test_the_public_topics_have_no_field_for_a_number_of_a_shelf():
    from schemas.registry import registry

    for topic in PUBLIC:
        names = {field["name"] for field in registry().latest(topic).parsed["fields"]}
        assert not {name for name in names if name.endswith(("_milli", "_permille", "_minor"))}


def test_a_tick_of_a_later_release_or_of_another_partition_changes_nothing():
    bench = DirectoryBench()
    bench.put(POOL_TICKS.name, b"\0\0\0", appended_at_ms=NOON_MS)
    bench.commit()
    assert (bench.outputs, bench.rows, bench.told(PUBLIC_STORES.name)) == ([], {}, [])
