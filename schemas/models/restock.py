"""Answers of shopkeepers to restock proposals."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.models.base import QUANTITY_MAX_MILLI, Name, Offset, Record, Text, TimeMs


class RestockAnswerKind(StrEnum):
    approved = "approved"
    changed = "changed"
    refused = "refused"


class RestockAnswer(Record):
    """A shopkeeper's answer to a proposal (topic restock.answers.v1)."""

    pool: Name
    store: Name
    sku: Text
    version: Offset
    kind: RestockAnswerKind
    buy_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] | None = None
    with_moves: bool = True
    by: Text
    recorded_at_ms: TimeMs
    origin: Text

    @model_validator(mode="after")
    def _says_how_much(self) -> Self:
        if (self.kind == RestockAnswerKind.changed) != (self.buy_milli is not None):
            raise ValueError("buy_milli belongs to changed, and to it only: how much is bought instead?")
        return self
