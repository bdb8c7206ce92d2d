"""What must hold of the transactions that a pool's ledger posted, by the journal alone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from messaging.journal import JournalEntry
from streams.pool.journal.facts import TICK
from streams.settlement.ledger.entries import ClosedWindow, Transaction
from tests.proof.settlement.oracle import FUND, Account, SettlementOracle

DAY_MS = 86_400_000
_ABOUT_THE_KEEPER = ("lot_lent", "lot_sold", "lot_returned", "shrink")
_OF_WINDOWS = "fund_share"
_SHOWN = 5


def problems_of(
    entries: Sequence[JournalEntry],
    posted: Sequence[Transaction],
    closed: Sequence[ClosedWindow],
    window_ms: int = DAY_MS,
) -> list[str]:
    """Sentences about what is wrong; none when each cent is where an independent fold of the journal has it.

    entries: one pool's, from the first. Windows are as long as `window_ms`, counted from 1970 UTC.
    """
    oracle = SettlementOracle()
    oracle.read(entries)
    expected = oracle.end()
    found = _sums(one for one in posted if one.about.kind != _OF_WINDOWS)
    if any(one.about.kind == "restated" for one in posted):
        expected, found = _without_subjects(expected), _without_subjects(found)
    wrong = sorted(account for account in expected.keys() | found.keys() if expected[account] != found[account])
    problems = [f"{one}: {found[one]} is posted and must be {expected[one]}" for one in wrong[:_SHOWN]]
    if len(wrong) > _SHOWN:
        problems.append(f"and {len(wrong) - _SHOWN} more accounts")
    return (
        problems + _unbalanced(posted) + _of_windows(entries, posted, closed, window_ms) + _of_the_fund(posted, closed)
    )


def _sums(posted: Iterable[Transaction]) -> Counter[Account]:
    found: Counter[Account] = Counter()
    for one in posted:
        about = one.about
        subject = "" if about.kind in _ABOUT_THE_KEEPER else about.order or about.transfer or ""
        for posting in one.postings:
            account = Account(subject, posting.party, posting.account, posting.counterparty or "")
            found[account] += posting.amount_minor
    return Counter({account: minor for account, minor in found.items() if minor})


def _without_subjects(sums: Counter[Account]) -> Counter[Account]:
    found: Counter[Account] = Counter()
    for account, minor in sums.items():
        found[account._replace(subject="")] += minor
    return Counter({account: minor for account, minor in found.items() if minor})


def _unbalanced(posted: Iterable[Transaction]) -> list[str]:
    problems = []
    for one in posted:
        sums: Counter[tuple[str, str]] = Counter()
        for posting in one.postings:
            sums[posting.party, posting.currency] += posting.amount_minor
        if any(sums.values()):
            problems.append(f"entry {one.posted_position}.{one.sequence} is not balanced: {dict(sums)}")
    return problems


def _of_windows(
    entries: Iterable[JournalEntry], posted: Sequence[Transaction], closed: Sequence[ClosedWindow], window_ms: int
) -> list[str]:
    """Each closed by the first tick behind its end, and what is posted then counts in a later one."""
    problems = [f"windows {one} and {two} do not join" for one, two in pairwise(closed) if one.end_ms != two.start_ms]
    clock_ms, clocks = 0, [0]
    for entry in entries:
        if entry.fact[0] == TICK:
            clock_ms = max(clock_ms, entry.fact[1]["at_ms"])
        clocks.append(clock_ms)
    problems += [
        f"window {one} closed at {clocks[one.position]}, after {clocks[one.position - 1]}"
        for one in closed
        if not clocks[one.position - 1] < one.end_ms <= clocks[one.position]
    ]
    ends = [(one.position, one.end_ms) for one in closed]
    for transaction in posted:
        about = transaction.about
        if about.kind == _OF_WINDOWS:
            continue
        until_ms = max((end_ms for at, end_ms in ends if at < transaction.posted_position), default=0)
        its_ms = about.occurred_at_ms - about.occurred_at_ms % window_ms
        if about.kind != "restated" and until_ms and transaction.window_ms != max(its_ms, until_ms):
            problems.append(f"{transaction} is in another window than {max(its_ms, until_ms)}")
    return problems[:_SHOWN]


def _of_the_fund(posted: Sequence[Transaction], closed: Sequence[ClosedWindow]) -> list[str]:
    """When a window closes, members have given the fund what it paid in it."""
    net, last = 0, max((one.position for one in closed), default=0)
    until_ms = max((one.end_ms for one in closed), default=0)
    for transaction in posted:
        if transaction.posted_position <= last and transaction.window_ms < until_ms:
            for posting in transaction.postings:
                if posting.party == FUND and posting.account in ("receivable", "payable"):
                    net += posting.amount_minor
    return [f"the fund is left with {net} when the last window closes"] if net else []
