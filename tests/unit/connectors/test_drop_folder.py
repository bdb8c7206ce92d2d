"""The drop folder: what is taken, when, where it goes, and what a kill leaves behind."""

import csv
import itertools
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from connectors.drop_folder.batch import BATCH_ROWS
from connectors.drop_folder.client import FolderConnector
from connectors.drop_folder.folder import OpenedFolder, safe_name
from connectors.drop_folder.intake import Stopped
from connectors.drop_folder.place import FolderUnusable
from connectors.drop_folder.settings import DropFolderSpec
from connectors.drop_folder.state import FolderState
from connectors.drop_folder.translate import Translator
from connectors.metrics import ConnectorMetrics
from connectors.watcher import watch
from messaging.publisher import PublisherBusy, PublishFailed
from tests.support.waiting import PATIENCE_S, until

DAY_MS = 86_400_000
HEADER = "register,receipt_no,line_no,sold_at,gtin,qty"
GTIN = "4006381333931"


def sales(count, first=0):
    rows = [f"1,{n // 3},{n % 3},2026-03-01 09:15,{GTIN},{n % 7 + 1}" for n in range(first, first + count)]
    return "\n".join([HEADER, *rows]) + "\n"


class FolderShop:
    """A drop folder with its connector; `now_ms` is far enough ahead that every file lies still."""

    def __init__(self, tmp_path, publisher, **settings):
        self.path = tmp_path / "in"
        self.spec = DropFolderSpec(pool="north", store="grocer-7", folder=self.path, **settings)
        self.publisher = publisher
        self.state_dir = tmp_path / "state"
        self.metrics = ConnectorMetrics()
        self.ahead_ms = 3_600_000
        self.stop = threading.Event()
        self.start()

    def start(self):
        self.connector = FolderConnector(self.spec, self.publisher, self.metrics, self.state_dir, self.now_ms)

    def now_ms(self):
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def drop(self, name, content):
        target = self.path / name
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            target.write_text(content)

    def scan(self):
        return self.connector.scan(self.stop)

    def names(self, folder="."):
        return sorted(each.name for each in (self.path / folder).iterdir() if each.name not in ("done", "rejected"))

    def report(self, name):
        with (self.path / "rejected" / f"{name}.report.csv").open(encoding="utf-8", newline="") as rows:
            return list(csv.DictReader(rows))

    def count(self, metric, outcome):
        labels = {"pool": "north", "store": "grocer-7", "connector": "drop_folder", "outcome": outcome}
        return self.metrics.registry.get_sample_value(f"commonshelf_connector_{metric}_total", labels)


@pytest.fixture
def shop(tmp_path, publisher):
    return FolderShop(tmp_path, publisher)


def test_a_good_file_is_published_and_moved_to_done(shop):
    shop.drop("sales-1.csv", sales(7))
    shop.scan()
    assert (len(shop.publisher.lines), shop.names(), shop.names("done")) == (7, [], ["sales-1.csv"])
    assert (shop.count("lines", "published"), shop.count("files", "done")) == (7, 1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("opening-1.csv", "opening"), ("receipts-1.csv", "received"), ("adjustments-1.csv", "adjusted"),
     ("COUNTS-1.CSV", "counted"), ("levels.csv", "level")],
)  # fmt: skip
def test_the_name_says_what_the_file_holds(shop, name, kind):
    shop.drop(name, "as_of,sku,qty\n2026-03-01 09:15,MILK,3\n")
    shop.scan()
    assert [event.kind for event in shop.publisher.events] == [kind]


POSLOG = (
    "<POSLog><Transaction><SequenceNumber>17</SequenceNumber><EndDateTime>2026-03-01T09:15:00</EndDateTime>"
    "<RetailTransaction><LineItem><SequenceNumber>1</SequenceNumber><Sale><ItemID Type='GTIN'>{gtin}</ItemID></Sale>"
    "</LineItem><LineItem VoidFlag='true'><Sale/></LineItem></RetailTransaction></Transaction>\n"
    "<Transaction TrainingModeFlag='true'/></POSLog>"
)


def test_a_poslog_needs_no_prefix_and_what_it_leaves_out_is_counted(shop):
    shop.drop("export 2026-03-01.xml", POSLOG.format(gtin=GTIN))
    shop.scan()
    assert (len(shop.publisher.lines), shop.names("done")) == (1, ["export 2026-03-01.xml"])
    labels = {"pool": "north", "store": "grocer-7", "connector": "drop_folder"}
    for reason in ("voided", "training"):
        assert shop.metrics.registry.get_sample_value(
            "commonshelf_connector_skipped_total", labels | {"reason": reason}
        ) == 1  # fmt: skip


def test_a_poslog_that_breaks_off_is_used_up_to_there(shop):
    shop.drop("tlog.xml", POSLOG.format(gtin=GTIN).replace("<Transaction Tr", "</Transaction><x"))
    shop.scan()
    assert len(shop.publisher.lines) == 1
    (row,) = shop.report("tlog.xml")
    assert row["line"] == "2"
    assert "not well-formed" in row["reason"]


def test_a_workbook_that_is_still_written_is_left_alone(shop):
    shop.ahead_ms = 3_000
    shop.drop("sales-1.xlsx", b"PK\x03\x04 half of it")
    shop.scan()
    assert shop.names() == ["sales-1.xlsx"]
    shop.ahead_ms = 3_600_000
    shop.scan()
    assert "cannot be read as an Excel workbook" in shop.report("sales-1.xlsx")[0]["reason"]


def test_a_file_with_bad_lines_is_used_as_far_as_possible_and_goes_to_rejected_with_a_report(shop):
    bad = f"1,9,1,2026-03-01 09:15,4006381333932,1\n1,9,2,yesterday,{GTIN},1\n=x,9,3,2026-03-01 09:15,{GTIN},1e3\n"
    shop.drop("sales-1.csv", sales(4) + bad)
    shop.scan()
    assert len(shop.publisher.lines) == 4
    assert shop.names("rejected") == ["sales-1.csv", "sales-1.csv.report.csv", "sales-1.csv.report.txt"]
    assert [(row["file"], row["line"], row["column"]) for row in shop.report("sales-1.csv")] == [
        ("sales-1.csv", "6", "gtin"), ("sales-1.csv", "7", "sold_at"), ("sales-1.csv", "8", "qty"),
    ]  # fmt: skip
    text = (shop.path / "rejected" / "sales-1.csv.report.txt").read_text()
    assert "4 lines were used, 3 were not" in text
    assert "line 6, column gtin: '4006381333932' has a wrong check digit" in text


@pytest.mark.parametrize(("rows", "times"), [(2 * BATCH_ROWS + 1, 2), (2, 1)], ids=["two batches", "one"])
def test_a_refused_row_is_told_again_after_a_later_batch_of_its_document(shop, rows, times):
    """What the later batch says of the document would else seem to have mended it."""
    told = []
    shop.publisher.on_publish = lambda events: told.append(len(events))
    lines = "".join(f"2026-03-01 09:15,S{n},{'x' if n == 0 else 3}\n" for n in range(rows))
    shop.drop("counts-1.csv", f"as_of,sku,qty\n{lines}")
    shop.scan()
    refused = [line for refusal in shop.publisher.refusals for line in refusal.lines]
    assert [line.item for line in refused] == ["sku:S0"] * times
    assert len({(line.document, line.place, line.reason) for line in refused}) == 1
    assert (told[-1] == 0) == (times == 2)
    assert len(shop.report("counts-1.csv")) == 1


def test_no_cell_of_a_report_is_a_formula(shop):
    shop.drop("sales-1.csv", f"receipt_no,sold_at,gtin,=qty\n1,2026-03-01 09:15,{GTIN},x\n")
    shop.connector = FolderConnector(
        shop.spec.model_copy(update={"columns": {"=qty": "quantity"}}), shop.publisher, shop.metrics, shop.state_dir
    )
    shop.ahead_ms = 0
    os.utime(shop.path / "sales-1.csv")

    def is_rejected():
        shop.scan()
        return shop.names("rejected")

    until(is_rejected)
    assert shop.report("sales-1.csv")[0]["column"] == "'=qty"


def test_the_same_content_again_is_recognised_and_published_once(shop):
    shop.drop("sales-1.csv", sales(7))
    shop.scan()
    shop.drop("sales-1.csv", sales(7))
    shop.drop("sales-2.csv", sales(7))
    shop.scan()
    assert len(shop.publisher.lines) == 7
    assert shop.names("done") == ["sales-1.2.csv", "sales-1.csv", "sales-2.csv"]
    assert shop.count("files", "repeated") == 2


def test_a_rejected_file_that_is_dropped_again_is_read_again(shop):
    for _ in range(2):
        shop.drop("sales-1.csv", sales(2) + "broken\n")
        shop.scan()
    first, second = ([untimed(event) for event in part] for part in halves(shop.publisher.events))
    assert first == second
    assert "sales-1.2.csv.report.txt" in shop.names("rejected")


def test_other_settings_read_the_same_content_again(shop):
    shop.drop("sales-1.csv", "bon,sold_at,gtin,qty\n1,2026-03-01 09:15,4006381333931,1\n")
    shop.scan()
    shop.spec = shop.spec.model_copy(update={"currency": "CHF"})
    shop.start()
    shop.drop("sales-2.csv", "bon,sold_at,gtin,qty\n1,2026-03-01 09:15,4006381333931,1\n")
    shop.scan()
    assert [(event.currency, event.told_at_ms) for event in shop.publisher.events] == [("EUR", None), ("CHF", None)]


def test_what_is_dropped_again_is_recorded_when_it_is_published_again(shop):
    """Whatever the pool has forgotten by then is too late by its own times."""
    shop.drop("sales-1.csv", sales(2) + "broken\n")
    shop.scan()
    shop.ahead_ms += 9 * DAY_MS
    shop.drop("sales-1.csv", sales(2) + "broken\n")
    shop.scan()
    first, second = shop.publisher.events
    assert second.recorded_at_ms - first.recorded_at_ms >= 9 * DAY_MS
    assert (first.told_at_ms, second.told_at_ms) == (None, None)


def test_a_content_of_which_nothing_was_ever_used_keeps_the_lateness_of_its_first_time(shop):
    content = "bon,at,gtin,qty\n1,2026-03-01 09:15,4006381333931,1\n"
    shop.drop("sales-1.csv", content)
    shop.scan()
    assert shop.publisher.events == []
    seen_ms = shop.now_ms()
    shop.ahead_ms += 9 * DAY_MS
    for columns in (
        {"bon": "receipt_no", "at": "occurred_at"},
        {"bon": "receipt_no", "at": "occurred_at", "item": "sku"},
    ):
        shop.spec = shop.spec.model_copy(update={"columns": columns})
        shop.start()
        shop.drop("sales-1.csv", content)
        shop.scan()
    mended, again = shop.publisher.events
    assert seen_ms - 60_000 <= mended.told_at_ms <= seen_ms <= mended.recorded_at_ms - 9 * DAY_MS
    assert again.told_at_ms is None, "it may have counted"


def test_an_old_month_that_is_replayed_was_told_when_its_exports_say_so(tmp_path, publisher):
    """By our own clock all of it would be years too late. A pool on the wall clock takes no file's word for it."""
    content = "receipt_no,sold_at,exported_at,gtin,qty\n1,2017-03-01 09:15,2017-03-02 00:00,4006381333931,1\n"
    for at, is_replay in enumerate((True, False)):
        shop = FolderShop(tmp_path / str(at), publisher, is_replay=is_replay)
        shop.drop("sales-1.csv", content)
        shop.scan()
    replayed, live = publisher.events
    assert (replayed.recorded_at_ms - replayed.occurred_at_ms, replayed.told_at_ms) == (53_100_000, None)
    assert live.recorded_at_ms > time.time_ns() // 1_000_000


def untimed(event):
    return event.model_copy(update={"recorded_at_ms": 0})


def halves(events):
    return events[: len(events) // 2], events[len(events) // 2 :]


def test_a_file_is_left_alone_while_it_may_still_be_written(shop):
    shop.ahead_ms = 0
    shop.drop("sales-1.csv", sales(3))
    next_look_s = shop.scan()
    assert (shop.publisher.events, next_look_s > 0) == ([], True)


def test_a_file_whose_last_line_is_not_ended_must_lie_still_for_longer(shop):
    shop.drop("sales-1.csv", sales(3).rstrip("\n"))
    shop.ahead_ms = 2_000
    shop.scan()
    assert shop.publisher.events == []
    shop.ahead_ms = 6_000
    shop.scan()
    assert len(shop.publisher.lines) == 3


@pytest.mark.parametrize("name", [".sales-1.csv", "~sales-1.csv", "sales-1.csv.tmp", "sales-1.csv.part", "notes.txt"])
def test_temporary_and_foreign_names_are_left_alone(shop, name):
    shop.drop(name, sales(3))
    shop.scan()
    assert (shop.names(), shop.publisher.events) == ([name], [])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("sales-1.csv", b"", "empty"),
        ("sales-1.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not a text file"),
        ("sales-1.csv", b"\n\n\n", "no header"),
        ("sales-1.csv", b"PK\x03\x04" + bytes(200), "not a text file"),
        ("sales-1.csv", b"a,b\n1,2\n", "no column for receipt_no"),
        ("prices-1.csv", sales(1).encode(), "the name does not say"),
        ("1.csv", sales(1).encode(), "the name does not say"),
        ("salés-1.csv", sales(1).encode(), "its name has characters"),
        ("sales-1\n.csv", sales(1).encode(), "its name has characters"),
        ("sales" + "x" * 240 + ".csv", sales(1).encode(), "its name has characters"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_goes_to_rejected_with_its_reason(shop, name, content, reason):
    shop.drop(name, content)
    shop.scan()
    texts = list((shop.path / "rejected").glob("*.report.txt"))
    assert (shop.names(), shop.publisher.events, len(texts)) == ([], [], 1)
    assert reason in texts[0].read_text()


def test_a_name_that_is_no_text_is_rejected_under_one_that_is(shop):
    os.close(os.open(os.fsencode(shop.path) + b"/sales-\xff.csv", os.O_CREAT | os.O_WRONLY))
    shop.scan()
    assert "sales-_xff.csv.report.txt" in shop.names("rejected")


def test_a_link_is_moved_and_not_followed(shop, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text(sales(3))
    (shop.path / "sales-1.csv").symlink_to(secret)
    shop.scan()
    assert (shop.publisher.events, secret.read_text()) == ([], sales(3))
    assert (shop.path / "rejected" / "sales-1.csv").is_symlink()
    assert "it is a link" in (shop.path / "rejected" / "sales-1.csv.report.txt").read_text()


def test_a_fifo_is_moved_and_not_waited_for(shop):
    os.mkfifo(shop.path / "sales-1.csv")
    shop.scan()
    moved = shop.path / "rejected" / "sales-1.csv"
    assert (stat.S_ISFIFO(moved.lstat().st_mode), shop.names()) == (True, [])


def test_a_folder_named_like_a_file_is_left_alone(shop):
    (shop.path / "sales-1.csv").mkdir()
    shop.scan()
    assert shop.names() == ["sales-1.csv"]


def test_the_place_for_done_files_may_not_be_a_link(shop, tmp_path):
    (shop.path / "done").rmdir()
    (shop.path / "done").symlink_to(tmp_path)
    with pytest.raises(FolderUnusable, match="not a folder"):
        shop.start()


def test_an_oversized_file_is_rejected_unread(tmp_path, publisher):
    shop = FolderShop(tmp_path, publisher, file_max_bytes=50)
    shop.drop("sales-1.csv", sales(10))
    shop.scan()
    assert "larger than 50 bytes" in (shop.path / "rejected" / "sales-1.csv.report.txt").read_text()


def test_one_unreadable_file_does_not_hold_up_the_next(shop, monkeypatch):
    shop.drop("sales-1.csv", sales(1))
    shop.drop("sales-2.csv", sales(2))
    opens = OpenedFolder.open

    def refuse_first(self, name, size_max_bytes):
        if name == "sales-1.csv":
            raise PermissionError(13, "Permission denied")
        return opens(self, name, size_max_bytes)

    monkeypatch.setattr(OpenedFolder, "open", refuse_first)
    shop.scan()
    assert (shop.names(), shop.names("done")) == (["sales-1.csv"], ["sales-2.csv"])


def test_a_fault_of_this_program_is_told_to_the_owner_the_metrics_and_kafka(shop, monkeypatch):
    def fail(*_):
        raise KeyError("a fault of ours")

    monkeypatch.setattr(FolderState, "bring", fail)
    shop.drop("sales-1.csv", sales(1))
    shop.scan()
    (refusal,) = shop.publisher.refusals
    ((place, reason),) = [(line.place, line.reason) for line in refusal.lines]
    assert (place, shop.names("rejected")[0]) == ("sales-1.csv", "sales-1.csv")
    assert reason == "a fault in this program (KeyError); please report it"
    assert reason in (shop.path / "rejected" / "sales-1.csv.report.txt").read_text()
    assert shop.count("lines", "refused") == 1


def test_a_file_that_grows_while_it_is_read_is_read_again_whole(shop):
    shop.drop("sales-1.csv", sales(5))
    once = iter([True])

    def grow(_events):
        if next(once, False):
            with (shop.path / "sales-1.csv").open("a") as out:
                out.write(sales(2, first=5).split("\n", 1)[1])

    shop.publisher.on_publish = grow
    shop.scan()
    assert shop.names() == ["sales-1.csv"]
    shop.scan()
    assert len({(event.source.id, line.line_id) for event in shop.publisher.events for line in event.lines}) == 7
    assert shop.names("done") == ["sales-1.csv"]


def test_a_file_that_is_replaced_while_it_is_read_is_not_moved_in_its_place(shop):
    shop.drop("sales-1.csv", sales(5))

    def replace(_events):
        shop.publisher.on_publish = lambda _events: None
        (shop.path / ".new").write_text(sales(9, first=100))
        (shop.path / ".new").rename(shop.path / "sales-1.csv")

    shop.publisher.on_publish = replace
    shop.scan()
    shop.scan()
    assert (len(shop.publisher.lines), shop.names("done")) == (14, ["sales-1.csv"])


def test_a_busy_or_silent_kafka_is_waited_for(shop):
    shop.publisher.failures = [PublisherBusy("full"), PublishFailed("timed out")]
    shop.drop("sales-1.csv", sales(7))
    shop.scan()
    assert len(shop.publisher.lines) == 7


def test_stopping_while_kafka_is_silent_leaves_the_file_for_the_next_start(shop):
    def stop(_events):
        shop.stop.set()
        raise PublishFailed("timed out")

    shop.publisher.on_publish = stop
    shop.drop("sales-1.csv", sales(7))
    with pytest.raises(Stopped):
        shop.scan()
    assert shop.names() == ["sales-1.csv"]


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize("batches_before", [0, 1, 2])
def test_after_a_kill_it_goes_on_where_kafka_had_confirmed(shop, batches_before):
    rows = BATCH_ROWS * 3
    shop.drop("sales-1.csv", sales(rows) + "bad\n")
    published = []

    def kill(events):
        if len(published) == batches_before:
            raise Killed
        published.append(events)

    shop.publisher.on_publish = kill
    with pytest.raises(Killed):
        shop.scan()
    shop.connector._state.close()
    shop.start()
    shop.publisher.on_publish = lambda _events: None
    already = len(shop.publisher.lines)
    shop.scan()
    names = [(event.source.id, line.line_id) for event in shop.publisher.events for line in event.lines]
    assert (len(names), len(set(names))) == (rows, rows)
    assert len(names) - already <= rows - batches_before * BATCH_ROWS + 3
    assert [row["line"] for row in shop.report("sales-1.csv")] == [str(rows + 2)]


def test_a_fault_of_ours_on_one_file_is_reported_and_stops_no_other(shop, monkeypatch):
    original = Translator._take

    def faulty(self, documents, problems, row, head, fields):
        if fields["receipt_no"] == "666":
            raise KeyError("oops")
        original(self, documents, problems, row, head, fields)

    monkeypatch.setattr(Translator, "_take", faulty)
    shop.drop("sales-1.csv", sales(3) + f"1,666,1,2026-03-01 09:15,{GTIN},1\n")
    shop.drop("sales-2.csv", sales(3, first=9))
    shop.scan()
    assert (shop.names("done"), len(shop.names("rejected"))) == (["sales-2.csv"], 3)


def test_a_dropped_file_wakes_the_connector_long_before_the_next_look(tmp_path, publisher):
    shop = FolderShop(tmp_path, publisher, settle_ms=50, scan_interval_s=3_000)
    shop.ahead_ms = 0
    arrived = threading.Event()
    publisher.on_publish = lambda _events: arrived.set()
    threads = [
        threading.Thread(target=shop.connector.run, args=(shop.stop,)),
        threading.Thread(target=watch, args=([shop.connector], shop.stop)),
    ]
    for thread in threads:
        thread.start()
    numbers = itertools.count(1)

    def is_seen():
        number = next(numbers)
        (shop.path / ".new").write_text(sales(2, first=number * 3))
        (shop.path / ".new").rename(shop.path / f"sales-{number}.csv")
        return arrived.wait(0.3)

    until(is_seen, "a look", pause_s=0)  # the watch begins in its own time: drop until one is seen
    shop.stop.set()
    shop.connector.wake()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert [thread.is_alive() for thread in threads] == [False, False]


@pytest.mark.parametrize(
    "name", ["../x.csv", "/etc/x.csv", "..csv", "\x00.csv", "a/b.csv", "é.csv", "x" * 300 + ".csv"]
)
def test_a_safe_name_is_one_plain_name(name):
    safe = safe_name(name)
    assert Path(safe).name == safe
    assert safe.isascii()
    assert len(safe) <= 160
    assert not safe.startswith(".")


def test_a_line_without_a_price_is_told_beside_the_file_that_was_read(tmp_path, publisher):
    shop = FolderShop(tmp_path, publisher)
    shop.drop("sales-1.csv", "receipt,sold_at,sku,qty,price,Kunde\n17,2026-03-01 09:15,MILK,2,a lot,Erika\n")
    shop.scan()
    assert [line.price_minor for line in publisher.lines] == [None]
    report = (shop.path / "done" / "sales-1.csv.report.txt").read_text()
    assert "sales-1.csv: 1 line was used." in report
    assert "line 2, column price: 'a lot' is not an amount such as 3.99; the line counts without a price." in report
    assert "Columns that were not used: Kunde." in report


def test_a_refused_files_report_says_what_was_not_used_and_how_it_can_be_read(tmp_path, publisher):
    shop = FolderShop(tmp_path, publisher)
    shop.drop("receipts-1.csv", "Kam an;EAN;Menge\n28.02.2026;4006381333931;12\n")
    shop.drop("counts-1.csv", "counted_at,sku,qty,Regal\n2026-03-01 09:15,MILK,1.200,A\n")
    shop.scan()
    assert publisher.events == []
    report = (shop.path / "rejected" / "receipts-1.csv.report.txt").read_text()
    assert "'Kam an' holds dates and is not used" in report
    assert "./shelf connect guess" in report
    assert "Columns that were not used: Regal." in (shop.path / "rejected" / "counts-1.csv.report.txt").read_text()


@pytest.mark.parametrize("name", ["items-2026-07-18.csv", "receipts-2026-07-18.csv", "sales-2026-07-18.csv"])
def test_a_well_known_export_is_sales_whatever_its_file_is_called(tmp_path, publisher, name):
    shop = FolderShop(tmp_path, publisher)
    shop.drop(
        name,
        "Date,Receipt number,Receipt type,SKU,Item,Quantity,Net sales,POS,Store,Status\n"
        "2026-03-01 08:00,1-1001,Sale,10221,Cocoa,1.000,15.00,POS 1,Main,Closed\n",
    )
    shop.scan()
    assert [(line.kind, line.code, line.quantity_milli) for line in publisher.lines] == [("sale", "sku:10221", 1000)]


def test_what_a_file_holds_is_the_operators_word_before_any_other(tmp_path, publisher):
    shop = FolderShop(tmp_path, publisher, kinds={"stock": "counted"}, columns={"When": "occurred_at"})
    shop.drop("stock-1.csv", "ID,Type,SKU,In stock?,Stock,When\n1,simple,MUG,1,7,2026-03-01 09:15\n")
    shop.scan()
    assert [event.kind for event in publisher.events] == ["counted"]
