"""The ledger in plain-text accounting: hledger and Beancount reckon our balances anew, and must come to the same."""

import csv
import subprocess
from collections import defaultdict
from zoneinfo import ZoneInfo

import pytest
from beancount import loader
from beancount.core import realization
from hypothesis import given
from hypothesis import strategies as st

from schemas.currency import decimal_text
from schemas.models.base import NAME_PATTERN
from streams.settlement.exports import (
    account_name,
    beancount_journal,
    component,
    day_of,
    hledger_journal,
)
from streams.settlement.ledger.debts import Debt
from streams.settlement.ledger.entries import FUND, INSURER, About, Transaction
from tests.support.pool import BREAD, DAY_MS, NOON_MS, OTHER_STORE, line, wanted
from tests.support.settlement import THIRD_STORE, agreement, collected, members, transactions
from tests.support.transfers import came, place, tell

DAY = DAY_MS


def busy():
    """Lots, orders, a return, a loss that the fund shares, premiums, an agreement dated back."""
    terms = agreement(
        ownership="owner", tax="added", handling_fee_minor=7, shrink={"bearer": "fund", "covers": "all"},
        insurance={"premium_ppm_per_day": 9_000},
    )  # fmt: skip
    bench = members(terms=terms, tax_permille=190)
    bench.tick(NOON_MS)
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(5_000))
    collected(bench, "o1", wanted(2_000, BREAD))
    bench.sell("back", line(1_000, BREAD, kind="return", price_minor=-149), order_ref="o1", store=THIRD_STORE)
    bench.report(
        "counted", "c1", line(1_000), store=OTHER_STORE, occurred_at_ms=NOON_MS + 5_000, recorded_at_ms=NOON_MS + 5_000
    )
    bench.configure(agreement(version=2, effective_from_ms=5, ownership="owner"))
    bench.pass_time(NOON_MS + 9 * DAY_MS)
    return transactions(bench)


def debt(number, creditor, debtor, amount, currency, **about):
    return Transaction(
        "north", number, number, 0, About("goods_sold", NOON_MS + number * DAY, **about), NOON_MS, NOON_MS, 1, None,
        'Said "so"; \\ and\nmore', tuple(Debt(creditor, debtor, currency, {"goods": amount, "tax": 1}).postings()),
    )  # fmt: skip


def odd():
    """Names and currencies that take care to write down."""
    return [
        debt(1, "Corner", "corner", 5, "EUR", order="o;1, x"),
        debt(2, "x-1", INSURER, 7, "JPY"),
        debt(3, FUND, "@pool:hillside", 1_234_567, "BHD", sku="50% off"),
        debt(4, "a.b", "a_b", -1, "EUR"),
    ]


def sums(found):
    balances = defaultdict(int)
    for one in found:
        for posting in one.postings:
            balances[account_name(posting), posting.currency] += posting.amount_minor
    return {key: amount for key, amount in balances.items() if amount}


@pytest.mark.parametrize("made", [busy, odd, list])
def test_beancount_comes_to_the_same_balances(made):
    found = made()
    entries, errors, _ = loader.load_string("\n".join(beancount_journal(found)))
    assert errors == []
    accounts = realization.iter_children(realization.realize(entries))
    theirs = {
        (account.account, position.units.currency): str(position.units.number)
        for account in accounts
        for position in account.balance
    }
    assert theirs == {key: decimal_text(amount, key[1]) for key, amount in sums(found).items()}
    assert bool(found) == bool(theirs)


@pytest.mark.needs_debian
@pytest.mark.parametrize("made", [busy, odd])
def test_hledger_comes_to_the_same_balances(tmp_path, made):
    found = made()
    file = tmp_path / "ledger.journal"
    file.write_text("\n".join(hledger_journal(found)) + "\n", encoding="utf-8")
    subprocess.run(["hledger", "-f", str(file), "check", "--strict"], check=True)
    told = subprocess.run(
        ["hledger", "-f", str(file), "balance", "--flat", "--no-total", "-O", "csv"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    theirs = {(row["account"], row["balance"]) for row in csv.DictReader(told.splitlines())}
    assert theirs == {(name, f"{decimal_text(amount, of)} {of}") for (name, of), amount in sums(found).items()}


@pytest.mark.needs_debian
def test_hledger_refuses_a_ledger_of_which_a_posting_is_wrong(tmp_path):
    lines = list(hledger_journal(odd()))
    at = next(at for at, one in enumerate(lines) if one.endswith("0.06 EUR"))
    file = tmp_path / "ledger.journal"
    file.write_text("\n".join([*lines[:at], lines[at].replace("0.06", "0.07"), *lines[at + 1 :]]), encoding="utf-8")
    assert subprocess.run(["hledger", "-f", str(file), "check"], check=False, capture_output=True).returncode != 0


PARTIES = st.from_regex(NAME_PATTERN, fullmatch=True) | st.from_regex(r"@pool:[A-Za-z0-9._-]{1,5}", fullmatch=True)


@given(PARTIES, PARTIES)
def test_two_parties_never_share_an_account(one, other):
    assert (component(one) == component(other)) == (one == other)


@pytest.mark.parametrize(
    ("party", "name"),
    [("corner-shop", "Corner-shop"), ("x1", "X1"), ("x-1", "X-x-2d-1"), ("@fund", "X--40-fund"), ("Mill", "X--4d-ill")],
)
def test_a_party_in_an_account_can_be_read(party, name):
    assert component(party) == name


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(285, "EUR", "2.85"), (-5, "EUR", "-0.05"), (7, "JPY", "7"), (1, "BHD", "0.001"), (0, "EUR", "0.00")],
)
def test_minor_units_as_decimals(amount, currency, text):
    assert decimal_text(amount, currency) == text


def test_the_day_is_the_members_own_and_of_what_is_restated_the_windows_first():
    late = debt(1, "a", "b", 5, "EUR")
    at_eleven_pm = late._replace(about=About("goods_sold", 23 * 3_600_000))
    assert str(day_of(at_eleven_pm._replace(window_ms=0, belongs_to_ms=0))) == "1970-01-01"
    assert str(day_of(at_eleven_pm._replace(window_ms=0, belongs_to_ms=0), ZoneInfo("Europe/Berlin"))) == "1970-01-02"
    assert str(day_of(at_eleven_pm._replace(window_ms=7 * DAY, belongs_to_ms=0))) == "1970-01-08"
