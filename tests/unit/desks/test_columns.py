"""Tables as plain text, and the words for counts and durations."""

from datetime import UTC

import pytest

from commonshelf.desks.settlement.wording import moment
from commonshelf.text import counted, duration, table_text, time_text

WIDE = [("corner-shop", "drop_folder", "a reason that is told in many words, so that it needs a line or two")]


def test_without_a_terminal_a_row_is_a_line_and_nothing_is_cut():
    text = table_text(("name", "n", "note"), [("a" * 90, 5, ""), ("b", 10_000, "x")], ("n",))
    assert text.splitlines() == [
        "name" + 86 * " " + "      n  note",
        "a" * 90 + "      5",
        "b" + 89 * " " + "  10000  x",
    ]


def test_what_a_till_sent_cannot_steer_the_terminal():
    assert table_text(("x",), [("a\x1b[2J\nb\x07",)]).splitlines() == ["x", "a�[2J�b�"]


@pytest.mark.parametrize("width", [80, 60, 44, 30])
def test_a_terminal_of_any_width_shows_every_word(width):
    text = table_text(("store", "connector", "skipped"), WIDE, (), width)
    assert all(len(line) <= width for line in text.splitlines())
    shown = "".join(text.split())
    assert all(word in shown for row in WIDE for cell in row for word in cell.split())


def test_columns_that_cannot_be_folded_to_a_readable_width_become_a_block_a_row():
    head = tuple(f"column {number}" for number in range(9))
    text = table_text(head, [("x" * 20,) * 9, ("y",) * 9], (), 60)
    assert text.splitlines()[0] == "column 0: " + "x" * 20
    assert len(text.split("\n\n")) == 2


def test_heads_of_several_words_are_folded_before_rows_become_blocks():
    head = ("store", "on hand", "safety stock", "contribution")
    text = table_text(head, [("anna", 5, 2, 3)], head[1:], 36)
    assert [" ".join(line.split()) for line in text.splitlines()] == [
        "store on safety contribution", "hand stock", "anna 5 2 3",
    ]  # fmt: skip


def test_long_names_are_broken_where_their_parts_end():
    text = table_text(("setting", "value"), [("pools[0].allocation.min_confidence_permille", "x" * 30)], (), 44)
    assert [line.split()[0] for line in text.splitlines()[1:3]] == ["pools[0].allocation.", "min_confidence_"]
    assert all(len(line) <= 44 for line in text.splitlines())


def test_words_for_people():
    assert [counted(number, "letter") for number in (0, 1, 2, 1204)] == [
        "0 letters", "1 letter", "2 letters", "1,204 letters",
    ]  # fmt: skip
    assert [duration(seconds) for seconds in (0, 59, 60, 200, 7_500, 93_600, 86_400 * 4)] == [
        "0 s", "59 s", "1 min", "3 min 20 s", "2 h 5 min", "1 d 2 h", "4 d",
    ]  # fmt: skip
    assert time_text(1_764_417_649_000) == "2025-11-29 12:00:49 UTC"
    assert time_text(10**18) == f"{10**18} ms"
    assert time_text(1_764_417_649_000, UTC, "%Y-%m-%d %H:%M") == "2025-11-29 12:00"
    assert moment(10**18, UTC) == f"{10**18} ms"
