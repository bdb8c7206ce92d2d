"""`settle` on the database of a busy pool: what it prints, what it writes, and what it refuses."""

import json
from datetime import UTC, datetime
from typing import get_args

import pytest

from commonshelf.config.settings import Settings
from commonshelf.desks.settlement.posted import NothingPostedError
from commonshelf.desks.settlement.wording import WAITS_FOR
from streams.settlement.ledger.entries import UnpricedReason
from streams.settlement.store.database import migrate, sqlite_engine
from streams.settlement.store.queries import AsOf, net_positions_of, transactions_of
from tests.support.pool import NOON_MS, OTHER_STORE, POOL, STORE
from tests.support.settlement import THIRD_STORE
from tests.support.settlement_store import busy, sink

ACCOUNTS = "party,holder,iban\n" + "\n".join(
    f"{party},{party} Ltd,DE89370400440532013000" for party in (STORE, OTHER_STORE, THIRD_STORE, "@fund", "@insurer")
)


def last_window(read):
    """A day in the newest window that closed and moved something."""
    moved = transactions_of(read, POOL)
    start_ms = max(one.window_ms for one in moved if one.window_ms < NOON_MS + 86_400_000)
    return f"{datetime.fromtimestamp(start_ms / 1000, UTC):%Y-%m-%d}"


def test_balances_are_those_of_the_ledger_and_say_how_far_it_is(settle, read):
    told = json.loads(settle("balance", POOL, "--json").output)
    assert told["net"] == [one._asdict() for one in net_positions_of(read, POOL)]
    assert told["settled_until_entry"] > 10
    plain = settle("balance", POOL, STORE).output
    assert "receivable" in plain
    assert f"up to entry {told['settled_until_entry']}" in plain


def test_a_balance_as_of_a_time_as_it_was_known_by_an_entry_or_a_time(settle, read):
    [first, *_, last] = transactions_of(read, POOL)
    for arguments, as_of in (
        (("--known-at", str(first.posted_position)), AsOf(known_until_position=first.posted_position)),
        (("--as-of", "2026-09-21T14:13:21"), AsOf(occurred_until_ms=NOON_MS + 1_000)),
        (("--known-at", "2026-09-21T23:00"), AsOf(known_until_ms=NOON_MS + 31_600_000)),
    ):
        told = json.loads(settle("balance", POOL, "--json", *arguments).output)["net"]
        assert told == [one._asdict() for one in net_positions_of(read, POOL, as_of)]
    assert last.posted_position > first.posted_position


def test_a_time_that_is_none_is_told(settle):
    ran = settle("balance", POOL, "--as-of", "yesterday")
    assert ran.exit_code == 1
    assert "--as-of is 'yesterday'; write a day or a time" in ran.output


@pytest.mark.parametrize(
    ("suffix", "begins"), [(".html", b"<!doctype html>"), (".csv", b"when,kind"), (".xlsx", b"PK\x03\x04")]
)
def test_a_statement_is_written_for_its_owner_alone(settle, read, tmp_path, suffix, begins):
    file = tmp_path / "out" / f"corner{suffix}"
    ran = settle("statement", POOL, STORE, "--window", last_window(read), "--out", str(file))
    assert ran.exit_code == 0, ran.output
    assert file.read_bytes().startswith(begins)
    assert file.stat().st_mode & 0o077 == 0


def test_a_statement_is_printed(settle, read):
    told = settle("statement", POOL, STORE, "--window", last_window(read)).output
    for part in ("Corner (corner)", "opening balance", "Handling fees", "closing balance"):
        assert part in told


def test_what_is_no_statement_is_refused(settle):
    assert "must end in .html, .pdf, .csv or .xlsx" in settle("statement", POOL, STORE, "--out", "a.doc").output
    assert "has no store 'nobody'" in str(settle("statement", POOL, "nobody").exception)
    assert isinstance(settle("statement", POOL, STORE, "--window", "1999-01-01").exception, NothingPostedError)


def test_payments_of_a_window_with_their_trail_and_as_files(settle, read, tmp_path):
    accounts = tmp_path / "accounts.csv"
    accounts.write_text(ACCOUNTS, encoding="utf-8")
    window = ("--window", last_window(read))
    told = json.loads(settle("net", POOL, *window, "--json").output)
    [eur] = told["net"]
    assert told["is_closed"]
    assert 0 < len(eur["payments"]) <= len(eur["positions"]) - 1
    assert all(payment["trail"] for payment in eur["payments"])
    files = ("--accounts", str(accounts), "--sepa", str(tmp_path / "sepa"), "--csv", str(tmp_path / "payments.csv"))
    ran = settle("net", POOL, *window, *files, "--pay-on", "2026-12-01")
    assert ran.exit_code == 0, ran.output
    assert "pays" in ran.output
    payers = {payment["payer"] for payment in eur["payments"]}
    assert len(list((tmp_path / "sepa").glob("*.xml"))) == len(payers)
    assert len((tmp_path / "payments.csv").read_text().splitlines()) == 1 + len(eur["payments"])


def test_no_payment_file_is_written_of_a_window_that_is_open_nor_without_accounts(settle, tmp_path):
    day = f"{datetime.fromtimestamp(NOON_MS / 1000 + 3 * 86_400, UTC):%Y-%m-%d}"
    ran = settle("net", POOL, "--window", day, "--csv", str(tmp_path / "payments.csv"))
    assert "this window is still open" in ran.output
    assert not (tmp_path / "payments.csv").exists()
    assert "--sepa needs --accounts" in settle("net", POOL, "--sepa", str(tmp_path)).output


@pytest.mark.parametrize(("form", "line"), [("hledger", "account Assets:"), ("beancount", " open Assets:")])
def test_the_ledger_is_exported(settle, tmp_path, form, line):
    printed = settle("export", POOL, form).output
    assert line in printed
    settle("export", POOL, form, "--out", str(tmp_path / "ledger"))
    assert (tmp_path / "ledger").read_text(encoding="utf-8") == printed


def test_a_file_that_cannot_be_written_is_told(settle, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    ran = settle("export", POOL, "hledger", "--out", str(tmp_path / "file" / "ledger"))
    assert ran.exit_code == 1
    assert "cannot be written" in ran.output


def test_what_waits_for_a_price_is_listed_with_why(settle, tmp_path):
    assert "nothing in pool north waits for a price" in settle("unpriced", POOL).output
    journal = busy(is_priced=False).journal()
    file = Settings(data_dir=tmp_path).settlement_file
    file.unlink()
    engine = sqlite_engine(file)
    migrate(engine)
    with engine.begin() as connection:
        sink(journal).apply(connection, journal)
    engine.dispose()
    told = json.loads(settle("unpriced", POOL, "--json").output)
    assert {one["reason"] for one in told} == {"no_cost"}
    ran = settle("unpriced", POOL)
    assert ran.exit_code == 0, ran.output
    assert "the item's cost" in ran.output
    assert f"{len(told)} facts cannot be priced yet: ./shelf settle unpriced {POOL}" in settle("balance", POOL).output


@pytest.mark.parametrize("form", ["hledger", "beancount"])
def test_an_export_of_a_ledger_without_entries_says_so(settle, tmp_path, form):
    Settings(data_dir=tmp_path).settlement_file.unlink()
    ran = settle("export", POOL, form)
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert "nothing is settled in pool north yet" in ran.stderr


def test_each_reason_to_wait_has_words():
    assert set(WAITS_FOR) == set(get_args(UnpricedReason))
