"""Statements: what stands in them, that they add up, and that no spreadsheet or browser runs what a till sent."""

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from commonshelf.desks.printing import page_pdf
from commonshelf.desks.settlement.posted import (
    NothingPostedError,
    choose_window,
    open_disputes,
    read_net,
    read_statement,
    windows_of,
)
from commonshelf.desks.settlement.statement_page import statement_html
from commonshelf.desks.settlement.statement_tables import COLUMNS, statement_csv, statement_workbook
from commonshelf.desks.settlement.wording import money
from schemas.models.agreement import Dispute
from schemas.types.settlement import TransactionKind
from streams.settlement.ledger.debts import Debt
from streams.settlement.ledger.entries import FUND, About, Transaction
from streams.settlement.statements import OWED, TITLES, Before, Window, statement
from streams.settlement.store.database import migrate, reading, sqlite_engine
from streams.settlement.store.queries import net_positions_of
from tests.support.pool import DAY_MS, OTHER_STORE, POOL, STORE
from tests.support.settlement import THIRD_STORE
from tests.support.settlement_store import busy, folded, sink

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


def balance(store, found, window):
    """Currency → the store's balance before a window, of what is no longer even."""
    sums = Counter()
    for one in found:
        for posting in one.postings:
            if posting.party == store and posting.account in OWED and one.window_ms < window * WEEK_MS:
                sums[posting.currency] += posting.amount_minor
    return {currency: amount for currency, amount in sums.items() if amount}


def of(store, found, window=1, disputes=(), *, is_closed=True, lent=()):
    about = {one.posted_position: one for one in found}
    return statement(
        Window(POOL, window * WEEK_MS, (window + 1) * WEEK_MS, is_closed), store,
        Before(balance(store, found, window), dict(lent)), [one for one in found if one.window_ms == window * WEEK_MS],
        [(one, about[one["posted_position"]]) for one in disputes],
    )  # fmt: skip


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
    assert [one.closing_minor for one in of("corner", POSTED, 2).parts] == [3, -333]


def dispute(position, status="open", name="d1"):
    return Dispute(
        dispute=name, store="mill", posted_position=position, sequence=0, text="never came", status=status
    ).to_avro()


def test_what_is_disputed_is_told_of_whatever_window():
    disputes = [dispute(1), dispute(2, name="d2"), dispute(2, name="d3"), dispute(5, name="d4")]
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
    made = page_pdf(statement_html(of("corner", POSTED), {}, BERLIN))
    assert made.startswith(b"%PDF-")


@pytest.mark.parametrize(("minor", "text"), [(-123_456_789, "-1,234,567.89 EUR"), (-5, "-0.05 EUR"), (0, "0.00 EUR")])
def test_money_for_people(minor, text):
    assert money(minor, "EUR") == text


# --- what the database says -----------------------------------------------------------------------------------


@pytest.fixture
def settled(tmp_path):
    """A connection to the database of a busy pool of which windows closed and one is open."""
    engine = sqlite_engine(tmp_path / "settlement.sqlite3")
    migrate(engine)
    bench = busy()
    for day in range(3):
        bench.configure(dispute_of(day))
    with engine.begin() as connection:
        sink(bench.journal()).apply(connection, bench.journal())
    with reading(engine) as connection:
        yield connection
    engine.dispose()


def dispute_of(number):
    status = "rejected" if number == 2 else "open"
    posted = folded(busy().journal(), POOL)["transactions"][number]
    return Dispute(
        dispute=f"x{number}", store=STORE, posted_position=posted.posted_position, sequence=posted.sequence,
        text="Not ours", status=status,
    )  # fmt: skip


def test_statements_of_all_windows_go_on_from_each_other_and_end_with_the_net_positions(settled):
    windows = windows_of(settled, POOL)
    assert [one.is_closed for one in windows] == [*[True] * (len(windows) - 1), False]
    assert len(windows) > 2
    closing = {}
    for store in (STORE, OTHER_STORE, THIRD_STORE, FUND):
        balance = 0
        for window in windows:
            for part in read_statement(settled, store, window).parts:
                assert part.opening_minor == balance
                balance = part.closing_minor
        closing[store] = balance
    expected = {one.party: one.amount_minor for one in net_positions_of(settled, POOL)}
    assert {party: amount for party, amount in closing.items() if amount} == {
        party: amount for party, amount in expected.items() if party in closing
    }
    assert any(closing.values())


def test_a_statement_tells_open_disputes_alone(settled):
    told = {
        one.dispute["dispute"]
        for part in read_statement(settled, STORE, windows_of(settled, POOL)[-1]).parts
        for one in part.disputed
    }
    assert told <= {"x0", "x1"}
    assert [one["dispute"] for one, _ in open_disputes(settled, POOL)] == ["x0", "x1"]


def test_netting_a_window_keeps_what_the_window_moved(settled):
    for window in windows_of(settled, POOL):
        moved = {one.party: one.amount_minor for one in net_positions_of(settled, POOL, window_ms=window.start_ms)}
        found = read_net(settled, window)
        assert {party: amount for one in found for party, amount in one.positions.items()} == moved


def test_the_window_of_a_day_and_the_newest_that_closed(settled):
    windows = windows_of(settled, POOL)
    day = datetime.fromtimestamp(windows[0].start_ms / 1000, BERLIN).date()
    assert choose_window(windows, POOL, None, UTC) == windows[-2]
    assert choose_window(windows[-1:], POOL, None, UTC) == windows[-1]
    assert choose_window(windows, POOL, day, UTC) == windows[0]
    with pytest.raises(NothingPostedError, match="no window of pool north has 1970-01-01"):
        choose_window(windows, POOL, date(1970, 1, 1), UTC)
    with pytest.raises(NothingPostedError, match="has no agreement"):
        choose_window([], POOL, None, UTC)
