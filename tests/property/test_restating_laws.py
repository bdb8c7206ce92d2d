"""What is known late comes to the same as what was always known: a price, an agreement, a sale."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.journal import JournalEntry
from streams.pool.journal.facts import CATALOG_ITEM, CONFIG_CHANGE, SALE_RECORDED
from streams.settlement.ledger.ledger import Ledger
from tests.support.pool import BREAD, DAY_MS, MILK, NOON_MS, OTHER_STORE, STORE, PoolBench, line, wanted
from tests.support.settlement import THIRD_STORE, agreement, assert_balanced, fold, members
from tests.support.transfers import came, place, tell

COST_MINOR, TAX_PERMILLE = 5_000, 200
"""Even for each thousandth, so that no result depends on what was rounded when."""
STORES = (STORE, OTHER_STORE, THIRD_STORE)
TERMS: dict[str, Any] = {
    "tax": "added", "transfer_price": {"kind": "cost_plus", "permille": 0}, "handling_fee_minor": 7,
    "pickup_fee_minor": 3, "window": {"every": "daily"},
}  # fmt: skip
kinds = st.sampled_from(
    ["send", "send", "send", "lose", "arrive", "sell", "sell", "void", "count", "waste", "order", "back", "day"]
)
happenings = st.lists(st.tuples(kinds, st.integers(1, 4), st.sampled_from(STORES)), min_size=4, max_size=14)
ownerships = st.sampled_from(["owner", "on_transfer"])
bearers = st.sampled_from(["owner", "keeper"])
transit_losses = st.sampled_from(["sender", "receiver", "half"])


class Life:
    """A pool in which things happen one after the other, a minute apart; a `day` closes a window."""

    def __init__(self, bench: PoolBench) -> None:
        self.bench = bench
        self._now_ms, self._at, self._sent = NOON_MS, 0, 0

    def run(self, found: list[tuple[str, int, str]]) -> None:
        for kind, units, store in found:
            self._at += 1
            self._now_ms += 60_000
            getattr(self, kind)(units * 1_000, store)
        self.bench.pass_time(self._now_ms + 2 * DAY_MS)

    def _when(self) -> dict[str, Any]:
        at_ms = self._now_ms
        return {"occurred_at_ms": at_ms, "recorded_at_ms": at_ms, "appended_at_ms": at_ms}

    def send(self, milli: int, store: str, **line_fields: Any) -> None:
        """By transfer from STORE; what `line_fields` say of it when it comes."""
        self._sent += 1
        name, to_store = f"t{self._sent}", OTHER_STORE if store == STORE else store
        at = {name: of for name, of in self._when().items() if name != "appended_at_ms"}
        place(self.bench, wanted(milli), transfer=name, to_store=to_store, recorded_at_ms=self._now_ms)
        tell(self.bench, "shipped", came(milli), transfer=name, **at)
        tell(self.bench, "received", came(milli, **line_fields), transfer=name, store=to_store, **at)

    def lose(self, milli: int, store: str) -> None:
        self.send(milli, store, reason="not_found")

    def arrive(self, milli: int, store: str) -> None:
        """Of the last transfer some more is there after all."""
        at = {name: of for name, of in self._when().items() if name != "appended_at_ms"}
        for to_store in (OTHER_STORE, THIRD_STORE):
            tell(self.bench, "received", came(milli), transfer=f"t{self._sent}", store=to_store,
                 report_id=f"again {self._at} {to_store}", **at)  # fmt: skip

    def sell(self, milli: int, store: str) -> None:
        self.bench.sell(f"s{self._at}", line(milli), store=store, **self._when())

    def void(self, milli: int, store: str) -> None:
        self.bench.sell(f"v{self._at}", line(milli, kind="void"), store=store, **self._when())

    def count(self, milli: int, store: str) -> None:
        self.bench.report("counted", f"c{self._at}", line(milli), store=store, **self._when())

    def waste(self, milli: int, store: str) -> None:
        self.bench.report("adjusted", f"w{self._at}", line(-milli, reason="waste"), store=store, **self._when())

    def order(self, milli: int, store: str) -> None:
        name, at = f"o{self._at}", self._when()
        told = {"recorded_at_ms": self._now_ms, "appended_at_ms": self._now_ms}
        lines = (wanted(milli), wanted(milli, BREAD))
        self.bench.request("placed", name, *lines, preferred_store=store, deadline_ms=self._now_ms + DAY_MS, **told)
        self.bench.request("confirmed", name, **told)
        self.bench.sell(f"of {name}", line(milli), line(milli, BREAD), order_ref=name, **at)

    def back(self, milli: int, store: str) -> None:
        """Goods of any order so far."""
        back = line(milli, BREAD, kind="return", price_minor=-milli * 7)
        name = f"o{max(self._at - milli // 1_000, 1)}"
        self.bench.sell(f"b{self._at}", back, order_ref=name, store=store, **self._when())

    def day(self, _milli: int, _store: str) -> None:
        self._now_ms += DAY_MS
        self.bench.pass_time(self._now_ms)


def priced(bench: PoolBench, cost_minor: int | None, recorded_at_ms: int) -> None:
    for sku in (MILK, BREAD):
        bench.stock_item(sku, cost_minor=cost_minor, price_minor=9_000, tax_permille=TAX_PERMILLE,
                         recorded_at_ms=recorded_at_ms)  # fmt: skip


def net(entries: list[JournalEntry]) -> dict[tuple[str, str], int]:
    """Net positions at the end of a journal, numbered anew; every posting is balanced on the way."""
    numbered = [entry._replace(position=at) for at, entry in enumerate(entries, 1)]
    ledger, steps = fold(numbered)
    assert_balanced(one for step in steps for one in step.transactions)
    assert waits(ledger) == []
    return ledger.net_positions()


def waits(ledger: Ledger) -> list[Any]:
    return [claim for claim in ledger._books.unpriced.values() if claim["reason"] != "kit_price"]


@settings(max_examples=25, deadline=None)
@given(happenings, ownerships, bearers, transit_losses)
def test_a_price_that_comes_late_comes_to_the_same(found, ownership, bearer, transit_loss):
    terms = TERMS | {"ownership": ownership, "shrink": {"bearer": bearer}, "transit_loss": transit_loss}
    bench = members(40_000, agreement(**terms))
    priced(bench, None, NOON_MS + 2)
    Life(bench).run(found)
    priced(bench, COST_MINOR, NOON_MS + 40 * DAY_MS)
    late = bench.journal()
    prices = {entry.fact[1]["sku"]: entry.fact for entry in late if entry.fact[0] == CATALOG_ITEM}
    early = [
        entry._replace(fact=prices[entry.fact[1]["sku"]]) if entry.fact[0] == CATALOG_ITEM else entry for entry in late
    ]
    assert net(late) == net(early)


@settings(max_examples=25, deadline=None)
@given(
    happenings, ownerships, st.sampled_from(["owner", "keeper", "fund"]), transit_losses, ownerships, st.integers(0, 14)
)
def test_an_agreement_that_is_dated_back_comes_to_the_same(found, ownership, bearer, transit_loss, then, minutes):
    """Even where it is dated back twice, and where the fund, and so the closing of windows, has a part in it."""
    first = agreement(**TERMS, ownership=ownership, shrink={"bearer": bearer, "covers": "all"}, transit_loss="fund")
    bench = members(40_000, first)
    priced(bench, COST_MINOR, NOON_MS + 2)
    Life(bench).run(found)
    terms = TERMS | {"handling_fee_minor": 11, "transfer_price": {"kind": "cost_plus", "permille": 1_000}}
    for version in (2, 3):
        bench.configure(
            agreement(version=version, effective_from_ms=NOON_MS + minutes * 60_000 * (version - 1), **terms,
                      ownership=then, shrink={"bearer": bearer}, transit_loss=transit_loss),
            recorded_at_ms=NOON_MS + (40 + version) * DAY_MS,
        )  # fmt: skip
    late = bench.journal()

    def is_terms(entry: JournalEntry) -> bool:
        return entry.fact[0] == CONFIG_CHANGE and entry.fact[1]["change"][0] == "commonshelf.Agreement"

    at = next(number for number, entry in enumerate(late) if is_terms(entry))
    told = [entry for entry in late if is_terms(entry)]
    early = [*late[:at], *told, *(entry for entry in late[at:] if not is_terms(entry))]
    assert net(late) == net(early)


@settings(max_examples=20, deadline=None)
@given(happenings, ownerships, st.integers(1, 3))
def test_a_sale_that_is_told_days_late_comes_to_the_same(found, ownership, units):
    """As if it had been told first of all that happened after the goods came."""
    bench = members(40_000, agreement(**TERMS, ownership=ownership))
    priced(bench, COST_MINOR, NOON_MS + 2)
    life = Life(bench)
    life.send(6_000, OTHER_STORE)
    known = len(bench.journal())
    kept = [one for one in found if one[0] not in ("count", "waste", "void")]
    life.run(kept)
    bench.sell("late", line(units * 1_000), store=OTHER_STORE, occurred_at_ms=NOON_MS + 30_000,
               appended_at_ms=NOON_MS + 2 * DAY_MS)  # fmt: skip
    late = bench.journal()
    [told] = [at for at, entry in enumerate(late) if is_late(entry)]
    early = [*late[:known], late[told], *late[known:told], *late[told + 1 :]]
    assert net(late) == net(early)


def is_late(entry: JournalEntry) -> bool:
    return entry.fact[0] == SALE_RECORDED and entry.fact[1]["event"]["source"]["id"] == "late"
