"""What the torture test's audit adds: the connectors' shops, the follower's table, and promises."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from messaging.journal import JournalEntry
from schemas.codec import BadMessage, topic_codec
from schemas.topics import POS_SALES
from tests.proof.faults.auditor import Audit, Seen
from tests.proof.faults.records import ShelfKey
from tests.proof.torture.clients import Taken
from tests.proof.torture.follower import Table, counts, moves
from tests.proof.torture.history import check_history
from tests.proof.torture.linearizability import Outcome

_STATES_MAX = 200_000
_ON_SHELF = ("tentative", "confirmed", "picked")


def check_taken(audit: Audit, seen: Seen, taken: Iterable[Taken]) -> None:
    """Each line that a connector took from a shop is in the input topics, as it was sent."""
    decode = topic_codec(POS_SALES.name).decode
    there: set[Taken] = set()
    for record in seen.inputs:
        if record.topic != POS_SALES.name:
            continue
        try:
            event = decode(record.value)
        except BadMessage:
            continue  # the oracle says what must become of it
        if event["source"]["system"] != "till":
            store, receipt = event["store"], event["source"]["id"].rsplit("/", 1)[-1]
            there.update(Taken(store, receipt, line["line_id"], line["quantity_milli"]) for line in event["lines"])
    audit.lost += audit.find("lines that a connector took and the input topics lack", set(taken) - there)


def check_follower(audit: Audit, seen: Seen, path: Path, apart: Sequence[str]) -> None:
    """The table of the consumer that follows the journal is the oracle's, but for pools of which that knows nothing."""
    table = Table(path)
    try:
        found = {shelf: milli for shelf, milli in table.on_hand().items() if shelf[0] not in apart}
    finally:
        table.close()
    wanted = {shelf: promise.on_hand_milli for shelf, promise in seen.expected.table.items()}
    shelves = wanted.keys() | found.keys()
    wrong = [(at, wanted.get(at), found.get(at)) for at in shelves if wanted.get(at) != found.get(at)]
    audit.wrong_rows += audit.find("the follower's table: (shelf, wanted, found)", wrong)


def check_history_of_orders(audit: Audit, path: Path) -> tuple[int, list[str]]:
    """What customers asked and heard is linearizable. How many operations were judged; what could not be decided.

    While nobody is served, what customers ask for piles up, and the orders that must be tried may be too many.
    """
    verdict = check_history(path, is_drained=True, states_max=_STATES_MAX)
    undecided = [problem for problem in verdict.problems if f": {Outcome.undecided} after " in problem]
    wrong = [problem for problem in verdict.problems if problem not in undecided]
    audit.promised_twice += audit.find("histories of orders that are not linearizable", wrong)
    return verdict.operations, undecided


def check_promises(audit: Audit, seen: Seen, apart: Sequence[str]) -> None:
    """Whenever an order is given more of a shelf, all that is held there is there: no unit is promised twice."""
    books: Counter[ShelfKey] = Counter()
    counted_at_ms: dict[ShelfKey, int] = {}
    held: Counter[ShelfKey] = Counter()
    of_orders: dict[tuple[str, str], Counter[ShelfKey]] = {}
    twice = []
    for entry in seen.entries:
        if entry.pool in apart:
            continue
        _move(books, counted_at_ms, entry)
        order = entry.fact[1].get("order")
        if not isinstance(order, dict):
            continue
        holds = _holds(entry.pool, order)
        before = of_orders.get((entry.pool, order["order"]), Counter())
        of_orders[entry.pool, order["order"]] = holds
        for shelf in holds.keys() | before.keys():
            held[shelf] += holds[shelf] - before[shelf]
            if holds[shelf] > before[shelf] and held[shelf] > books[shelf]:
                twice.append((entry.pool, entry.position, shelf, held[shelf], books[shelf]))
    audit.promised_twice += audit.find("promised beyond what was there (pool, entry, shelf, held, on hand)", twice)


def _move(books: Counter[ShelfKey], counted_at_ms: dict[ShelfKey, int], entry: JournalEntry) -> None:
    for shelf, occurred_at_ms, delta_milli in moves(entry.pool, entry.fact[1]):
        if occurred_at_ms > counted_at_ms.get(shelf, 0):
            books[shelf] += delta_milli
    for shelf, as_of_ms, drift_milli in counts(entry.pool, entry.fact[1]):
        books[shelf] += drift_milli
        counted_at_ms[shelf] = max(as_of_ms, counted_at_ms.get(shelf, 0))


def _holds(pool: str, order: dict[str, Any]) -> Counter[ShelfKey]:
    held: Counter[ShelfKey] = Counter()
    for hold in order["holds"]:
        if hold["state"] in _ON_SHELF:
            held[pool, hold["sku"], hold["store"]] += hold["quantity_milli"] - hold["sold_at_till_milli"]
    return held
