"""Reads what connectors remember: how far they have come, and what they have written."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException

from commonshelf.config.publishing import current
from messaging.client_options import quiet
from messaging.decoding import LaterRecords
from messaging.publisher import PublishFailed
from schemas.topics import CONNECTOR_POSITIONS, CONNECTOR_WRITEBACKS, PARTNER_CALLS


def stored_positions(kafka_options: Mapping[str, str]) -> list[dict[str, Any]]:
    """All positions that Kafka holds, decoded. Raises PublishFailed while it does not answer."""
    return _stored(kafka_options, CONNECTOR_POSITIONS.name, "how far was read")


def stored_write_backs(kafka_options: Mapping[str, str]) -> list[dict[str, Any]]:
    """All that connectors have taken out, as Kafka holds it, decoded. Raises PublishFailed while it does not answer."""
    return _stored(kafka_options, CONNECTOR_WRITEBACKS.name, "what was written back")


def stored_partner_calls(kafka_options: Mapping[str, str]) -> list[dict[str, Any]]:
    """All that partners were told last, as Kafka holds it, decoded. Raises PublishFailed while it does not answer."""
    return _stored(kafka_options, PARTNER_CALLS.name, "what partners were told")


def _stored(kafka_options: Mapping[str, str], topic: str, what: str) -> list[dict[str, Any]]:
    try:
        return list(current(quiet(kafka_options), topic))
    except (KafkaException, TimeoutError, LaterRecords) as error:
        raise PublishFailed(f"Kafka does not say {what}: {error}") from error
