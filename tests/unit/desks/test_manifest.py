"""Handoff manifests: what waits for a carrier, in each of their forms."""

import csv
import io
import json
from zoneinfo import ZoneInfo

import pytest

from commonshelf.desks.manifest import COLUMNS, make_manifest, manifest_csv, manifest_json
from commonshelf.desks.manifest_page import manifest_html
from commonshelf.desks.printing import page_pdf
from tests.support.carrier import REFERENCE, delivery_row

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = 1_772_352_900_000
LINES = [
    {"line_id": "1", "sku": "MILK", "quantity_milli": 2_000}, {"line_id": "2", "sku": "HAM", "quantity_milli": 485},
]  # fmt: skip


def made(*rows):
    return make_manifest("north", rows, {"mill": "The <mill>"}, {"MILK": "Milk 1 l"}, BERLIN, NOW_MS)


def row(task="hand-over-7-1", **more):
    return delivery_row("north", task, **{"lines": LINES, **more})


def test_what_has_left_or_is_collected_by_the_customer_is_on_no_manifest():
    rows = [
        row("b", order="R-2", store="old-mill"), row(), row("out", status="claimed"), row("done", status="done"),
        row("own", delivery=None), row("pick", kind="pick", delivery=None),
    ]  # fmt: skip
    assert [one.code for one in made(*rows).handoffs] == ["hand-over-7-1", "b"]


def test_a_csv_has_a_row_for_each_line_and_json_has_the_same():
    found = made(row())
    table = list(csv.reader(io.StringIO(manifest_csv(found))))
    head = ["hand-over-7-1", "R-1", "mill", "The <mill>", "2026-03-01T10:00:00+01:00", "u33db", REFERENCE]
    assert table == [list(COLUMNS), [*head, "1", "MILK", "Milk 1 l", "2"], [*head, "2", "HAM", "HAM", "0.485"]]
    told = json.loads(manifest_json(found))
    assert (told["pool"], told["made_at"]) == ("north", "2026-03-01T09:15:00+01:00")
    assert [line["quantity_milli"] for line in told["handoffs"][0]["lines"]] == [2_000, 485]


def test_a_page_has_a_code_to_scan_for_each_handoff_and_what_tills_sent_is_text():
    page = manifest_html(made(row(), row("b", order="R-2")))
    assert page.count("<svg") == 2
    assert "The &lt;mill&gt;" in page
    assert "Milk 1 l" in page
    assert page == manifest_html(made(row("b", order="R-2"), row())), "in the same order"


@pytest.mark.parametrize("count", [0, 30])
def test_a_page_becomes_a_pdf(count):
    made_of = page_pdf(manifest_html(made(*(row(f"hand-over-{n}-1") for n in range(count)))))
    assert made_of.startswith(b"%PDF")
