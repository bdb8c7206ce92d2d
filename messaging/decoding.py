"""Values of a topic for those who look at it: what is no record of it says nothing, and what comes later stops them."""

from collections.abc import Callable
from typing import Any

from messaging.errors import UserError
from schemas.codec import BadMessage, LaterSchema, topic_codec


class LaterRecords(UserError):
    """A topic has records of a later release. Who passed over them would not see what is there."""


def decoder(topic: str) -> Callable[[bytes | None], Any]:
    """A function that gives the record that a value is, or None for bytes that are no record of the topic: only its
    writer may write there. It raises LaterRecords.
    """
    decode = topic_codec(topic).decode

    def decoded(value: bytes | None) -> Any:
        try:
            return decode(value)
        except LaterSchema as error:
            raise LaterRecords(f"{topic} has records of a later release ({error}); read it with that release") from None
        except BadMessage:
            return None

    return decoded
