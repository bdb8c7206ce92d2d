"""The records of `schemas/records/dead_letters`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

DeadLetterOutcomeKind = Literal["replayed", "discarded", "superseded"]


class RecordPlace(TypedDict):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


class DeadLetterOutcome(TypedDict):
    """What an operator did with one dead letter; the newest about a letter counts."""

    letter: RecordPlace
    outcome: DeadLetterOutcomeKind
    at_ms: int
    origin: str
    reason: str
    replayed_to: RecordPlace | None
