"""Which document a file of stock is: dropped again, mended, renamed, next week. The pool's own books are judged."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from messaging.publisher import PublishFailed
from schemas.codec import topic_codec
from schemas.models.config import StoreSettings
from schemas.topics import POS_STOCK
from tests.support.pool import BREAD, DAY_MS, MILK, furnished
from tests.unit.connectors.test_drop_folder import FolderShop

STORE = "grocer-7"


class Books(FolderShop):
    """A drop folder whose events a pool keeps."""

    def __init__(self, tmp_path, publisher, **settings):
        super().__init__(tmp_path, publisher, time_zone="Europe/Berlin", **settings)
        self.bench = furnished()
        self.bench.configure(StoreSettings(store=STORE, name=STORE))
        publisher.on_publish = self.keep

    def keep(self, events):
        for event in events:
            value = topic_codec(POS_STOCK.name).encode(event.to_avro())
            self.bench.put(POS_STOCK.name, value, event.recorded_at_ms)

    def take(self, name, content):
        self.drop(name, content)
        self.scan()

    def has(self, sku=MILK):
        return self.bench.on_hand(sku, STORE) // 1000

    def told(self, name, folder="rejected"):
        return (self.path / folder / f"{name}.report.txt").read_text()

    def day(self, ago):
        """A day before now, by the store's clock."""
        return datetime.fromtimestamp(self.now_ms() / 1000 - ago * 86_400, ZoneInfo("Europe/Berlin")).date().isoformat()

    def days_later(self, days):
        self.ahead_ms += days * DAY_MS


@pytest.fixture
def books(tmp_path, publisher):
    return Books(tmp_path, publisher)


UNDATED = ("opening.csv", "receipts-2026-03-01.csv", "receipts-17.csv", "opening-drinks.csv")


@pytest.mark.parametrize("name", UNDATED)
def test_a_mended_file_counts_by_its_difference(books, name):
    books.take(name, "sku;qty\nMILK;24\nBREAD;ten\n")
    assert (books.has(MILK), books.has(BREAD)) == (24, 0)
    assert f"drop the whole file again as {name}" in books.told(name)
    books.take(name, "sku;qty\nMILK;20\nBREAD;10\n")
    assert (books.has(MILK), books.has(BREAD)) == (20, 10)
    assert "was read before with other lines: what stands here replaces it whole" in books.told(name, "done")


@pytest.mark.parametrize("name", UNDATED)
def test_a_line_that_a_mended_file_no_longer_has_is_taken_back(books, name):
    books.take(name, "sku,qty\nMILK,24\nBREAD,10\n")
    books.take(name, "sku,qty\nBREAD,10\n")
    assert (books.has(MILK), books.has(BREAD)) == (0, 10)


def test_a_mended_file_with_a_line_that_cannot_be_used_changes_nothing(books):
    books.take("opening.csv", "sku,qty\nMILK,24\nBREAD,10\n")
    books.take("opening.csv", "sku,qty\nMILK,12\nBREAD,ten\n")
    assert (books.has(MILK), books.has(BREAD)) == (24, 10)
    assert "line 2: not used, because line 3 is not usable" in books.told("opening.csv")


@pytest.mark.parametrize("name", ["opening.csv", "receipts-1.csv", "adjustments-1.csv"])
def test_the_same_file_again_changes_nothing(books, name):
    for _ in range(3):
        books.take(name, "sku,qty\nMILK,24\n")
        books.days_later(1)
    assert (books.has(), books.bench.reasons()) == (24, [])


@pytest.mark.parametrize("column", ["", "as_of"])
def test_what_was_mended_and_mended_back_stands_as_it_was_first(books, column):
    rows = ["sku,qty", "MILK,24"] if not column else [f"sku,qty,{column}", f"MILK,24,{books.day(1)}"]
    first = "\n".join(rows) + "\n"
    for content in (first, first.replace("24", "12"), first):
        books.take("receipts-1.csv", content)
    assert (books.has(), books.bench.reasons()) == (24, [])


def test_the_same_content_under_another_days_name_counts(books):
    for day in ("2026-11-27", "2026-11-28"):
        books.take(f"receipts-{day}.csv", "sku,qty\nMILK,24\n")
    assert books.has() == 48
    assert "receipts-2026-11-27.csv held the same; this file counts as another delivery" in books.told(
        "receipts-2026-11-28.csv", "done"
    )


def test_two_deliveries_of_one_day_count_both(books):
    for name in ("receipts-1.csv", "receipts-2.csv"):
        books.take(name, f"sku,qty,date\nMILK,24,{books.day(1)}\n")
    assert (books.has(), books.bench.reasons()) == (48, [])


@pytest.mark.parametrize("name", ["receipts.csv", "counts.csv", "adjustments-metro.csv"])
def test_a_name_that_says_not_which_document_it_is_refuses_the_file(books, name):
    books.take(name, "sku,qty,recorded\nMILK,24,\n" if name.startswith("counts") else "sku,qty\nMILK,24\n")
    assert books.has() == 0
    told = books.told(name)
    assert "nothing says which" in told or "no column for occurred_at" in told


def test_a_bare_name_with_days_of_its_own_counts_each_week(books):
    books.take("receipts.csv", f"sku,qty,date\nMILK,24,{books.day(6)}\n")
    books.take("receipts.csv", f"sku,qty,date\nMILK,10,{books.day(1)}\n")
    assert books.has() == 34


def test_a_document_number_is_the_document_whatever_the_file_is_called(books):
    books.take("receipts.csv", "delivery_note,sku,qty\nLS-1,MILK,24\nLS-2,BREAD,7\n")
    books.days_later(1)
    books.take("receipts-other.csv", "delivery_note,sku,qty\nLS-1,MILK,20\n")
    assert (books.has(MILK), books.has(BREAD)) == (20, 7)


def test_a_line_without_its_documents_number_is_refused_where_the_name_says_nothing(books):
    books.take("receipts.csv", "delivery_note,sku,qty\nLS-1,MILK,24\n,BREAD,7\n")
    assert (books.has(MILK), books.has(BREAD)) == (24, 0)
    assert "the number of the delivery is missing" in books.told("receipts.csv")


def test_a_mended_day_moves_the_document(books):
    books.take("receipts-1.csv", f"sku,qty,date\nMILK,24,{books.day(3)}\n")
    books.take("receipts-1.csv", f"sku,qty,date\nMILK,24,{books.day(2)}\n")
    assert books.has() == 24
    assert "is no longer in this file, so it was taken back" in books.told("receipts-1.2.csv", "done")


def test_the_mended_day_of_a_numbered_document_moves_it_and_leaves_the_others(books):
    header = "document_no,sku,qty,date"
    books.take("receipts-1.csv", f"{header}\nLS-1,MILK,24,{books.day(3)}\nLS-2,BREAD,5,{books.day(3)}\n")
    books.take("receipts-1.csv", f"{header}\nLS-1,MILK,24,{books.day(2)}\n")
    assert (books.has(MILK), books.has(BREAD)) == (24, 5)


def test_a_row_whose_document_is_not_known_keeps_all_documents_of_the_file(books):
    books.take("receipts-1.csv", f"sku,qty,date\nMILK,24,{books.day(3)}\n")
    books.take("receipts-1.csv", "sku,qty,date\nMILK,24,26.Nix.2026\n")
    assert books.has() == 24


def test_a_file_that_comes_back_under_the_name_it_was_moved_to_is_the_same_document(books):
    for _ in range(2):
        books.take("opening.csv", "sku,qty\nMILK,24\nBREAD,ten\n")
    assert "opening.2.csv" in books.names("rejected")
    (books.path / "rejected" / "opening.2.csv").unlink()
    books.take("opening.2.csv", "sku,qty\nMILK,20\n")
    assert books.has() == 20


def test_an_item_opens_once_so_a_renamed_opening_is_refused(books):
    books.take("opening.csv", "sku,qty\nMILK,24\n")
    books.take("opening-mended.csv", "sku,qty\nMILK,20\nBREAD,3\n")
    assert (books.has(MILK), books.has(BREAD)) == (24, 3)
    assert "stands in the opening stock opening already" in books.told("opening-mended.csv")


def test_what_is_too_old_to_be_changed_is_told_and_not_counted_twice(books):
    books.take("receipts-7.csv", "sku,qty\nMILK,24\n")
    books.days_later(9)
    books.take("receipts-7.csv", "sku,qty\nMILK,10\n")
    assert (books.has(), books.bench.reasons()) == (24, [])
    assert "too old to be changed" in books.told("receipts-7.csv")


def test_levels_of_each_day_count_though_they_say_the_same(books):
    for _ in range(2):
        books.take("levels.csv", "sku,qty\nMILK,24\n")
        books.days_later(1)
    assert len({event.source.id for event in books.publisher.events}) == 2


def test_a_long_opening_is_whole_and_can_be_mended(books):
    rows = [f"MILK,1,{n}" for n in range(5_500)]
    books.take("opening.csv", "\n".join(["sku,qty,line_no", *rows]) + "\n")
    assert (books.has(), books.bench.reasons()) == (5_500, [])
    books.take("opening.csv", "\n".join(["sku,qty,line_no", *rows[:100]]) + "\n")
    assert (books.has(), books.bench.reasons()) == (100, [])


def test_a_count_sums_an_item_that_stands_in_it_twice(books):
    at = f"{books.day(1)} 09:00"
    books.take("counts-1.csv", f"sku,qty,counted_at\nMILK,5,{at}\nBREAD,2,{at}\nMILK,7,{at}\n")
    assert (books.has(MILK), books.has(BREAD), books.bench.reasons()) == (12, 2, [])
    assert "line 4: sku:MILK stands in this count more than once: the sum is taken." in books.told(
        "counts-1.csv", "done"
    )


def test_a_mended_count_takes_the_place_of_the_first(books):
    for quantity in (5, 8):
        books.take("counts-1.csv", f"sku,qty,date\nMILK,{quantity},{books.day(1)}\n")
    assert (books.has(), books.bench.reasons()) == (8, [])


def test_the_sum_below_a_list_is_left_out_and_told(books):
    books.take("opening.csv", "EAN;Menge;sku\n;24;MILK\n;12;BREAD\n;36;\n")
    assert (books.has(MILK), books.has(BREAD)) == (24, 12)
    assert "'36' is the sum of the rows above and names no item: left out" in books.told("opening.csv", "done")


def test_a_row_that_lacks_its_item_is_no_sum(books):
    books.take("opening.csv", "sku;Menge;Name\nMILK;24;Milk\nBREAD;12;Bread\n;36;Oats\n;35;\n")
    assert len(books.report("opening.csv")) == 2


def test_a_document_whose_publishing_broke_off_is_no_revision_of_itself(books):
    books.publisher.failures = [PublishFailed("timed out")]
    books.take("opening.csv", "sku,qty\nMILK,24\n")
    assert (books.has(), books.bench.reasons()) == (24, [])
