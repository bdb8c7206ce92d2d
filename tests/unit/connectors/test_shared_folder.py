"""A drop folder is its store's: what its staff can do to it harms no other store, and nothing is lost unseen."""

import os
import stat
import threading

import pytest

from connectors.drop_folder.folder import OpenedFolder
from connectors.drop_folder.intake import Stopped
from connectors.drop_folder.place import Place
from messaging.publisher import EventTooLarge
from schemas.models.pos import Sale
from tests.unit.connectors.test_drop_folder import FolderShop, sales


@pytest.fixture
def shop(tmp_path, publisher):
    return FolderShop(tmp_path, publisher)


@pytest.fixture
def victim(tmp_path, publisher):
    (tmp_path / "victim").mkdir()
    made = FolderShop(tmp_path / "victim", publisher)
    made.spec = made.spec.model_copy(update={"store": "victim"})
    made.start()
    return made


@pytest.mark.parametrize("swapped", ["done", "rejected"])
@pytest.mark.parametrize("content", [sales(1), "nonsense\n"], ids=["a good file", "a bad file"])
def test_a_place_swapped_for_a_link_leads_nowhere(shop, victim, swapped, content):
    (shop.path / swapped).rename(shop.path / f"was-{swapped}")
    (shop.path / swapped).symlink_to(victim.path)
    shop.drop("sales-1.csv", content)
    before = victim.names()
    shop.scan()
    victim.scan()
    assert victim.names() == before
    assert [event for event in victim.publisher.events if event.store == "victim"] == []
    assert shop.names() == sorted(["sales-1.csv", f"was-{swapped}"])


def test_when_the_place_is_a_folder_again_the_file_is_read(shop, tmp_path):
    (shop.path / "done").rmdir()
    (shop.path / "done").symlink_to(tmp_path)
    shop.drop("sales-1.csv", sales(1))
    shop.scan()
    (shop.path / "done").unlink()
    shop.scan()
    assert (shop.names(), shop.names("done"), len(shop.publisher.events)) == ([], ["sales-1.csv"], 1)


def test_a_swap_in_the_middle_of_reading_changes_nothing(shop, victim):
    def swap(_events):
        (shop.path / "done").rename(shop.path / "was-done")
        (shop.path / "done").symlink_to(victim.path)

    shop.publisher.on_publish = swap
    shop.drop("sales-1.csv", sales(1))
    shop.scan()
    assert (victim.names(), shop.names("was-done")) == ([], ["sales-1.csv"])


def test_a_link_on_the_way_to_the_folder_is_not_followed(tmp_path, publisher, victim):
    (tmp_path / "home").mkdir()
    shop = FolderShop(tmp_path / "home", publisher)
    (tmp_path / "home").rename(tmp_path / "was-home")
    (tmp_path / "home").symlink_to(tmp_path / "victim")
    victim.drop("sales-1.csv", sales(1))
    with pytest.raises(OSError, match="a link has got into its path"):
        shop.scan()
    assert (publisher.events, victim.names()) == ([], ["sales-1.csv"])


def test_a_planted_link_in_place_of_a_report_is_replaced_and_not_written_through(shop, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("whole")
    for name in ("sales-1.csv.report.txt", "sales-1.csv.report.csv"):
        (shop.path / "rejected" / name).symlink_to(outside)
    shop.drop("sales-1.csv", "nonsense\n")
    shop.scan()
    assert outside.read_text() == "whole"
    assert not (shop.path / "rejected" / "sales-1.csv.report.txt").is_symlink()


@pytest.mark.parametrize(
    ("place", "planted", "content"),
    [
        ("rejected", "sales-1.csv.report.csv", "nonsense\n"),
        ("rejected", "sales-1.csv.report.txt", "nonsense\n"),
        ("done", "sales-1.csv.report.txt", sales(1).replace("\n", ",a remark\n")),
    ],
)
def test_a_folder_in_place_of_a_report_holds_up_its_file_alone_and_leaves_nothing_behind(shop, place, planted, content):
    (shop.path / place / planted).mkdir()
    shop.drop("sales-1.csv", content)
    shop.drop("sales-2.csv", sales(2))
    for _ in range(3):
        shop.scan()
    assert shop.names() == ["sales-1.csv"]
    assert sorted(shop.names("done") + shop.names("rejected")) == sorted([planted, "sales-2.csv"])

    (shop.path / place / planted).rmdir()
    shop.scan()
    assert (shop.names(), "sales-1.csv" in shop.names(place)) == ([], True)


def test_a_file_with_a_second_name_elsewhere_is_not_read(shop, tmp_path):
    (tmp_path / "other.csv").write_text(sales(1))
    (shop.path / "sales-1.csv").hardlink_to(tmp_path / "other.csv")
    shop.scan()
    assert shop.publisher.events == []
    assert "a hard link" in (shop.path / "rejected" / "sales-1.csv.report.txt").read_text()


def test_a_file_that_becomes_a_link_or_a_fifo_before_it_is_opened_is_neither_followed_nor_waited_for(
    shop, tmp_path, monkeypatch
):
    (tmp_path / "secret.csv").write_text(sales(1))
    opens = OpenedFolder.open

    def swap_first(self, name, size_max_bytes):
        (shop.path / name).unlink()
        if name == "sales-1.csv":
            (shop.path / name).symlink_to(tmp_path / "secret.csv")
        else:
            os.mkfifo(shop.path / name)
        return opens(self, name, size_max_bytes)

    monkeypatch.setattr(OpenedFolder, "open", swap_first)
    shop.drop("sales-1.csv", sales(1))
    shop.drop("sales-2.csv", sales(1))
    shop.scan()
    assert shop.publisher.events == []


def test_a_name_with_a_line_break_is_rejected_and_told_in_one_line(shop):
    shop.drop("sales-1\nfine.csv", sales(1))
    shop.scan()
    assert shop.publisher.events == []
    [text] = [each for each in shop.names("rejected") if each.endswith(".report.txt")]
    assert (shop.path / "rejected" / text).read_text().startswith("sales-1\\x0afine.csv: 0 lines were used")


@pytest.mark.parametrize("content", [sales(1), sales(1) + "1,x\n"], ids=["done", "rejected"])
def test_what_is_written_after_a_file_was_taken_is_told_once(shop, content):
    shop.drop("sales-1.csv", content)
    with (shop.path / "sales-1.csv").open("a") as till:
        shop.scan()
        till.write("1,9,9,2026-03-01 09:15,4006381333931,1\n")
    place = "done" if shop.names("done") else "rejected"
    shop.start()  # also by the next process
    shop.scan()
    told = (shop.path / place / "sales-1.csv.changed.txt").read_text()
    assert "was written to after that" in told
    assert str((shop.path / place / "sales-1.csv").stat().st_size) in told
    shop.scan()
    assert shop.count("files", "changed_later") == 1


def test_a_file_that_lies_still_in_done_is_no_news(shop):
    shop.drop("sales-1.csv", sales(1))
    shop.scan()
    shop.ahead_ms += 7_200_000
    shop.scan()
    assert shop.names("done") == ["sales-1.csv"]
    assert shop.connector._state.watched(0) == []


def test_a_file_that_takes_the_name_at_the_last_moment_is_read_as_well(shop, monkeypatch):
    moves = Place.move

    def replace_first(self, name, into, reserved):
        if name == "sales-1.csv" and len(shop.publisher.events) == 1:
            (shop.path / "beside").write_text(sales(4))
            (shop.path / "beside").rename(shop.path / name)
        moves(self, name, into, reserved)

    monkeypatch.setattr(Place, "move", replace_first)
    shop.drop("sales-1.csv", sales(3))
    shop.scan()
    assert shop.names("done") == []
    shop.scan()
    assert len(shop.publisher.events) == 3, "the first file's receipt, and both of the second's"
    assert len(shop.names("done")) == 1


def test_reports_may_be_read_by_whom_the_folder_is_for(shop):
    shop.path.chmod(0o770)
    (shop.path / "rejected").rmdir()
    before = os.umask(0o077)
    try:
        shop.drop("sales-1.csv", "nonsense\n")
        shop.scan()
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((shop.path / "rejected" / name).stat().st_mode) for name in (".", "sales-1.csv.report.txt")]
    assert modes == [0o770, 0o660]


def test_a_file_with_an_event_too_large_is_used_but_for_that_and_the_next_file_is_read(shop):
    def refuse(events):
        large = [event for event in events if isinstance(event, Sale) and event.source.id.endswith("/0")]
        if large:
            shop.publisher.events += [event for event in events if event not in large]
            raise EventTooLarge("too large", large)

    shop.publisher.on_publish = refuse
    shop.drop("sales-1.csv", sales(7))
    shop.scan()
    shop.drop("sales-2.csv", sales(1, first=30))
    shop.scan()
    assert [event.source.id.rpartition("/")[2] for event in shop.publisher.events] == ["1", "2", "10"]
    assert (shop.names("rejected")[0], shop.names("done")) == ("sales-1.csv", ["sales-2.csv"])
    [row] = shop.report("sales-1.csv")
    assert (row["line"], "too large for Kafka" in row["reason"]) == ("0", True)
    text = (shop.path / "rejected" / "sales-1.csv.report.txt").read_text()
    assert text.startswith("sales-1.csv: 4 lines were used, 1 was not.")
    assert (shop.count("lines", "published"), shop.count("lines", "refused")) == (5, 1)


def test_a_restart_behind_an_event_too_large_reads_from_there_again(shop):
    stop = threading.Event()

    def refuse(events):
        stop.set()  # while the first batch is under way
        shop.publisher.events += events[1:]
        raise EventTooLarge("too large", events[:1])

    shop.publisher.on_publish = refuse
    shop.drop("sales-1.csv", sales(2_500))
    with pytest.raises(Stopped):
        shop.connector.scan(stop)
    shop.publisher.on_publish = lambda _events: None
    shop.start()
    shop.scan()
    assert shop.names("done") == ["sales-1.csv"], "by now Kafka takes it"
