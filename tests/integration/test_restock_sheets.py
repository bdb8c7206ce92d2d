"""`restock export` and `restock import` on a real Kafka: sheets go out, and what a shopkeeper wrote comes back."""

import json

import openpyxl
import pytest
from confluent_kafka import Producer

from commonshelf.desks.restock.sheet import HEADINGS, letter
from commonshelf.desks.restock.workbook import HEAD_ROW
from messaging.log_reader import read_log
from schemas.codec import topic_codec
from schemas.models.config import PoolSettings, StoreSettings
from schemas.partition import partition_of
from schemas.topics import RESTOCK_ANSWERS, RESTOCK_PROPOSALS
from tests.support.google_sheets import URL, GoogleSheets
from tests.support.restock import proposal
from tests.support.shop import STORE, PoolWithShop

FIRST = HEAD_ROW + 1


@pytest.fixture
def pool(kafka, topics, pool_name, settings_file):
    """Milk, ham and bread are proposed to one store, milk to the other; bread was agreed to."""
    made = PoolWithShop(kafka, topics, pool_name, settings_file)
    made.configure(PoolSettings(name="A pool"), *(StoreSettings(store=one, name=one) for one in (STORE, "mill")))
    rows = [
        proposal(pool=pool_name, store=STORE), proposal(pool=pool_name, store=STORE, sku="HAM"),
        proposal(pool=pool_name, store=STORE, sku="BREAD", status="approved", answered_by="ben"),
        proposal(pool=pool_name, store="mill"),
    ]  # fmt: skip
    producer = Producer(kafka.options)
    for row in rows:
        key = f"{row['pool']}/{row['store']}/{row['sku']}"
        value = topic_codec(RESTOCK_PROPOSALS.name).encode(row)
        producer.produce(RESTOCK_PROPOSALS.name, value, key, partition_of(pool_name, topics))
    producer.flush()
    return made


def answers(pool):
    home = [partition_of(pool.pool, pool.partitions)]
    found = [topic_codec(RESTOCK_ANSWERS.name).decode(one.value()) for one in
             read_log(pool.options, [RESTOCK_ANSWERS.name], home)]  # fmt: skip
    return [row for row in found if row["pool"] == pool.pool]


def test_a_sheet_goes_out_and_its_answers_come_back(pool, tmp_path):
    out = pool.call("restock", "export", pool.pool, "--xlsx", str(tmp_path), "--csv", str(tmp_path))
    assert out.exit_code == 0, out.output
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f"{STORE}.csv", f"{STORE}.xlsx", "mill.csv", "mill.xlsx"
    ]  # fmt: skip
    assert f"{STORE}.xlsx: 2 proposals" in out.output

    sheet = tmp_path / f"{STORE}.xlsx"
    book = openpyxl.load_workbook(sheet)
    for place, content in {("approve", 0): "yes", ("buy", 0): 7, ("approve", 1): "yes", ("buy", 1): 18}.items():
        heading, row = place
        book.active[f"{letter(heading)}{FIRST + row}"] = content
    book.save(sheet)
    back = pool.call("restock", "import", pool.pool, str(sheet), str(tmp_path / "mill.csv"), "--by", "anna", "--json")
    assert back.exit_code == 1, back.output
    assert [(one["sku"], one["outcome"], one["buy_milli"]) for one in json.loads(back.output)] == [
        ("HAM", "not used", None), ("MILK-1L", "changed", 18_000), ("MILK-1L", "left open", None),
    ]  # fmt: skip
    (answer,) = answers(pool)
    assert {name: answer[name] for name in ("store", "sku", "version", "kind", "buy_milli", "with_moves", "by")} == {
        "store": STORE, "sku": "MILK-1L", "version": 3, "kind": "changed", "buy_milli": 18_000, "with_moves": True,
        "by": "anna",
    }  # fmt: skip

    told = pool.call("restock", "import", pool.pool, str(sheet), "--by", "anna")
    assert "buy is 7, which is no whole number of packs of 6; write 6 or 12" in told.output
    assert "2 rows: 1 changed, 1 not used" in told.output


def test_sheets_go_to_google_and_come_back(pool, tmp_path, monkeypatch):
    with GoogleSheets() as google:
        there = ("--google", URL, "--google-key", str(google.play(monkeypatch, tmp_path)))
        assert "tab mill: 1 proposal" in pool.call("restock", "export", pool.pool, *there).output
        google.write("mill", HEAD_ROW, HEADINGS.index("approve"), "yes")
        told = pool.call("restock", "import", pool.pool, *there, "--by", "anna")
        assert "3 rows: 1 approved, 2 left open" in told.output
    assert "--google-key FILE" in pool.call("restock", "export", pool.pool, "--google", URL).output


def test_what_is_missing_or_unknown_is_told(pool, tmp_path):
    assert "--csv FOLDER or --google URL" in pool.call("restock", "export", pool.pool).output
    assert "FILES, or --google URL" in pool.call("restock", "import", pool.pool, "--by", "anna").output
    unknown = pool.call("restock", "export", pool.pool, "--csv", str(tmp_path), "--store", "nowhere")
    assert "nowhere" in str(unknown.exception)
    no_sheet = pool.call("restock", "import", pool.pool, str(tmp_path / "none.csv"), "--by", "anna")
    assert "none.csv cannot be read" in str(no_sheet.exception)
    pool.configure(StoreSettings(store="new", name="new"))
    nothing = pool.call("restock", "export", pool.pool, "--csv", str(tmp_path), "--store", "new")
    assert nothing.output == "no proposal of store new waits for an answer\n"
