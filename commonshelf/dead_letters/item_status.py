"""The state of each item of one store: what its tills said of late, what was refused of it, and what waits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import KafkaException

from commonshelf.dead_letters.letters import Letter
from connectors.drop_folder.documents import document_of
from connectors.specs import connector_of
from messaging.client_options import ClientOptions
from messaging.decoding import decoder
from messaging.log_reader import read_log
from messaging.publisher import PublishFailed
from schemas.partition import partition_of
from schemas.topics import CONNECTOR_REFUSALS, POS_SALES, POS_STOCK, Topic
from streams.catalog import PoolConfig
from streams.pool.journal.dead_letter_reasons import UNMAPPED_CODE

LEVEL_OF_A_KIT = "level_of_a_kit"
"""Why a level that a till tells again and again counts nothing: a kit has no stock of its own."""

_ONE_PUBLISH_MS = 30_000
"""So far apart may Kafka append what was published together: the publisher gives up after that."""


class Appended(NamedTuple):
    """A decoded record of a topic, and when the broker appended it."""

    value: Mapping[str, Any]
    appended_at_ms: int


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
    lines_refused: int = 0
    """That a connector could not use in that time, and that no later version of the same sale or report has mended."""
    reasons: list[str] = field(default_factory=list)
    """Of what waits, and LEVEL_OF_A_KIT."""
    refusal: str = ""
    """Why and where the newest of the refused lines was refused."""

    @property
    def is_well(self) -> bool:
        return not (self.lines_unmapped or self.lines_set_aside or self.lines_refused)


def item_statuses(
    catalog: PoolConfig,
    pool: str,
    store: str,
    events: Iterable[Appended],
    letters: Iterable[Letter],
    refusals: Iterable[Appended],
) -> list[ItemStatus]:
    """The items that `events`, refusals and waiting letters of the store name: those with such lines first. Pure.

    events: sales and stock reports of the pool. letters: oldest first; of a line that waits in several, the last
    counts. refusals: ConnectorRefusals of the pool, in order.
    """
    found: dict[str, ItemStatus] = {}
    told: dict[tuple[str, str], _Times] = {}

    def item_of(named: str) -> ItemStatus:
        if not named:
            return found.setdefault("", ItemStatus(""))
        code = catalog.lasting_code(named)
        meaning = catalog.meaning(store, code)
        sku = code if meaning is None else meaning[0]
        name = str(catalog.items[sku]["name"]) if sku in catalog.items else ""
        one = found.setdefault(sku, ItemStatus(sku, name))
        if code not in one.codes:
            one.codes.append(code)
        return one

    for event, appended_at_ms in events:
        if event["store"] == store:
            source = event["source"]
            document = (connector_of(source["system"]), document_of(source["id"]))
            before = told.get(document, _Times(0, 0))
            told[document] = _Times(
                max(before.said_ms, event["recorded_at_ms"]), max(before.appended_ms, appended_at_ms)
            )
            for line in event["lines"]:
                one = item_of(line["code"])
                one.lines += 1
                is_kit = one.item in catalog.items and bool(catalog.items[one.item].get("parts"))
                if is_kit and event.get("kind") == "level" and LEVEL_OF_A_KIT not in one.reasons:
                    one.reasons.append(LEVEL_OF_A_KIT)
                one.last_seen_ms = max(one.last_seen_ms or 0, event["occurred_at_ms"])
    for refused, (times, text) in _refused_lines(store, refusals).items():
        newest = told.get((refused.connector, refused.document))
        if not refused.document or newest is None or not _is_later_version(newest, times):
            one = item_of(refused.item)
            one.lines_refused += 1
            one.refusal = text
    for code, reason in _waiting_lines(pool, store, letters):
        one = item_of(code)
        if reason == UNMAPPED_CODE:
            one.lines_unmapped += 1
        else:
            one.lines_set_aside += 1
        if reason not in one.reasons:
            one.reasons.append(reason)
    return sorted(found.values(), key=lambda one: (one.is_well, -(one.last_seen_ms or 0), one.item))


class _Times(NamedTuple):
    """The times of a version of a document, or of a refusal: as its sender or connector says, and in Kafka."""

    said_ms: int
    appended_ms: int


class _RefusedLine(NamedTuple):
    """A line that was refused. document: empty when it is not known, so that no later version is known either."""

    connector: str
    document: str
    place: str
    item: str


def _is_later_version(told: _Times, refused: _Times) -> bool:
    """Whether a document was told after the refusal, and not with it. A sender may say an old time again and again."""
    return told.said_ms > refused.said_ms or told.appended_ms > refused.appended_ms + _ONE_PUBLISH_MS


def _refused_lines(store: str, refusals: Iterable[Appended]) -> dict[_RefusedLine, tuple[_Times, str]]:
    """Each line that was refused → when last, and why. The newest come last."""
    found: dict[_RefusedLine, tuple[_Times, str]] = {}
    for refusal, appended_at_ms in refusals:
        if refusal["store"] == store:
            times = _Times(refusal["refused_at_ms"], appended_at_ms)
            for line in refusal["lines"]:
                key = _RefusedLine(refusal["connector"], document_of(line["document"]), line["place"], line["item"])
                found.pop(key, None)
                found[key] = (times, f"{line['place']}: {line['reason']}")
    return found


def _waiting_lines(pool: str, store: str, letters: Iterable[Letter]) -> Iterable[tuple[str, str]]:
    """(code, reason) of each line that waits, once however often it was told: as it was set aside last."""
    found: dict[tuple[str, str, str, str], tuple[str, str]] = {}
    for letter in letters:
        if (letter.pool, letter.store) == (pool, store) and letter.is_waiting and letter.event is not None:
            for line in letter.lines:
                source = letter.event["source"]
                key = (letter.input_topic, source["system"], source["id"], line["line_id"])
                found[key] = (line["code"], letter.reason)
    return found.values()


def pos_events(kafka_options: ClientOptions, pool: str, partitions: int, since_ms: int) -> Iterator[Appended]:
    """The sales and stock reports of a pool that reached Kafka since a time. Raises PublishFailed."""
    return _told(kafka_options, (POS_SALES, POS_STOCK), pool, partitions, since_ms)


def connector_refusals(kafka_options: ClientOptions, pool: str, partitions: int, since_ms: int) -> Iterator[Appended]:
    """What the connectors of a pool have refused since a time. Raises PublishFailed."""
    return _told(kafka_options, (CONNECTOR_REFUSALS,), pool, partitions, since_ms)


def _told(
    kafka_options: ClientOptions, topics: Sequence[Topic], pool: str, partitions: int, since_ms: int
) -> Iterator[Appended]:
    names = [topic.name for topic in topics]
    try:
        for message in read_log(kafka_options, names, [partition_of(pool, partitions)], since_ms):
            event = decoder(str(message.topic()))(message.value())
            if event is not None and event["pool"] == pool:  # else the pool sets it aside, and its letter tells
                yield Appended(event, message.timestamp()[1])
    except (KafkaException, TimeoutError) as error:
        raise PublishFailed(f"Kafka does not say what the tills told: {error}") from error
