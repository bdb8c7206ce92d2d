"""The state of each item of one store, from what its tills said of late and what waits in the dead letters."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaException

from commonshelf.dead_letters.letters import Letter
from messaging.client_options import ClientOptions
from messaging.log_reader import read_log
from messaging.publisher import PublishFailed
from schemas.codec import BadMessage, topic_codec
from schemas.partition import partition_of
from schemas.topics import POS_SALES, POS_STOCK
from streams.catalog import PoolConfig
from streams.pool.journal.dead_letter_reasons import UNMAPPED_CODE


@dataclass
class ItemStatus:
    """One item at one store. item: its SKU; of a code that means nothing yet the code."""

    item: str
    name: str = ""
    codes: list[str] = field(default_factory=list)
    """By which the tills called it."""
    last_seen_ms: int | None = None
    """When the newest sale or report of it occurred; None when there was none in the time that was read."""
    lines: int = 0
    """Of sales and reports in that time."""
    lines_unmapped: int = 0
    """Waiting until the code is mapped, of whatever time."""
    lines_set_aside: int = 0
    """Waiting for another reason."""
    reasons: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        return not self.lines_unmapped and not self.lines_set_aside


def item_statuses(
    catalog: PoolConfig, pool: str, store: str, events: Iterable[Mapping[str, Any]], letters: Iterable[Letter]
) -> list[ItemStatus]:
    """The items that `events` and waiting letters of the store name: those with lines that wait first. Pure.

    events: sales and stock reports of the pool, decoded.
    """
    found: dict[str, ItemStatus] = {}

    def item_of(told: str) -> ItemStatus:
        code = catalog.lasting_code(told)
        meaning = catalog.meaning(store, code)
        sku = code if meaning is None else meaning[0]
        name = str(catalog.items[sku]["name"]) if sku in catalog.items else ""
        one = found.setdefault(sku, ItemStatus(sku, name))
        if code not in one.codes:
            one.codes.append(code)
        return one

    for event in events:
        if event["store"] == store:
            for line in event["lines"]:
                one = item_of(line["code"])
                one.lines += 1
                one.last_seen_ms = max(one.last_seen_ms or 0, event["occurred_at_ms"])
    for letter in letters:
        if (letter.pool, letter.store) != (pool, store) or not letter.is_waiting:
            continue
        for line in letter.lines:
            one = item_of(line["code"])
            if letter.reason == UNMAPPED_CODE:
                one.lines_unmapped += 1
            else:
                one.lines_set_aside += 1
            if letter.reason not in one.reasons:
                one.reasons.append(letter.reason)
    return sorted(found.values(), key=lambda one: (one.is_well, -(one.last_seen_ms or 0), one.item))


def pos_events(kafka_options: ClientOptions, pool: str, partitions: int, since_ms: int) -> Iterator[Mapping[str, Any]]:
    """The sales and stock reports of a pool that reached Kafka since a time. Raises PublishFailed."""
    topics = [POS_SALES.name, POS_STOCK.name]
    try:
        for message in read_log(kafka_options, topics, [partition_of(pool, partitions)], since_ms):
            try:
                event = topic_codec(str(message.topic())).decode(message.value() or b"")
            except BadMessage:  # the pool sets it aside, and its letter tells
                continue
            if event["pool"] == pool:
                yield event
    except (KafkaException, TimeoutError) as error:
        raise PublishFailed(f"Kafka does not say what the tills sold: {error}") from error
