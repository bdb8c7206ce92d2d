"""Cases and plans as JSON: the example on the page, what is told about a case that cannot be used, plans made anew."""

import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.errors import explain
from streams.routing.case_file import CaseUnusable, read_case
from streams.routing.left import EarlierPlanUnusable
from streams.routing.model import Effort, Policy
from streams.routing.plan import plan
from streams.routing.plan_file import plan_as_json, read_earlier
from streams.routing.program import LEFT_OUT_MILLI_MINOR

PAGE = (Path(__file__).parents[3] / "docs" / "routing.md").read_text(encoding="utf-8")
CASE, TOLD = re.search(r"```json\n(.*?)```\n\n```\n(.*?)```", PAGE, re.DOTALL).groups()


def changed(change):
    case = json.loads(CASE)
    change(case)
    return json.dumps(case).encode()


def printed(*words, **more):
    return CliRunner().invoke(app, ["route", "plan", *words], **more).output


def test_the_example_on_the_page_is_planned_as_it_says(tmp_path):
    file = tmp_path / "case.json"
    file.write_text(CASE, encoding="utf-8")
    assert printed(input=CASE) == TOLD
    assert printed("--file", str(file)) == TOLD


def test_the_page_names_the_defaults_and_the_price_that_are_used():
    defaults = Policy()._asdict()
    assert ", ".join(f"`{name}` {value}" for name, value in defaults.items()) in PAGE
    assert f"{LEFT_OUT_MILLI_MINOR:,} for each consignment left out" in PAGE
    whole = read_case(CASE.encode())
    for kind in ("cargo_bike", "van"):
        plain = changed(lambda case, kind=kind: case["vehicles"][0].update(kind=kind, fixed_minor=None))
        bike = read_case(plain).vehicles[0]
        terms = (bike.capacity_milli, bike.speed_m_per_h, bike.distance_max_m, bike.fixed_minor, bike.minor_per_km)
        assert f"| `{kind}` | {' | '.join(map(str, terms))} |" in PAGE
    assert [one.vehicle for one in whole.vehicles] == ["bike", "own-anna", "own-ben", "own-carl"]


def test_the_whole_plan_is_printed_as_json_and_says_its_seed():
    case = read_case(CASE.encode())
    told = json.loads(printed("--json", "--seed", "7", "--iterations", "5", input=CASE))
    assert told == {**plan_as_json(case, plan(case, Effort(7, 5))), "unplaced_orders": []}
    assert (told["seed"], told["iterations"]) == (7, 5)
    assert told["distance_m_per_order"] == told["distance_m"] // told["orders"]


def test_what_has_left_stays_when_the_printed_plan_is_given_again(tmp_path):
    before = tmp_path / "plan.json"
    before.write_text(printed("--json", input=CASE), encoding="utf-8")

    def later(case):
        case["now_s"] = 57600
        case["consignments"] = [one for one in case["consignments"] if one["consignment"] != "T-88"]
        case["consignments"].append({**case["consignments"][1], "consignment": "R-3", "order": "R-3"})

    told = json.loads(printed("--json", "--earlier", str(before), input=changed(later).decode()))
    stops = told["routes"][0]["stops"]
    assert stops[0] == json.loads(before.read_text(encoding="utf-8"))["routes"][0]["stops"][0]
    ended = [name for route in told["routes"] for stop in route["stops"] for name in stop["hands_over"]]
    assert sorted(ended) == ["R-1", "R-2/ben", "R-2/carl", "R-3", "T-88"]  # T-88 is taken from the earlier plan


@pytest.mark.parametrize(
    ("text", "told"), [(b"{", "Invalid JSON"), (b'{"routes": [], "consignments": []}', "seed: Field required")]
)
def test_an_earlier_plan_that_is_none_is_told(text, told):
    with pytest.raises(
        CaseUnusable, match=f"the earlier plan cannot be used: .*{told}.*as route plan --json printed it"
    ):
        read_earlier(text, read_case(CASE.encode()))


def test_an_earlier_plan_without_the_time_is_told():
    case = read_case(CASE.encode())
    text = json.dumps(plan_as_json(case, plan(case, Effort(1, 5)))).encode()
    with pytest.raises(EarlierPlanUnusable, match="now_s"):
        plan(case, Effort(1, 5), read_earlier(text, case)[1])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda case: case.pop("stores"), "stores: Field required"),
        (
            lambda case: case["consignments"][1].update(until_s=57600),
            r"consignments[1] (R-2/ben): until_s 57600 is not after from_s 57600",
        ),
        (
            lambda case: case["consignments"][0]["goods"][0].update(quantity_milli=90000),
            "consignments[0] (R-1): it takes 90485 thousandths, and the largest vehicle has room for 80000; split it",
        ),
        (
            lambda case: case["consignments"][2].update(from_store="karl"),
            "consignments[2] (R-2/carl): from_store 'karl' is no store of the case; add it to stores",
        ),
        (lambda case: case["consignments"][3].update(to_store="annna"), "to_store 'annna' is no store of the case"),
        (lambda case: case["consignments"][3].update(to_store="anna"), "consignments[3]: to_store is from_store"),
        (lambda case: case["consignments"][3].pop("to_store"), "it takes one of to_store, to_geohash and to_point"),
        (lambda case: case["consignments"][3].update(ready_s=64801), "it is ready at 64801, after until_s 64800"),
        (lambda case: case["consignments"].append(case["consignments"][0]), "'R-1' stands there twice"),
        (lambda case: case["vehicles"][0].update(home="garage"), "home 'garage' is no store and no hub"),
        (lambda case: case["vehicles"][0].update(only_own_store=True), "only_own_store takes a store as home"),
        (
            lambda case: case["vehicles"][0].update(ends_s=54000),
            "vehicles[0] (bike): ends_s 54000 is not after starts_s",
        ),
        (lambda case: case["own_courier"].update(ends_s=1), "own_courier: ends_s 1 is not after starts_s"),
        (lambda case: case["vehicles"].append({**case["vehicles"][0], "vehicle": "own-ben"}), "'own-ben' stands there"),
        (lambda case: (case.pop("vehicles"), case.pop("own_courier")), "there is no vehicle; add one to vehicles"),
        (
            lambda case: case["stores"][0].update(closes_s=28800),
            "stores[0] (anna): closes_s 28800 is not after opens_s",
        ),
        (
            lambda case: case["stores"][0].update(latitude_e6=50.5),
            "stores[0].latitude_e6: it should be a valid integer",
        ),
        (lambda case: case["vehicles"][0].update(speed=3), "vehicles[0].speed: Extra inputs are not permitted"),
        (lambda case: case["consignments"][0].update(to_point=None, to_geohash="aaa"), "write it like u0yjj"),
    ],
)
def test_a_case_that_cannot_be_used_is_told_with_the_row_and_what_to_do(change, told):
    with pytest.raises(CaseUnusable) as caught:
        read_case(changed(change))
    assert told in explain(caught.value)


@pytest.mark.parametrize("text", [b"", b"[1", b'{"stores": [], "stores": []}'])
def test_what_is_no_json_is_told(text):
    with pytest.raises(CaseUnusable, match=r"no JSON.*docs/routing\.md"):
        read_case(text)


def test_without_pyvrp_it_is_told_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "pyvrp" or name.startswith("streams.routing.p")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyvrp", None)
    assert "install commonshelf[routing]" in printed(input=CASE)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--file", "no/such.json"], "cannot be read (No such file or directory)"),
        (["--fleet", "fleet.json"], "--fleet and --at are of a pool"),
        (["riverside", "--file", "case.json"], "leave out one of them"),
        (["--earlier", "no/plan.json"], "cannot be read"),
    ],
)
def test_options_that_do_not_go_together_are_told(words, told):
    assert told in printed(*words, input=CASE)
