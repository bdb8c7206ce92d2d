"""Bytes to rows: encodings, delimiters, quotes, headers, decimal marks."""

import codecs
import io

import pytest

from connectors.drop_folder.columns import cells_header, checked, separator_line, text_header
from connectors.drop_folder.rows import CELLS_MAX, LINE_MAX_CHARS, BrokenRow, Row, read_rows
from connectors.drop_folder.survey import FileRefused, survey_text

HEADER = "receipt_no,sold_at,ean,qty"


def read_layout(header, kind, mapping):
    return checked(text_header([header], kind, mapping).layout, kind, mapping)


def rows(text, delimiter=","):
    return list(read_rows(io.StringIO(text, newline=""), delimiter))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("käse\n".encode(), "utf-8"),
        ("käse\n".encode("utf-8-sig"), "utf-8-sig"),
        (codecs.BOM_UTF16_LE + "käse\n".encode("utf-16-le"), "utf-16"),
        (codecs.BOM_UTF16_BE + "käse\n".encode("utf-16-be"), "utf-16"),
        ("receipt_no\n".encode("utf-16-le"), "utf-16-le"),
        ("receipt_no\n".encode("utf-16-be"), "utf-16-be"),
        ("käse €\n".encode("cp1252"), "cp1252"),
    ],
)
def test_the_encoding_is_told_by_the_bytes(content, encoding):
    found = survey_text(io.BytesIO(content))
    assert (found.encoding, found.is_ended, found.size_bytes) == (encoding, True, len(content))


def test_a_character_cut_by_the_reading_buffer_is_still_one():
    content = b"x" * ((1 << 20) - 1) + "é\n".encode()
    assert survey_text(io.BytesIO(content)).encoding == "utf-8"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"a\x00b", "zero bytes"),
        (b"a\x81\xff", "neither UTF-8"),
        (codecs.BOM_UTF16_LE + b"a", "neither UTF-8"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8", "neither UTF-8"),
        (codecs.BOM_UTF32_LE + "a".encode("utf-32-le"), "UTF-32"),
        (codecs.BOM_UTF8 + b"\xff", "neither UTF-8"),
    ],
)
def test_a_file_that_fits_no_encoding_is_refused_whole(content, reason):
    with pytest.raises(FileRefused, match=reason):
        survey_text(io.BytesIO(content))


def test_rows_keep_the_line_they_begin_on_and_empty_lines_are_left_out():
    assert rows('a,b\r\n\r\n"c\nd",e\rf,g\n,,\n') == [
        Row(1, ["a", "b"]), Row(3, ["c\nd", "e"]), Row(5, ["f", "g"]),
    ]  # fmt: skip


def test_a_quote_that_is_never_closed_costs_its_own_line_only():
    found = rows('1,"x\n2,y\n3,"z"\n' + "".join(f"{n},a\n" for n in range(4, 100)))
    assert found[0] == BrokenRow(1, "a quote is opened and not closed")
    assert [row.line for row in found] == list(range(1, 100))
    assert {type(row) for row in found[1:]} == {Row}


def test_a_line_of_any_length_takes_bounded_memory_and_costs_itself():
    found = rows("x" * (3 * LINE_MAX_CHARS) + "\n1,2\n")
    assert found == [BrokenRow(1, f"the line is longer than {LINE_MAX_CHARS} characters"), Row(2, ["1", "2"])]


def test_an_inch_mark_in_a_plain_cell_is_no_quote():
    assert rows('pipe 5",1\n') == [Row(1, ['pipe 5"', "1"])]


def test_too_many_cells_are_a_broken_row():
    assert isinstance(rows("," * 300 + "x\n")[0], BrokenRow)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_under_which_the_header_makes_sense(delimiter):
    layout = read_layout(HEADER.replace(",", delimiter), "sales", {})
    assert (layout.delimiter, [name for name, _, _ in layout.columns]) == (
        delimiter, ["receipt_no", "occurred_at", "gtin", "quantity"],
    )  # fmt: skip


def test_a_spreadsheets_separator_line_decides():
    assert [separator_line("sep=;\r\n"), separator_line("SEP=\t"), separator_line("sep=x"), separator_line("a;b")] == [
        ";", "\t", None, None,
    ]  # fmt: skip


def test_headers_are_known_whatever_their_case_and_others_are_dropped():
    layout = read_layout("Receipt No,SOLD-AT,E A N,EAN,Qty,Customer Name", "sales", {})
    assert [name for name, _, _ in layout.columns] == ["receipt_no", "occurred_at", "gtin", "quantity"]


def test_the_operators_own_mapping_comes_before_the_usual_headers():
    layout = read_layout("Bon,Zeit,ean,qty,Anzahl", "sales", {"Zeit": "occurred_at", "anzahl": "quantity"})
    assert [(name, index) for name, index, _ in layout.columns] == [
        ("receipt_no", 0), ("occurred_at", 1), ("gtin", 2), ("quantity", 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "kind", "reason"),
    [
        ("ean,qty", "sales", "receipt_no, occurred_at"),
        ("ean,qty", "counted", "occurred_at"),
        ("qty", "level", "names the item"),
        ("ean,barcode,qty", "level", "'ean' and 'barcode' both mean gtin"),
        ('"ean', "level", "no column"),
    ],
)
def test_a_header_that_says_too_little_or_too_much_refuses_the_file(header, kind, reason):
    with pytest.raises(FileRefused, match=reason):
        read_layout(header, kind, {})


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_line_of_more_cells_than_a_row_may_have_is_no_header_and_costs_nothing(delimiter):
    """Twenty such lines, of which each cell was compared with each name, kept a folder's thread busy for minutes."""
    known = ["receipt_no", "sold_at", "ean", "qty"]
    wide = known + ["more"] * (CELLS_MAX - len(known))
    assert text_header([delimiter.join(wide)], "sales", {}).layout.width == CELLS_MAX
    wider = [*wide, "more"]
    assert text_header([delimiter.join(wider)] * 20, "sales", {}) is None
    assert cells_header([wider] * 20, "sales", {}) is None
    assert text_header([delimiter.join(wider), delimiter.join(known)], "sales", {}).at == 1
