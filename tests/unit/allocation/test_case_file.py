"""A case as JSON: the example on the page, and what is told about a case that cannot be used."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.errors import explain
from schemas.models.config import AllocationSettings
from streams.allocation import Policy, allocate
from streams.allocation.case_file import CaseUnusable, answer_as_json, read_case

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "allocation.md").read_text(encoding="utf-8")
SETTINGS_PAGE = (DOCS / "pool-settings.md").read_text(encoding="utf-8")
CASE, TOLD = re.search(r"```json\n(.*?)```\n\n```\n(.*?)```", PAGE, re.DOTALL).groups()


def changed(change):
    case = json.loads(CASE)
    change(case)
    return json.dumps(case).encode()


def test_the_example_on_the_page_is_answered_as_it_says(tmp_path):
    file = tmp_path / "case.json"
    file.write_text(CASE, encoding="utf-8")
    assert CliRunner().invoke(app, ["allocate"], input=CASE).output == TOLD
    assert CliRunner().invoke(app, ["allocate", "--file", str(file)]).output == TOLD


def test_the_whole_answer_is_printed_as_json():
    printed = CliRunner().invoke(app, ["allocate", "--json"], input=CASE).output
    answer = json.loads(printed)
    assert answer == answer_as_json(allocate(*read_case(CASE.encode())))
    assert answer["cost_milli_minor"] == sum(answer["terms_milli_minor"].values())
    assert answer["refused"] == [{"store": "carl", "reason": "too_far"}]


def test_a_pools_settings_and_the_policy_have_the_same_fields_and_defaults():
    assert AllocationSettings().model_dump() == Policy()._asdict()


def test_the_page_of_settings_names_every_field_of_the_policy_with_its_default():
    assert "(pool-settings.md#poolsallocation)" in PAGE
    assert [
        name for name, value in Policy()._asdict().items() if f"| `{name}` | `{value}` |" not in SETTINGS_PAGE
    ] == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda case: case.pop("lines"), "lines: Field required"),
        (lambda case: case["lines"].clear(), "lines: Tuple should have at least 1 item"),
        (
            lambda case: case["lines"][1].update(quantity_milli=0),
            "lines[1].quantity_milli: it should be greater",
        ),
        (
            lambda case: case["lines"][1].update(quantity_milli=1.5),
            "lines[1].quantity_milli: it should be a valid int",
        ),
        (
            lambda case: case["lines"][0].update(quantity_milli=3001),
            "lines[0]: quantity_milli is no multiple",
        ),
        (lambda case: case["lines"][0].update(sku="HAM"), "sku 'HAM' stands there twice; put its lines together"),
        (lambda case: case["lines"][0].update(line_id="2"), "line_id '2' stands there twice"),
        (lambda case: case["stores"][0].update(store="ben"), "store 'ben' stands there twice"),
        (lambda case: case["stores"][0].update(far=1), "stores[0].far: Extra inputs are not permitted"),
        (lambda case: case["stores"][0].update(excluded_lines=["9"]), "of store 'anna': there is no line '9'"),
        (
            lambda case: case["stores"][1]["offers"]["HAM"].update(confidence_permille=1001),
            "stores[1].offers.HAM.confidence_permille: it should be less than or equal to 1000",
        ),
        (
            lambda case: case["policy"].update(missing_minor_per_unit=0),
            "policy.missing_minor_per_unit: it should be",
        ),
    ],
)
def test_a_case_that_cannot_be_used_is_told_with_where_and_what_to_do(change, told):
    with pytest.raises(CaseUnusable) as caught:
        read_case(changed(change))
    assert told in str(caught.value)
    assert "docs/allocation.md" in explain(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "no JSON"),
        (b'{"lines": [', "no JSON: Expecting value: line 1 column 12"),
        (b"\xff\xfe\xfa", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "it should be an object"),
        (b"1" * 5000, "no JSON"),
        (CASE.replace('"HAM": {', '"MILK-1L": {', 1).encode(), "has 'MILK-1L' twice in one object; leave one"),
    ],
)
def test_a_text_that_is_no_case_is_told(text, told):
    with pytest.raises(CaseUnusable, match=re.escape(told)):
        read_case(text)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    result = CliRunner().invoke(app, ["allocate", "--file", str(tmp_path / "none.json")])
    assert result.exit_code == 1
    assert "none.json cannot be read (No such file or directory); check the path" in result.output
