"""Tables as plain text."""

from commonshelf.text import in_columns


def test_columns_are_aligned_and_nothing_is_cut():
    text = in_columns(("name", "n", "note"), [("a" * 90, 5, ""), ("b", 10_000, "x")], ("n",))
    assert text.splitlines() == [
        "name" + 86 * " " + "      n  note",
        "a" * 90 + "      5",
        "b" + 89 * " " + "  10000  x",
    ]


def test_what_a_till_sent_cannot_steer_the_terminal():
    assert in_columns(("x",), [("a\x1b[2J\nb\x07",)]).splitlines() == ["x", "a�[2J�b�"]
