"""Keys of the API, grants of numbers, and what stores show to everybody: made, listed, ended."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from commonshelf.config.publishing import current
from commonshelf.desks.api_tokens import digest_of, new_key_id, new_secret, token_of
from commonshelf.desks.onboarding import check_store, stores_of
from commonshelf.stack.connection import Connection
from messaging.client_options import quiet
from messaging.clock import wall_clock_ms
from messaging.errors import UserError
from messaging.publisher import Publisher, publish_and_flush
from schemas.models.access import Access, AccessSetting, ApiKey, NumbersGrant, PublicListing, Scope
from schemas.topics import ACCESS_SETTINGS

ORIGIN = "cli"
Setting = TypeVar("Setting", ApiKey, NumbersGrant, PublicListing)


class UnknownKeyError(UserError):
    """No such key, or no such grant."""


class MadeKey(NamedTuple):
    """A key, and what its holder sends. The secret is known here alone: it cannot be shown again."""

    key: ApiKey
    token: str


def make_key(
    connection: Connection,
    pool: str,
    label: str,
    scopes: Sequence[Scope],
    store: str | None = None,
    expires_at_ms: int | None = None,
) -> MadeKey:
    """A new key, acknowledged by Kafka. Raises UnknownNameError for a pool or a store that is not there."""
    if store is None:
        stores_of(connection, pool)
    else:
        check_store(connection, pool, store)
    key_id, secret = new_key_id(), new_secret()
    key = ApiKey(
        key_id=key_id, label=label, store=store, scopes=tuple(scopes), digest=digest_of(secret),
        created_at_ms=wall_clock_ms(), expires_at_ms=expires_at_ms,
    )  # fmt: skip
    _publish(connection, pool, key)
    return MadeKey(key, token_of(key_id, secret))


def rotate_key(connection: Connection, key_id: str, overlap_ms: int) -> MadeKey:
    """A new secret for the key; the one before works for `overlap_ms` more. Raises UnknownKeyError."""
    pool, key = find_key(connection, key_id)
    if key.revoked_at_ms is not None:
        raise UnknownKeyError(f"key {key_id} is revoked; make a new one with ./shelf key add")
    secret = new_secret()
    until_ms = wall_clock_ms() + overlap_ms
    rotated = key.model_copy(
        update={"digest": digest_of(secret), "previous_digest": key.digest, "previous_until_ms": until_ms}
    )
    _publish(connection, pool, rotated)
    return MadeKey(rotated, token_of(key_id, secret))


def revoke_key(connection: Connection, key_id: str) -> ApiKey:
    """End a key for good. Raises UnknownKeyError."""
    pool, key = find_key(connection, key_id)
    if key.revoked_at_ms is None:
        key = key.model_copy(update={"revoked_at_ms": wall_clock_ms()})
        _publish(connection, pool, key)
    return key


def keys_of(connection: Connection, pool: str | None = None) -> list[tuple[str, ApiKey]]:
    """(pool, key), of one pool or of all, oldest first; revoked ones among them. Raises UnknownNameError."""
    if pool is not None:
        stores_of(connection, pool)
    return sorted(_settings(connection, ApiKey, pool), key=lambda one: (one[0], one[1].created_at_ms))


def find_key(connection: Connection, key_id: str) -> tuple[str, ApiKey]:
    """The pool of a key, and the key. Raises UnknownKeyError."""
    for pool, key in _settings(connection, ApiKey, None):
        if key.key_id == key_id:
            return pool, key
    raise UnknownKeyError(f"there is no key {key_id!r}; `./shelf key list` names those that are there")


def grant_numbers(connection: Connection, pool: str, grant: NumbersGrant) -> None:
    """Let members see a store's numbers, acknowledged by Kafka. Raises UnknownNameError, UnknownKeyError."""
    for store in (grant.store, *grant.to_stores):
        check_store(connection, pool, store)
    known = {key.key_id for _, key in _settings(connection, ApiKey, pool)}
    for key_id in grant.to_keys:
        if key_id not in known:
            raise UnknownKeyError(f"pool {pool} has no key {key_id!r}; `./shelf key list {pool}` names those it has")
    _publish(connection, pool, grant)


def end_grant(connection: Connection, pool: str, name: str) -> NumbersGrant:
    """End a grant before its time. Raises UnknownNameError, UnknownKeyError."""
    for grant in grants_of(connection, pool):
        if grant.grant == name:
            if grant.ended_at_ms is None:
                grant = grant.model_copy(update={"ended_at_ms": wall_clock_ms()})  # noqa: PLW2901  the same one, ended
                _publish(connection, pool, grant)
            return grant
    raise UnknownKeyError(f"pool {pool} has no grant {name!r}; `./shelf grant list {pool}` names those it has")


def grants_of(connection: Connection, pool: str) -> list[NumbersGrant]:
    """The grants of a pool by name, ended ones among them. Raises UnknownNameError for a pool that is not there."""
    stores_of(connection, pool)
    return sorted((grant for _, grant in _settings(connection, NumbersGrant, pool)), key=lambda one: one.grant)


def list_store(connection: Connection, pool: str, listing: PublicListing) -> None:
    """Show what a store wants shown, acknowledged by Kafka. Raises UnknownNameError."""
    check_store(connection, pool, listing.store)
    _publish(connection, pool, listing)


def show_stores(connection: Connection, pool: str, stores: Iterable[str]) -> None:
    """Show the bands of all that these stores have, acknowledged by Kafka. For a demo: names are not checked."""
    _publish(connection, pool, *(PublicListing(store=store, shows_bands=True) for store in stores))


def listings_of(connection: Connection, pool: str) -> list[PublicListing]:
    """What the stores of a pool show to everybody, by store. Raises UnknownNameError for a pool that is not there."""
    stores_of(connection, pool)
    return sorted((one for _, one in _settings(connection, PublicListing, pool)), key=lambda one: one.store)


def _publish(connection: Connection, pool: str, *settings: Access) -> None:
    now_ms = wall_clock_ms()
    records = [AccessSetting(pool=pool, recorded_at_ms=now_ms, origin=ORIGIN, setting=one) for one in settings]
    with Publisher(quiet(connection.kafka_options), connection.settings.partitions) as publisher:
        publish_and_flush(publisher, records)


def _settings(connection: Connection, kind: type[Setting], pool: str | None) -> Iterator[tuple[str, Setting]]:
    for plain in current(connection.kafka_options, ACCESS_SETTINGS.name):
        try:
            record = AccessSetting.from_avro(plain)
        except ValueError:
            continue  # of a kind, or with a value, that this release does not know
        if isinstance(record.setting, kind) and pool in (None, record.pool):
            yield record.pool, record.setting
