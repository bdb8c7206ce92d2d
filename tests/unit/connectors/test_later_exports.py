"""Exports that say later what became of a receipt, and lists of what was sold on a day, from the file to the shelf."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.drop_folder.formats import read_events
from connectors.drop_folder.settings import DropFolderSpec
from schemas.codec import topic_codec
from schemas.models.config import PoolSettings, StoreSettings
from schemas.topics import POS_SALES
from tests.support.pool import PoolBench

NOON_MS = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SPEC = DropFolderSpec(pool="north", store="corner", folder=Path("unused"))
HEADER = "receipt_no,occurred_at,sku,quantity,status"


class Shop:
    """A folder and its pool."""

    def __init__(self):
        self.bench = PoolBench()
        self.bench.configure(PoolSettings(name="North"))
        self.bench.configure(StoreSettings(store="corner", name="Corner"))
        for sku in ("MILK", "BREAD"):
            self.bench.stock_item(sku)
        self.notes, self.problems, self.skipped = [], [], []

    def drop(self, content, at_ms=NOON_MS):
        for batch in read_events("sales.csv", content.encode(), "sales", SPEC, at_ms):
            self.notes += [note.reason for note in batch.notes]
            self.problems += [problem.reason for problem in batch.problems]
            self.skipped += [skip.reason.value for skip in batch.skipped]
            for event in batch.events:
                self.bench.put(POS_SALES.name, topic_codec(POS_SALES.name).encode(event.to_avro()), at_ms)

    def sold(self):
        assert self.bench.reasons() == []
        return {sku: -self.bench.on_hand(sku) for sku in ("MILK", "BREAD") if self.bench.on_hand(sku)}


def export(*rows):
    return "\n".join([HEADER, *rows]) + "\n"


ONE = "1,2026-03-01 09:00,MILK,2,Closed"
TWO = "2,2026-03-01 09:05,MILK,1,Closed"
BREAD_OF_ONE = "1,2026-03-01 09:00,BREAD,3,Closed"


@pytest.mark.parametrize("word", ["Cancelled", "VOIDED", "Storniert", "Annulé"])
def test_a_receipt_that_a_later_export_shows_as_cancelled_is_taken_back(word):
    shop = Shop()
    shop.drop(export(ONE, BREAD_OF_ONE, TWO))
    shop.drop(export(*(row.replace("Closed", word) for row in (ONE, BREAD_OF_ONE)), TWO), NOON_MS + HOUR_MS)
    assert shop.sold() == {"MILK": 1000}
    shop.drop(export(*(row.replace("Closed", word) for row in (ONE, BREAD_OF_ONE)), TWO), NOON_MS + 2 * HOUR_MS)
    shop.drop(export(ONE, BREAD_OF_ONE, TWO), NOON_MS + 3 * HOUR_MS)
    assert shop.sold() == {"MILK": 1000}, "an older export that comes again says nothing new"


def test_one_line_that_a_later_export_shows_as_voided_is_taken_back_alone():
    shop = Shop()
    shop.drop(export(ONE, TWO, BREAD_OF_ONE))
    shop.drop(export(ONE, TWO, BREAD_OF_ONE.replace("Closed", "Voided")))
    assert shop.sold() == {"MILK": 3000}


def test_a_row_that_cannot_be_used_beside_a_voided_one_gives_nothing_back_and_costs_no_other():
    shop = Shop()
    shop.drop(export(ONE, BREAD_OF_ONE))
    shop.drop(export(ONE.replace(",2,", ",many,"), BREAD_OF_ONE.replace("Closed", "Voided")))
    assert shop.sold() == {"MILK": 2000, "BREAD": 3000}
    fresh = Shop()
    fresh.drop(export(ONE.replace(",2,", ",many,"), BREAD_OF_ONE, TWO, "1,2026-03-01 09:00,MILK,7,Voided"))
    assert fresh.sold() == {"MILK": 1000, "BREAD": 3000}


def test_a_cancelled_receipt_that_was_never_told_moves_nothing():
    shop = Shop()
    shop.drop(export(ONE.replace("Closed", "Cancelled"), TWO))
    assert (shop.sold(), shop.skipped) == ({"MILK": 1000}, ["cancelled"])


def test_what_is_pending_or_training_takes_nothing_back():
    shop = Shop()
    shop.drop(export(ONE))
    shop.drop(export(ONE.replace("Closed", "Pending"), TWO.replace("Closed", "Training")))
    assert shop.sold() == {"MILK": 2000}


def test_a_receipt_that_is_too_old_to_be_taken_back_is_told():
    shop = Shop()
    shop.drop(export(ONE))
    shop.drop(export(ONE.replace("Closed", "Cancelled")), NOON_MS + 8 * DAY_MS)
    assert shop.sold() == {"MILK": 2000}
    assert shop.notes == [
        "receipt '1' is too old to be taken back, as others may be: if it was told as a sale before, count its items"
    ]


def test_a_receipt_over_many_batches_is_taken_back_whole():
    rows = [f"1,2026-03-01 09:00,{sku},1,Closed" for sku in ("MILK", "BREAD")]
    filler = [f"{number},2026-03-01 09:00,MILK,1,Closed" for number in range(2, 2_600)]
    shop = Shop()
    shop.drop(export(*rows))
    shop.drop(export(rows[0], *filler, rows[1].replace("Closed", "Voided")))
    assert shop.sold() == {"MILK": 1000 * (len(filler) + 1)}


# --- what was sold on a day -----------------------------------------------------------------------------------


def daily(*rows):
    return "date,sku,qty,total\n" + "".join(f"{row}\n" for row in rows)


def test_a_days_sums_without_receipt_numbers_count_once_however_often_they_come():
    shop = Shop()
    for hour in range(3):
        shop.drop(daily("2026-02-28,MILK,12,24.00", "2026-02-28,BREAD,3,9.00"), NOON_MS + hour * HOUR_MS)
    assert (shop.sold(), shop.problems) == ({"MILK": 12_000, "BREAD": 3_000}, [])


def test_the_sum_of_a_day_that_went_on_replaces_the_earlier_one_item_by_item():
    shop = Shop()
    shop.drop(daily("2026-03-01,MILK,5,10.00", "2026-03-01,BREAD,1,3.00"), NOON_MS - HOUR_MS)
    shop.drop(daily("2026-03-01,MILK,9,18.00"), NOON_MS)
    assert shop.sold() == {"MILK": 9000, "BREAD": 1000}
    shop.drop(daily("2026-03-01,MILK,0,0.00", "2026-03-02,MILK,1,2.00"), NOON_MS + DAY_MS)
    assert shop.sold() == {"MILK": 1000, "BREAD": 1000}


def test_rows_of_one_item_and_day_are_added_and_days_and_tills_are_apart():
    shop = Shop()
    rows = ["1,2026-02-27,MILK,1", "1,2026-02-28,MILK,2", "2,2026-02-28,MILK,4", "1,2026-02-28,MILK,8"]
    shop.drop("register,date,sku,qty\n" + "".join(f"{row}\n" for row in rows))
    shop.drop("register,date,sku,qty\n2,2026-02-28,MILK,5\n", NOON_MS + HOUR_MS)
    assert shop.sold() == {"MILK": 16_000}


def test_goods_that_came_back_on_balance_are_a_return():
    shop = Shop()
    shop.drop(daily("2026-02-28,MILK,-2,-4.00"))
    assert shop.sold() == {"MILK": -2000}


def test_a_time_of_day_without_a_receipt_number_is_refused_for_it_is_no_sum():
    from connectors.drop_folder.survey import FileRefused

    with pytest.raises(FileRefused, match=r"no column for receipt_no .* is a time of day"):
        Shop().drop(daily("2026-02-28 09:15,MILK,1,2.00"))
