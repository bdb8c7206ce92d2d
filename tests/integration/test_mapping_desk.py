"""Mappings on a real Kafka with the real worker: what waited for one counts as if it had been mapped from the start."""

import csv
import io
import json

import pytest

from messaging.log_reader import read_log
from schemas.codec import topic_codec
from schemas.models.config import CodeMapping, PoolSettings, StoreSettings
from schemas.partition import partition_of
from schemas.topics import POOL_AVAILABILITY
from tests.support.shop import STORE, PoolWithShop

SKUS = tuple(f"ITEM-{n:03}" for n in range(200))
UNMAPPED = "item:W62X"


def furnish(shop):
    shop.configure(PoolSettings(name="A pool"), StoreSettings(store=STORE, name="Corner"))
    shop.stock(*SKUS)


def receipt(shop):
    """200 lines, of which the 120th bears a code of the till's own."""
    codes = [UNMAPPED if n == 119 else f"sku:{sku}" for n, sku in enumerate(SKUS)]
    return shop.sale("receipt", *[(code, 1_000 + n) for n, code in enumerate(codes)])


def milliseconds_to_commit(shop):
    """From the newest cause's arrival at the broker to the last row that it changed, by the broker's clock."""
    rows = [
        (row["appended_at_ms"], message.timestamp()[1])
        for message in read_log(shop.options, [POOL_AVAILABILITY.name], [partition_of(shop.pool, shop.partitions)])
        if (row := topic_codec(POOL_AVAILABILITY.name).decode(message.value()))["pool"] == shop.pool
    ]
    newest = max(cause for cause, _ in rows)
    return max(told for cause, told in rows if cause == newest) - newest


def test_a_receipt_of_200_lines_with_one_unmapped_is_whole_after_its_mapping(kafka, topics, pool_name, worker):
    shop = PoolWithShop(kafka, topics, pool_name, worker)
    control = PoolWithShop(kafka, topics, f"{pool_name}-control", worker)
    control.now_ms = shop.now_ms
    for one in (shop, control):
        furnish(one)
    control.map(UNMAPPED, SKUS[119])
    shop.on_hand(SKUS[-1], 100_000)
    control.on_hand(SKUS[-1], 100_000)

    for one in (shop, control):
        one.publish(receipt(one))
        one.on_hand(SKUS[-1], 100_000 - 1_199)
    (letter,) = shop.letters(1)
    assert [line["code"] for line in letter.lines] == [UNMAPPED]
    applied = [sku for sku, row in shop.availability().items() if row["on_hand_milli"] < 100_000]
    assert len(applied) == 199
    assert shop.availability() != control.availability()
    print(f"\n199 lines of 200 committed {milliseconds_to_commit(shop)} ms after the broker had the receipt")

    answer = shop.call("map", "set", shop.pool, UNMAPPED, SKUS[119], "--store", STORE)
    assert answer.output == "1 mapping published\n1 letter replayed; 1 line applied\n"
    assert shop.availability() == control.availability()
    assert control.letters() == []


def test_a_line_never_overtakes_its_mapping_however_soon_it_follows(shop):
    codes = [f"item:{n}" for n in range(12)]
    shop.publish(*[shop.sale(f"s{n}", (code, 1_000)) for n, code in enumerate(codes)])
    letters = {letter.lines[0]["code"]: letter for letter in shop.letters(len(codes))}
    for code in codes:
        shop.map(code, "BREAD")
        assert vars(shop.replay([letters[code]]).verdict) == {"applied": 1, "absorbed": 0, "set_aside": 0}
    shop.on_hand("BREAD", 100_000 - 1_000 * len(codes))


def test_the_commands_lead_from_an_unmapped_code_to_a_replayed_line(shop, tmp_path):
    shop.publish(
        shop.sale("s1", ("item:W62X", 1_000), ("sku:milk", 2_000), ("plu:9", 1_000)),
        shop.sale("s2", ("item:W62X", 500)),
    )
    shop.letters(2)
    listed = json.loads(shop.call("map", "unmapped", shop.pool, "--json").stdout)
    assert [(one["code"], one["lines"], one["milli"]) for one in listed] == [
        ("item:W62X", 2, {"each": 1_500}), ("plu:9", 1, {"each": 1_000}), ("sku:milk", 1, {"each": 2_000}),
    ]  # fmt: skip
    (row,) = json.loads(shop.call("map", "status", shop.pool, "--json").stdout)
    assert (row["store"], row["unmapped_codes"], row["lines_unmapped"], row["lines_to_replay"]) == (STORE, 3, 4, 0)
    assert "3 codes unmapped" in shop.call("map", "status", shop.pool).output

    items = tmp_path / "items.csv"
    items.write_text("code,name\nitem:W62X,BREAD loaf\n")
    suggested = shop.call("map", "suggest", shop.pool, "--names", str(items)).output
    assert "BREAD loaf" in suggested
    printed = shop.call("map", "suggest", shop.pool, "--names", str(items), "--csv").stdout
    rows = {row["code"]: row for row in csv.DictReader(io.StringIO(printed))}
    assert (rows["sku:milk"]["sku"], rows["item:W62X"]["sku"], rows["item:W62X"]["suggested"]) == ("MILK", "", "BREAD")

    fixes = tmp_path / "fixes.csv"
    fixes.write_text(printed)
    taken = shop.call("map", "import", shop.pool, str(fixes)).output
    assert "1 mapping published" in taken
    assert "1 letter replayed; 1 line applied; 2 set aside again" in taken
    shop.on_hand("MILK", 98_000)

    set_ = shop.call("map", "set", shop.pool, "item:W62X", "BREAD", "--store", STORE).output
    assert "2 letters replayed; 2 lines applied; 1 set aside again" in set_
    shop.on_hand("BREAD", 98_500)
    assert [one["code"] for one in json.loads(shop.call("map", "unmapped", shop.pool, "--json").stdout)] == ["plu:9"]
    assert shop.call("map", "set", shop.pool, "item:W62X", "BREAD", "--store", STORE).output.startswith(
        "0 mappings published, 1 in force already"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("plu:4011", "MILK"), "plu:4011 means BREAD (BREAD) in the whole pool already, not MILK"),
        (("plu:1", "GHOST"), "the pool has no item 'GHOST'"),
        (("item:1", "MILK"), "is a code that shops make up: name the store with --store, or say --all-stores"),
        (("2012345006782", "MILK"), "is a code that shops make up"),
        (("4006381333932", "MILK"), "has a wrong check digit"),
        (("plu:1", "MILK", "--store", "nowhere"), "the pool has no store 'nowhere'; its stores: corner"),
        (("plu:1",), "name the item that the code means, or --remove"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_and_nothing_published(shop, words, expected):
    shop.configure(CodeMapping(code="plu:4011", sku="BREAD"))
    answer = shop.call("map", "set", shop.pool, *words)
    assert answer.exit_code == 1
    assert expected in answer.output
    assert "published" not in answer.output or "nothing was published" in answer.output


def test_a_meaning_is_replaced_or_removed_only_when_that_is_said(shop):
    shop.configure(CodeMapping(code="plu:4011", sku="BREAD"))
    assert shop.call("map", "set", shop.pool, "plu:4011", "MILK", "--replace").exit_code == 0
    shop.publish(shop.sale("s1", ("plu:4011", 1_000)))
    shop.on_hand("MILK", 99_000)
    assert "1 mapping published" in shop.call("map", "set", shop.pool, "plu:4011", "--remove").output
    shop.publish(shop.sale("s2", ("plu:4011", 1_000)))
    assert shop.letters(1)[0].reason == "unmapped_code"


def test_an_import_with_one_bad_row_publishes_nothing(shop, tmp_path):
    file = tmp_path / "codes.csv"
    file.write_text("code,sku\nplu:1,MILK\nplu:2,GHOST\nplu:3,MILK\nplu:3,BREAD\n")
    answer = shop.call("map", "import", shop.pool, str(file))
    assert answer.exit_code == 1
    assert f"{file}:3: the pool has no item 'GHOST'" in answer.output
    assert "plu:3 is to mean both MILK and BREAD in the whole pool: which one?" in answer.output
    assert "nothing was published" in answer.output
    shop.publish(shop.sale("s1", ("plu:1", 1_000)))
    assert shop.letters(1)[0].reason == "unmapped_code"


def test_an_unknown_pool_is_told_with_those_that_are_known(shop):
    answer = shop.call("map", "status", "nowhere")
    assert "there is no pool 'nowhere'; known pools: " in str(answer.exception)
