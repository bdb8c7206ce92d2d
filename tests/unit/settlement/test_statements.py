"""Statements: what stands in them, that they add up, and that no spreadsheet or browser runs what a till sent."""

import csv
import io
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from commonshelf.desks.settlement.posted import NothingPostedError, fold, known_at_position
from commonshelf.desks.settlement.statement_page import statement_html, statement_pdf
from commonshelf.desks.settlement.statement_tables import COLUMNS, statement_csv, statement_workbook
from commonshelf.desks.settlement.wording import money
from schemas.models.agreement import Dispute
from streams.settlement.ledger.debts import Debt
from streams.settlement.ledger.entries import About, Transaction, TransactionKind
from streams.settlement.statements import TITLES, balances, statement
from tests.support.pool import DAY_MS, NOON_MS, OTHER_STORE, POOL, STORE, wanted
from tests.support.settlement import agreement, collected, members

WEEK_MS = 7 * DAY_MS
BERLIN = ZoneInfo("Europe/Berlin")


def debt(number, creditor, debtor, amount, *, window=0, belongs=None, currency="EUR", kind="goods_sold", **about):
    """A transaction that is nothing but a debt; `window` counts weeks."""
    parts = about.pop("parts", {"goods": amount})
    sentence = about.pop("sentence", f"{debtor} owes {creditor}")
    belongs = window if belongs is None else belongs
    return Transaction(
        POOL, number, number, 0, About(kind, belongs * WEEK_MS + 5, **about), window * WEEK_MS, belongs * WEEK_MS, 1,
        None, sentence, tuple(Debt(creditor, debtor, currency, parts).postings()),
    )  # fmt: skip


def of(store, found, window=1, disputes=(), *, is_closed=True):
    window_ms = (window * WEEK_MS, (window + 1) * WEEK_MS)
    return statement(POOL, store, window_ms, found, disputes, is_closed=is_closed)


POSTED = [
    debt(1, "mill", "corner", 500),
    debt(2, "corner", "mill", 119, window=1, parts={"goods": 100, "tax": 19}, order="o1", sku="MILK",
         quantity_milli=1500),
    debt(3, "corner", "third", 7, window=1, kind="handling_fee", order="o1"),
    debt(4, "corner", "mill", 40, window=1, belongs=0),
    debt(5, "third", "mill", 9_999, window=1),
    debt(6, "corner", "mill", 1, window=2),
    debt(7, "corner", "mill", 3, window=1, currency="CHF"),
]  # fmt: skip


def test_a_statement_has_the_balance_before_what_was_posted_and_the_balance_after():
    """-5.00 from before; 1.19 and 0.07 in the window; 0.40 of the one before, told late: -3.34."""
    chf, eur = of("corner", POSTED).parts
    assert (chf.currency, chf.opening_minor, chf.closing_minor) == ("CHF", 0, 3)
    assert (eur.opening_minor, eur.closing_minor) == (-500, -334)
    assert [(one.kind, one.is_restated, one.total_minor) for one in eur.sections] == [
        ("goods_sold", False, 119), ("handling_fee", False, 7), ("goods_sold", True, 40),
    ]  # fmt: skip
    [line] = eur.sections[0].lines
    assert (line.amount_minor, line.tax_minor, line.counterparty) == (119, 19, "mill")


def test_of_the_other_store_it_is_the_same_turned_round():
    [part] = [one for one in of("mill", POSTED).parts if one.currency == "EUR"]
    assert (part.opening_minor, part.closing_minor) == (500, 500 - 119 - 40 - 9_999)
    assert [one.lines[0].tax_minor for one in part.sections if not one.is_restated] == [-19]


def test_each_windows_opening_balance_is_the_closing_balance_before():
    for store in ("corner", "mill", "third"):
        for window in (1, 2):
            before = {part.currency: part.closing_minor for part in of(store, POSTED, window - 1).parts}
            for part in of(store, POSTED, window).parts:
                assert part.opening_minor == before.get(part.currency, 0)
    assert balances(POSTED)["corner"] == {"EUR": -333, "CHF": 3}


def dispute(position, status="open", name="d1"):
    return Dispute(
        dispute=name, store="mill", posted_position=position, sequence=0, text="never came", status=status
    ).to_avro()


def test_what_is_disputed_is_told_of_whatever_window_and_only_while_it_is():
    disputes = [dispute(1), dispute(2, name="d2"), dispute(2, name="d3"), dispute(3, "rejected", "d4")]
    part = of("corner", POSTED, disputes=disputes).parts[1]
    assert [one.dispute["dispute"] for one in part.disputed] == ["d1", "d2", "d3"]
    assert part.disputed_minor == -500 + 119
    assert part.sections[0].lines[0].disputes == ("d2", "d3")
    assert part.closing_minor == -334


def test_every_kind_of_transaction_has_a_heading():
    assert set(TITLES) == set(get_args(TransactionKind))


NASTY = [debt(2, "corner", "mill", 119, window=1, order='=cmd|"/c calc"!A1', sku="<b>&\x07", sentence="+1 <script>")]


def test_a_table_has_every_line_and_no_formula():
    [head, opening, line, closing] = csv.reader(io.StringIO(statement_csv(of("corner", NASTY), {}, BERLIN)))
    assert tuple(head) == COLUMNS
    assert (opening[1], opening[-2], closing[1], closing[-2]) == ("Opening balance", "0.00", "Closing balance", "1.19")
    assert line[3] == "'+1 <script>"
    assert line[5] == '\'=cmd|"/c calc"!A1'
    assert line[0] == "1970-01-08 01:00"


def test_the_amounts_of_a_csv_file_are_numbers_also_below_zero():
    found = csv.DictReader(io.StringIO(statement_csv(of("mill", POSTED), {}, BERLIN)))
    assert [row["amount"] for row in found if row["currency"] == "EUR"] == [
        "5.00", "-1.19", "-99.99", "-0.40", "-96.58",
    ]  # fmt: skip


def test_a_workbook_has_texts_that_are_no_formulas_and_amounts_that_are_numbers():
    book = load_workbook(io.BytesIO(statement_workbook(of("corner", NASTY), {"corner": "=1+1"}, BERLIN)))
    rows = list(book.active.iter_rows(values_only=False))
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n"}
    assert [cell.value for cell in rows[3]] == list(COLUMNS)
    line = dict(zip(COLUMNS, rows[5], strict=True))
    assert (line["order"].value, line["amount"].value) == ('=cmd|"/c calc"!A1', 1.19)
    assert line["order"].quotePrefix
    assert line["amount"].number_format == "#,##0.00"


def test_a_page_escapes_what_it_shows():
    page = statement_html(of("corner", NASTY), {"corner": "A & B", "mill": "<i>"}, BERLIN)
    assert "Statement of A &amp; B (corner)" in page
    assert "<script>" not in page
    assert "<i>" not in page
    assert "&lt;script&gt;" in page


def test_a_page_says_what_is_preliminary_what_is_restated_and_what_is_disputed():
    open_page = statement_html(of("corner", POSTED, disputes=[dispute(2)], is_closed=False), {}, BERLIN)
    closed_page = statement_html(of("third", POSTED), {}, BERLIN)
    for told in ("Preliminary", "Restated: of earlier windows", "1.19 EUR is disputed", "never came", "2.0"):
        assert told in open_page
        assert told == "2.0" or told not in closed_page


def test_a_page_of_a_store_without_postings_says_so():
    assert "Nothing was posted" in statement_html(of("nobody", POSTED), {}, BERLIN)


@pytest.mark.needs_debian
def test_a_page_prints_as_pdf():
    made = statement_pdf(statement_html(of("corner", POSTED), {}, BERLIN))
    assert made.startswith(b"%PDF-")


@pytest.mark.parametrize(("minor", "text"), [(-123_456_789, "-1,234,567.89 EUR"), (-5, "-0.05 EUR"), (0, "0.00 EUR")])
def test_money_for_people(minor, text):
    assert money(minor, "EUR") == text


# --- what the journal says ------------------------------------------------------------------------------------


def settled():
    """An order in a window that has closed; a second one in the next, which is open."""
    bench = members(terms=agreement(window={"every": "weekly", "starts_on": 2}))
    bench.tick(NOON_MS)
    collected(bench, "o1", wanted(2_000))
    bench.pass_time(NOON_MS + 6 * DAY_MS)
    return bench


def test_the_ledger_of_a_journal_has_its_windows():
    journal = settled().journal()
    found = fold(POOL, lambda: journal)
    [(start_ms, end_ms, is_closed), (next_ms, _, is_next_closed)] = found.windows()
    assert (end_ms - start_ms, is_closed, next_ms, is_next_closed) == (WEEK_MS, True, end_ms, False)
    assert found.window(None) == (start_ms, end_ms, True)
    assert balances(found.transactions) == {STORE: {"EUR": 220}, OTHER_STORE: {"EUR": -220}}
    with pytest.raises(NothingPostedError, match="no window of pool north has 1970-01-01"):
        found.window(__import__("datetime").datetime(1970, 1, 1))


def test_as_known_before_the_hand_over_nothing_is_owed():
    journal = settled().journal()
    posted_at = fold(POOL, lambda: journal).transactions[0].posted_position
    assert fold(POOL, lambda: journal, known_at_position(posted_at - 1)).transactions == []
    assert len(fold(POOL, lambda: journal, known_at_position(posted_at)).transactions) == 1


def test_a_pool_without_agreement_has_no_windows():
    journal = members().journal()
    with pytest.raises(NothingPostedError, match="no agreement"):
        fold(POOL, lambda: journal).window(None)
