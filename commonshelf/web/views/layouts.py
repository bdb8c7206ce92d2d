"""Layouts of the topics that our pages read: what is looked up by another name than its key has an index.

Keys are made of names and of numbers in eight bytes. Names of pools, stores, orders and tasks hold no slash; those of
items may.
"""

from collections.abc import Iterable, Iterator

from confluent_kafka import Message

from messaging.view import Key, Layout, Read, Value
from schemas.codec import BadMessage, topic_codec
from schemas.statuses import LIVE_APPOINTMENT, LIVE_TASK
from schemas.topics import ORDERS_EVENTS, PICKUP_APPOINTMENTS, POOL_TASKS
from schemas.types.orders import OrderEvent

ROW, BY_STORE, LIVE_BY_STORE, KEY_ID = b"r/", b"s/", b"l/", b"i/"
EVENT, OF_ORDER, STANDING, DECISION, OPEN, TRANSFER, ANSWER, REPEATED = (
    b"e/", b"h/", b"o/", b"d/", b"n/", b"t/", b"a/", b"b/",
)  # fmt: skip
"""Rows of orders.events: the events by offset; and by name, the offsets of those that one looks for."""


def name(*parts: str) -> bytes:
    """A key of names."""
    return "/".join(parts).encode()


def number(value: int) -> bytes:
    """An offset as a part of a key: in order as bytes."""
    return value.to_bytes(8, "big")


def _shelf_rows(message: Message, _read: Read) -> Iterable[tuple[Key, Value]]:
    """By pool, item and store; and the names of a store's items."""
    key, value = bytes(message.key() or b""), message.value()
    pool, _, rest = key.partition(b"/")
    sku, _, store = rest.rpartition(b"/")
    yield ROW + key, value
    yield BY_STORE + b"/".join((pool, store, sku)), None if value is None else b""


def _of_stores(topic: str, named: str, live: Iterable[str]) -> Layout:
    """Rows that stores look for: by pool and store, of all and of those that are not over; and by their reports.

    named: the field that names a row within its store.
    """
    decode, live = topic_codec(topic).decode, frozenset(live)

    def rows(message: Message, read: Read) -> Iterator[tuple[Key, Value]]:
        key, value = ROW + bytes(message.key() or b""), message.value()
        known = read(key) if value is None else value
        if known is None:
            return
        try:
            row = decode(known)
        except BadMessage:
            return  # only the pool's workers may write here; what is no row of theirs says nothing
        yield key, value
        index = name(row["pool"], row["store"], row[named])
        yield BY_STORE + index, None if value is None else b""
        yield LIVE_BY_STORE + index, b"" if value is not None and row["status"] in live else None
        for report in row["reports"]:
            yield ANSWER + name(row["pool"], report["report_id"]), None if value is None else key

    return Layout(f"by store {named} 2", rows)


def _event_rows(message: Message, _read: Read) -> Iterator[tuple[Key, Value]]:
    """Each event; which one tells how an order or a transfer stands, why it was decided so, what answers a request."""
    value, at = message.value(), number(int(message.offset() or 0))
    try:
        event: OrderEvent = topic_codec(ORDERS_EVENTS.name).decode(value)
    except BadMessage:
        return
    pool, transfer = event["pool"], event["transfer"]
    yield EVENT + name(pool, "") + at, value
    yield OF_ORDER + name(pool, event["order"], "") + at, b""
    if event["key"] is not None:
        is_again = event["kind"] == "repeated" or event["reason"] == "conflict"
        yield (REPEATED if is_again else ANSWER) + name(pool, event["key"]), at
    if transfer is not None:
        yield TRANSFER + name(pool, transfer["transfer"]), at
    elif event["status"]:
        order = name(pool, event["order"])
        yield STANDING + order, at
        yield OPEN + order, None if event["status"] == "ended" else at
    if event["decision"] is not None:
        yield DECISION + name(pool, event["order"]), at


def _logged_rows(message: Message, _read: Read) -> Iterator[tuple[Key, Value]]:
    """By pool, which is the key, and offset."""
    yield ROW + bytes(message.key() or b"") + b"/" + number(int(message.offset() or 0)), message.value()


def _access_rows(message: Message, _read: Read) -> Iterator[tuple[Key, Value]]:
    """By pool, kind and name; and the keys of the API by their ids, of all pools."""
    key, value = bytes(message.key() or b""), message.value()
    pool, _, rest = key.partition(b"/")
    kind, _, named = rest.partition(b"/")
    yield ROW + key, value
    if kind == b"key":
        yield KEY_ID + named, pool


SHELVES = Layout("shelves 1", _shelf_rows)
TASKS = _of_stores(POOL_TASKS.name, "task", LIVE_TASK)
APPOINTMENTS = _of_stores(PICKUP_APPOINTMENTS.name, "order", LIVE_APPOINTMENT)
EVENTS = Layout("events 2", _event_rows)
LOGGED = Layout("logged 1", _logged_rows)
ACCESS = Layout("access 1", _access_rows)
