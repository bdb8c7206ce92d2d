"""Disputes: a member does not accept a transaction; how it ends stands in the journal, as its beginning does."""

from typing import NamedTuple

from sqlalchemy import Connection as Database

from commonshelf.config.publishing import publish_settings
from commonshelf.desks.settlement.posted import transaction_of
from commonshelf.stack.connection import Connection
from messaging.clock import wall_clock_ms
from messaging.errors import UserError
from schemas.models.agreement import Dispute
from schemas.models.config import ConfigChange
from streams.settlement.ledger.entries import Transaction
from streams.settlement.store.queries import disputes_of, transactions_of


class NoSuchDisputeError(UserError):
    """A dispute that is not there, or cannot be opened or ended so; the sentence says why."""


class Evidence(NamedTuple):
    """A dispute, and the transactions about the same order or transfer, else the same shelf, else the one alone."""

    dispute: Dispute
    disputed: Transaction
    known_then: list[Transaction]
    """Posted by the time of the disputed one, and that one itself last."""
    known_since: list[Transaction]


def known_dispute(database: Database, pool: str, name: str) -> Dispute:
    """The dispute as it stands. Raises NoSuchDisputeError."""
    found = {one["dispute"]: one for one in disputes_of(database, pool)}
    if name not in found:
        raise NoSuchDisputeError(f"pool {pool} has no dispute {name!r}; known: {', '.join(sorted(found)) or 'none'}")
    return Dispute.model_validate(found[name])


def check_new(database: Database, pool: str, dispute: Dispute) -> None:
    """Raise NoSuchDisputeError for a name that is used, a transaction that is not there or is not the store's."""
    entry = f"{dispute.posted_position}.{dispute.sequence}"
    if any(one["dispute"] == dispute.dispute for one in disputes_of(database, pool)):
        raise NoSuchDisputeError(f"pool {pool} has a dispute {dispute.dispute!r} already; give this one another name")
    about = transaction_of(database, pool, dispute.posted_position, dispute.sequence)
    if about is None:
        raise NoSuchDisputeError(f"pool {pool} has posted nothing called {entry}; a statement has it under entry")
    parties = sorted({posting.party for posting in about.postings})
    if dispute.store not in parties:
        raise NoSuchDisputeError(f"entry {entry} is between {', '.join(parties)}: {dispute.store} has no part in it")


def publish(connection: Connection, pool: str, dispute: Dispute) -> None:
    """Put it on the pool's settings, acknowledged by Kafka."""
    change = ConfigChange(pool=pool, recorded_at_ms=wall_clock_ms(), origin="operator", change=dispute)
    publish_settings(connection.kafka_options, connection.settings.partitions, [change])


def evidence_of(database: Database, pool: str, dispute: Dispute) -> Evidence:
    """What was known when the disputed transaction was posted, and what came since. Raises NoSuchDisputeError."""
    disputed = transaction_of(database, pool, dispute.posted_position, dispute.sequence)
    if disputed is None:
        raise NoSuchDisputeError(
            f"dispute {dispute.dispute} is about entry {dispute.posted_position}.{dispute.sequence}, "
            f"which pool {pool} never posted"
        )
    about = disputed.about
    if about.order is not None:
        found = transactions_of(database, pool, order=about.order)
    elif about.transfer is not None:
        found = transactions_of(database, pool, transfer=about.transfer)
    elif about.store is not None and about.sku is not None:
        found = transactions_of(database, pool, store=about.store, sku=about.sku)
    else:
        found = [disputed]
    found += transactions_of(database, pool, dispute=dispute.dispute)
    name = (disputed.posted_position, disputed.sequence)
    ordered = sorted(
        {(one.posted_position, one.sequence): one for one in found}.values(),
        key=lambda one: (one.posted_position, one.sequence),
    )
    then = [one for one in ordered if (one.posted_position, one.sequence) <= name]
    return Evidence(dispute, disputed, then, ordered[len(then) :])
