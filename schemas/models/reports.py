"""Reports of stores, apps and carriers on the work that the pool gave them."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.models.base import ORDER_QUANTITY_MAX_MILLI, LineId, Name, Record, Text, TimeMs
from schemas.types.reports import ReportKind, ShortReason


class FulfilmentLine(Record):
    line_id: LineId
    quantity_milli: Annotated[int, Field(ge=0, le=ORDER_QUANTITY_MAX_MILLI)]
    reason: ShortReason | None = None
    sku: Text | None = None


class FulfilmentReport(Record):
    """A report of a store, an app or a carrier on its work (topic fulfilment.reports.v1)."""

    pool: Name
    store: Name
    report_id: Text
    kind: ReportKind
    task: Text | None = None
    transfer: Text | None = None
    order: Name | None = None
    eta_ms: TimeMs | None = None
    code: Text | None = None
    worker: Text | None = None
    reason: ShortReason | None = None
    lines: Annotated[tuple[FulfilmentLine, ...], Field(max_length=100)] = ()
    occurred_at_ms: TimeMs
    recorded_at_ms: TimeMs
    origin: Text

    @model_validator(mode="after")
    def _names_its_work(self) -> Self:
        if [self.task, self.transfer, self.order].count(None) != 2:
            raise ValueError("give one of task, transfer and order: what is it about?")
        return self
