"""Acts of operators on dead letters."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.models.base import Record, Text, TimeMs


class RecordPlace(Record):
    """The place of a record."""

    topic: Text
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class DeadLetterOutcomeKind(StrEnum):
    """Outcomes of a dead letter.

    replayed: published again; discarded: given up by an operator; superseded: what it asks for is in the books.
    """

    replayed = "replayed"
    discarded = "discarded"
    superseded = "superseded"


class DeadLetterOutcome(Record):
    """The outcome of one dead letter (topic dlq.outcomes.v1)."""

    letter: RecordPlace
    outcome: DeadLetterOutcomeKind
    at_ms: TimeMs
    origin: Text
    reason: Text
    replayed_to: RecordPlace | None = None

    @property
    def key(self) -> str:
        """The record key: topic/partition/offset of the letter."""
        return f"{self.letter.topic}/{self.letter.partition}/{self.letter.offset}"
