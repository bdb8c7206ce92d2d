"""Rows of the tables as they are decoded."""

from functools import lru_cache
from typing import Any, cast

from schemas.codec import BadMessage, topic_codec
from schemas.topics import POOL_AVAILABILITY, Topic
from schemas.types.stock import Availability

_SHELVES_KEPT = 50_000


def decoded(topic: Topic, value: bytes) -> Any:
    """The record, or None: only the topic's own writer may write there; what is no row of its says nothing."""
    try:
        return topic_codec(topic.name).decode(value)
    except BadMessage:
        return None


@lru_cache(_SHELVES_KEPT)
def decoded_shelf(value: bytes) -> Availability | None:
    """The same of a shelf, which is asked for again and again until it is another; no caller may change it."""
    return cast("Availability | None", decoded(POOL_AVAILABILITY, value))
