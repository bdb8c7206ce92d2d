"""The demo's pool on the board: everybody sees its stores, and its operator their numbers."""

from commonshelf.desks.access import show_stores
from commonshelf.desks.api_tokens import token_parts
from commonshelf.desks.first_key import operators_key
from commonshelf.stack.connection import Connection
from commonshelf.stack.stack import Stack
from messaging.client_options import quiet
from messaging.clock import wall_clock_ms
from messaging.publisher import Publisher, publish_and_flush
from schemas.models.access import AccessSetting, NumbersGrant
from schemas.models.base import DAY_MS

_ORIGIN = "demo"
_PURPOSE = "the demo's operator looks at the pool"


def show_pool(stack: Stack) -> None:
    """Show the stores of the first pool to everybody, and their numbers to this machine's operator."""
    settings = stack.settings
    pool, stores, now_ms = settings.pools[0].id, [store.id for store in settings.stores], wall_clock_ms()
    connection = Connection(settings, stack.kafka_options)
    show_stores(connection, pool, stores)
    parts = token_parts(operators_key(connection, pool))
    assert parts is not None, "made by this release"
    key_id, _ = parts
    grants = [
        NumbersGrant(
            grant=f"{key_id}-{store}", store=store, to_keys=(key_id,), purpose=_PURPOSE, from_ms=now_ms - DAY_MS,
            until_ms=now_ms + DAY_MS,
        )
        for store in stores
    ]  # fmt: skip
    with Publisher(quiet(stack.kafka_options), settings.partitions) as publisher:
        publish_and_flush(
            publisher, [AccessSetting(pool=pool, recorded_at_ms=now_ms, origin=_ORIGIN, setting=one) for one in grants]
        )
