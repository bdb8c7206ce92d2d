"""What the settlement database must hold on any database: SQLite, and PostgreSQL where Debian's is installed."""

import random

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from prometheus_client import CollectorRegistry, generate_latest

from streams.runtime.sink import SinkStopped
from streams.settlement.ledger.ledger import Ledger
from streams.settlement.store.database import DatabaseOfLaterRelease, migrate, reading
from streams.settlement.store.outlook import Outlook
from streams.settlement.store.queries import (
    AsOf,
    agreements_of,
    balances_of,
    disputes_of,
    heads_of,
    net_positions_of,
    transactions_of,
    transactions_of_party,
    unpriced_of,
)
from streams.settlement.store.tables import metadata
from tests.support.pool import NOON_MS, OTHER_STORE, POOL, STORE
from tests.support.settlement_store import busy, drop_all, folded, sink, stored


@pytest.fixture(scope="module")
def journal():
    return busy().journal()


@pytest.fixture(scope="module")
def expected(journal):
    return folded(journal, POOL)


def write(engine, journal, entries):
    """One transaction of a sink that starts from what the database has."""
    with engine.begin() as connection:
        sink(journal).apply(connection, entries)


class SettlementContract:
    """Give `engine` of an empty database as a fixture."""

    @pytest.fixture(autouse=True)
    def _tables(self, engine):
        migrate(engine)
        yield
        drop_all(engine)

    def test_the_journal_of_this_test_has_every_kind_of_what_is_stored(self, expected):
        posted = expected["transactions"]
        kinds = {one.about.kind for one in posted}
        assert kinds >= {"goods_sold", "handling_fee", "lot_lent", "lot_sold", "shrink", "refund", "restated"}
        assert any(one.belongs_to_ms < one.window_ms for one in posted)
        assert any(one.corrects for one in posted)
        assert len(expected["closed"]) > 1

    def test_the_migrations_make_the_tables_that_the_program_has(self, engine):
        migrate(engine)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": "settlement_version"})
            assert [one for one in compare_metadata(context, metadata) if "sink_positions" not in str(one)] == []

    def test_the_tables_of_a_later_release_are_refused(self, engine):
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE settlement_version SET version_num = '9999'")
        with pytest.raises(DatabaseOfLaterRelease, match="start the release that made them"):
            migrate(engine)

    @pytest.mark.parametrize("seed", range(6))
    def test_any_batching_and_any_restart_leave_the_same(self, engine, journal, expected, seed):
        chance, at, current = random.Random(seed), 0, sink(journal)
        while at < len(journal):
            batch = journal[at : at + chance.choice((1, 2, 7, 30))]
            if chance.random() < 0.3:
                with engine.connect() as connection:  # ends without a commit, as with the process
                    current.apply(connection, batch)
                current = sink(journal)
                continue
            with engine.begin() as connection:
                current.apply(connection, batch)
            at += len(batch)
            if chance.random() < 0.3:
                current = sink(journal)
        assert stored(engine, POOL) == expected

    def test_what_no_price_is_known_for_waits_and_is_told(self, engine):
        journal = busy(is_priced=False).journal()
        write(engine, journal, journal)
        expected = folded(journal, POOL)
        assert {one.reason for one in expected["unpriced"]} == {"no_cost"}
        assert stored(engine, POOL) == expected
        with reading(engine) as connection:
            [first, *_] = expected["unpriced"]
            assert unpriced_of(connection, POOL, AsOf(known_until_position=first.position - 1)) == []

    def test_an_entry_that_is_missing_or_comes_twice_is_refused_and_nothing_is_written(self, engine, journal):
        write(engine, journal, journal[:9])
        before = stored(engine, POOL)
        for at in (8, 10):
            with pytest.raises(SinkStopped, match="posted up to position 9, and"):
                write(engine, journal, journal[at:])
        assert stored(engine, POOL) == before

    def test_an_entry_that_cannot_be_posted_stops_the_sink_by_name(self, engine, journal, monkeypatch):
        def fail(_ledger, entry):
            raise ZeroDivisionError(f"at {entry.position}")

        monkeypatch.setattr(Ledger, "post", fail)
        with pytest.raises(SinkStopped, match=r"at position 1 .* cannot be posted .ZeroDivisionError: at 1"):
            write(engine, journal, journal)
        assert stored(engine, POOL)["transactions"] == []

    def test_balances_are_those_known_at_any_position_and_of_what_happened_by_any_time(self, engine, journal, expected):
        write(engine, journal, journal)
        posted = expected["transactions"]
        times = {entry.position: entry.appended_at_ms for entry in journal}
        with reading(engine) as connection:
            for position in range(0, len(journal) + 1, 5):
                for until_ms in (None, NOON_MS, NOON_MS + 61_000):
                    as_of = AsOf(until_ms, position)
                    counted = [
                        one for one in posted
                        if one.posted_position <= position
                        and (until_ms is None or one.about.occurred_at_ms <= until_ms)
                    ]  # fmt: skip
                    assert net(net_positions_of(connection, POOL, as_of)) == summed(counted)
                    assert transactions_of(connection, POOL, as_of=as_of) == counted
            by_time = AsOf(known_until_ms=NOON_MS)
            known = [one for one in posted if times[one.posted_position] <= NOON_MS]
            assert 0 < len(known) < len(posted)
            assert net(net_positions_of(connection, POOL, by_time)) == summed(known)
            for party in (STORE, OTHER_STORE):
                balances = balances_of(connection, POOL, party)
                assert sum(each.amount_minor for each in balances) == 0
                owed = sum(each.amount_minor for each in balances if each.account in ("receivable", "payable"))
                assert owed == summed(posted).get((party, "EUR"), 0)

    def test_transactions_are_found_by_party_window_and_place(self, engine, journal, expected):
        write(engine, journal, journal)
        posted = expected["transactions"]
        first_window, last_window = posted[0].window_ms, posted[-1].window_ms
        assert first_window < last_window
        with reading(engine) as connection:
            for party in (STORE, OTHER_STORE):
                its = [one for one in posted if party in {each.party for each in one.postings}]
                for window_ms in (first_window, last_window):
                    of_window = [of_party(one, party) for one in its if one.window_ms == window_ms]
                    wanted = [one for one in of_window if one.postings]
                    assert transactions_of_party(connection, POOL, party, window_ms) == wanted
            pages, after = [], (0, 0)
            while page := transactions_of(connection, POOL, after=after, limit=7):
                pages += page
                after = (page[-1].posted_position, page[-1].sequence)
            assert pages == posted
            brought = balances_of(connection, POOL, STORE, before_window_ms=last_window)
            whole = balances_of(connection, POOL, STORE)
            assert sum(each.amount_minor for each in brought) == 0
            assert brought != whole
            assert [head.position for head in heads_of(connection)] == [len(journal)]
            assert [one["version"] for one in agreements_of(connection, POOL)] == [1, 2]
            assert [(one["dispute"], one["status"]) for one in disputes_of(connection, POOL)] == [("d1", "open")]

    def test_metrics_after_a_start_are_those_of_having_seen_it_all(self, engine, journal):
        seen, half = Outlook(lambda: NOON_MS), len(journal) // 2
        with engine.begin() as connection:
            sink(journal, seen).apply(connection, journal[:half])
        after_start = Outlook(lambda: NOON_MS)
        with engine.begin() as connection:
            sink(journal, after_start).apply(connection, journal[half:])
        whole = Outlook(lambda: NOON_MS)
        drop_all(engine)
        migrate(engine)
        with engine.begin() as connection:
            sink(journal, whole).apply(connection, journal)
        assert gauges(after_start) == gauges(whole)
        assert f'commonshelf_settlement_disputes{{pool="{POOL}"}} 1.0' in gauges(whole)


def gauges(outlook):
    registry = CollectorRegistry()
    registry.register(outlook)
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_total" not in line and not line.startswith("#")]


def of_party(one, party):
    """The transaction with what the party has with others in it."""
    own = tuple(each for each in one.postings if each.party == party and each.counterparty is not None)
    return one._replace(postings=own)


def net(found):
    return {(one.party, one.currency): one.amount_minor for one in found}


def summed(found):
    """(Party, currency) → what is receivable and payable, zeros left out."""
    sums = {}
    for one in found:
        for posting in one.postings:
            if posting.account in ("receivable", "payable"):
                key = (posting.party, posting.currency)
                sums[key] = sums.get(key, 0) + posting.amount_minor
    return {key: amount for key, amount in sums.items() if amount}
