"""The checks of the torture test bite: each is shown what it must find."""

import pytest

from messaging.journal import Cause, JournalEntry, read_page
from schemas.codec import topic_codec
from schemas.topics import POS_SALES
from streams.pool.journal.facts import encode_entry, fact_codec
from tests.proof.faults.auditor import Audit, Seen
from tests.proof.faults.records import Expected, Promise, Record
from tests.proof.torture.checks import check_follower, check_promises, check_taken
from tests.proof.torture.clients import Taken
from tests.proof.torture.follower import Table

SHELF = ("pool", "milk", "shop")
TAKEN = Taken("shop", "7", "1", 2_000)


def sale(quantity_milli=2_000, occurred_at_ms=1_000):
    return {
        "id": "shop/webhook/7@1", "pool": "pool", "store": "shop",
        "source": {"system": "webhook", "id": "7", "version": 1},
        "occurred_at_ms": occurred_at_ms, "recorded_at_ms": 1_000, "origin": "pos", "till": None, "order_ref": None,
        "currency": None, "lines": [{"line_id": "1", "kind": "return", "code": "sku:milk",
                                     "quantity_milli": quantity_milli, "unit": "each", "price_minor": None}],
    }  # fmt: skip


def seen(*, inputs=(), entries=(), table=None):
    return Seen(list(inputs), [], list(entries), Expected(table=table or {}))


def told(number, *, delta_milli=2_000, occurred_at_ms=1_000):
    """A journal page whose entry brings goods to the shelf."""
    fact = {
        "event": sale(delta_milli, occurred_at_ms), "reversed": [], "duplicate_lines": 0, "stale_lines": 0,
        "quarantined": [], "applied": [{"line": 0, "sku": "milk", "delta_milli": delta_milli, "rung_up": []}],
    }  # fmt: skip
    entry = encode_entry(POS_SALES.name, number, 0, fact_codec().encode(("commonshelf.SaleRecorded", fact)))
    return Record("pool.journal.v1", 0, number, 0, b"pool", fact_codec().encode_page("pool", 0, number, [entry]))


def held(number, order, quantity_milli):
    hold = {
        "state": "tentative",
        "sku": "milk",
        "store": "shop",
        "quantity_milli": quantity_milli,
        "sold_at_till_milli": 0,
    }
    fact = ("commonshelf.OrderChanged", {"order": {"order": order, "holds": [hold]}})
    return JournalEntry("pool", number, Cause("t", 0, number), 0, fact, b"")


@pytest.fixture
def audit():
    return Audit()


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "journal.sqlite"
    found = Table(path)
    yield found
    found.close()


def test_a_line_that_a_connector_took_must_lie_in_kafka_as_it_was_sent(audit):
    record = Record(POS_SALES.name, 0, 0, 0, b"pool", topic_codec(POS_SALES.name).encode(sale()))

    check_taken(audit, seen(inputs=[record]), [TAKEN])
    assert audit.is_sound

    check_taken(audit, seen(inputs=[record]), [TAKEN, TAKEN._replace(quantity_milli=1_000)])
    assert audit.lost == 1


def test_a_unit_that_two_orders_hold_is_promised_twice(audit):
    [arrived] = read_page(told(1).value)
    check_promises(audit, seen(entries=[arrived, held(2, "first", 2_000)]), [])
    assert audit.promised_twice == 0

    check_promises(audit, seen(entries=[arrived, held(2, "first", 1_000), held(3, "second", 2_000)]), [])
    assert audit.promised_twice == 1


def test_the_follower_s_table_must_be_the_oracle_s(audit, table, tmp_path):
    table.take([told(1), told(2)], {0: 3})

    check_follower(audit, seen(table={SHELF: Promise(4_000, 0, 0, "each")}), tmp_path / "journal.sqlite", [])
    assert audit.is_sound

    check_follower(audit, seen(table={SHELF: Promise(2_000, 0, 0, "each")}), tmp_path / "journal.sqlite", [])
    assert audit.wrong_rows == 1


@pytest.mark.parametrize("number", [1, 3])
def test_the_follower_takes_only_the_next_entry_and_nothing_of_what_came_with_another(table, number):
    table.take([told(1)], {0: 2})

    with pytest.raises(ValueError, match=f"entry {number} after"):
        table.take([told(2), told(number)] if number == 1 else [told(number)], {0: 9})

    assert table.positions() == {0: 2}
    assert table.on_hand() == {SHELF: 2_000}
