"""`settle dispute`: what it publishes, what it refuses, and that the ledger follows."""

import json

import pytest

from commonshelf.desks.settlement import disputes
from streams.settlement.store.queries import transactions_of
from tests.support.pool import OTHER_STORE, POOL, STORE
from tests.support.settlement import THIRD_STORE, fold
from tests.support.settlement_store import busy


@pytest.fixture
def published(monkeypatch):
    found = []
    monkeypatch.setattr(disputes, "publish", lambda _connection, pool, dispute: found.append((pool, dispute)))
    return found


@pytest.fixture
def sold(read):
    """A sale across stores that is not disputed."""
    return next(one for one in transactions_of(read, POOL) if one.about.kind == "goods_sold")


def entry(one):
    return f"{one.posted_position}.{one.sequence}"


def test_an_entry_is_disputed_by_a_store_that_has_a_part_in_it(settle, published, sold):
    ran = settle("dispute", "open", POOL, "d2", OTHER_STORE, entry(sold), "--because", "never came")
    assert ran.exit_code == 0, ran.output
    [(pool, one)] = published
    assert (pool, one.dispute, one.store, one.status, one.text) == (POOL, "d2", OTHER_STORE, "open", "never came")
    assert (one.posted_position, one.sequence) == (sold.posted_position, sold.sequence)


def test_what_cannot_be_disputed_is_refused_and_nothing_is_published(settle, published, sold):
    def refused(name, store, entry, because="x"):
        ran = settle("dispute", "open", POOL, name, store, entry, "--because", because)
        assert ran.exit_code == 1
        return f"{ran.output} {ran.exception}"

    assert "has a dispute 'd1' already" in refused("d1", STORE, entry(sold))
    assert "has posted nothing called 1.7" in refused("d2", STORE, "1.7")
    assert f"{THIRD_STORE} has no part in it" in refused("d2", THIRD_STORE, entry(sold))
    assert "write it as the statement does" in refused("d2", STORE, "12")
    assert "dispute" in refused("no name!", STORE, entry(sold))
    assert published == []


def test_a_dispute_is_resolved_and_the_ledger_posts_it_by_its_name(settle, published, read):
    ran = settle(
        "dispute", "resolve", POOL, "d1", "--debtor", THIRD_STORE, "--creditor", STORE, "--amount", "12.50"
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    [(_, one)] = published
    assert (one.status, one.resolution.amount_minor) == ("resolved", 1_250)
    bench = busy()
    before = fold(bench.journal())[0].net_positions()
    bench.configure(one)
    ledger, steps = fold(bench.journal())
    [posted] = steps[-1].transactions
    assert (posted.about.kind, posted.about.dispute, posted.corrects) == ("dispute", "d1", (1, 0))
    assert ledger.net_positions()[STORE, "EUR"] == before.get((STORE, "EUR"), 0) + 1_250


def test_a_dispute_may_end_without_a_posting(settle, published):
    assert settle("dispute", "resolve", POOL, "d1").exit_code == 0
    assert settle("dispute", "reject", POOL, "d1").exit_code == 0
    assert [(one.status, one.resolution) for _, one in published] == [("resolved", None), ("rejected", None)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--debtor", STORE), "belong together"),
        (("--debtor", STORE, "--creditor", "nobody", "--amount", "1"), "has no store 'nobody'"),
        (("--debtor", STORE, "--creditor", STORE, "--amount", "1"), "the same store"),
        (("--debtor", STORE, "--creditor", OTHER_STORE, "--amount", "1.005"), "--amount is '1.005'"),
        (("--debtor", STORE, "--creditor", OTHER_STORE, "--amount", "-1"), "amount_minor"),
    ],
)
def test_a_resolution_that_is_none_is_refused(settle, published, options, told):
    ran = settle("dispute", "resolve", POOL, "d1", *options)
    assert ran.exit_code == 1
    assert told in f"{ran.output}{ran.exception}"
    assert published == []


def test_a_dispute_that_is_not_there_is_told(settle, published):
    for command in ("show", "reject", "resolve"):
        assert "known: d1" in str(settle("dispute", command, POOL, "d9").exception)


def test_disputes_are_listed(settle):
    assert [one["dispute"] for one in json.loads(settle("dispute", "list", POOL, "--json").output)] == ["d1"]
    assert "Not ours" in settle("dispute", "list", POOL).output


def test_evidence_is_what_was_known_then_and_what_came_since(settle, read, sold, monkeypatch):
    of_order = transactions_of(read, POOL, order=sold.about.order)
    record = disputes.Dispute(
        dispute="d1", store=STORE, posted_position=sold.posted_position, sequence=sold.sequence, text="Not ours"
    )
    monkeypatch.setattr(disputes, "known_dispute", lambda *_: record)
    told = json.loads(settle("dispute", "show", POOL, "d1", "--json").output)
    then = [(one["posted_position"], one["sequence"]) for one in told["known_then"]]
    since = [(one["posted_position"], one["sequence"]) for one in told["known_since"]]
    assert then + since == [(one.posted_position, one.sequence) for one in of_order]
    assert then[-1] == (sold.posted_position, sold.sequence)
    assert since
    plain = settle("dispute", "show", POOL, "d1").output
    assert plain.index(entry(sold)) < plain.index("Known since")


def test_evidence_about_missing_goods_is_all_that_was_posted_of_that_shelf(settle, read, monkeypatch):
    lost = next(one for one in transactions_of(read, POOL) if one.about.kind == "shrink")
    of_shelf = transactions_of(read, POOL, store=lost.about.store, sku=lost.about.sku)
    record = disputes.Dispute(
        dispute="d1", store=STORE, posted_position=lost.posted_position, sequence=lost.sequence, text="Not ours"
    )
    monkeypatch.setattr(disputes, "known_dispute", lambda *_: record)
    told = json.loads(settle("dispute", "show", POOL, "d1", "--json").output)
    shown = [(one["posted_position"], one["sequence"]) for one in (*told["known_then"], *told["known_since"])]
    assert shown == [(one.posted_position, one.sequence) for one in of_shelf]
    assert {one.about.kind for one in of_shelf} >= {"lot_lent", "lot_sold", "shrink"}


def test_a_dispute_about_nothing_that_was_posted_says_so(settle):
    assert "which pool north never posted" in str(settle("dispute", "show", POOL, "d1").exception)
