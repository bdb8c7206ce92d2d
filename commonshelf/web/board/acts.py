"""Acts of members, sent the way of the command line's desks; the pool's answer is read from the tables."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from commonshelf.desks.orders import publish
from commonshelf.web.board.visit import Refused, Visit
from connectors.contract import Refused as NoNumber
from connectors.drop_folder.numbers import typed_number
from connectors.parsing.quantities import quantity_milli
from messaging.clock import wall_clock_ms
from schemas.models.forms import first_problem
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.statuses import REFUSED_EVENTS
from schemas.types.orders import OrderEvent

ORIGIN: Final = "board"
ANSWER_WITHIN_S: Final = 20.0
_POLL_S: Final = 0.03
_UNANSWERED: Final = (
    "This is kept, but the pool has not answered yet. Look again in a moment; if nothing changes, ask your operator."
)
Answer = TypeVar("Answer")
Checked = TypeVar("Checked", bound=BaseModel)


def checked(model: type[Checked], plain: Mapping[str, object]) -> Checked:
    """The record of what a form says. Raises Refused for what is no such record."""
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        raise Refused(first_problem(error, "the form")) from None


def ask(visit: Visit, plain: Mapping[str, object]) -> OrderEvent:
    """Send a request about an order or a transfer; what the pool answers. Raises Refused."""
    key = uuid.uuid4().hex
    head = {"pool": visit.pool, "key": key, "recorded_at_ms": wall_clock_ms(), "origin": ORIGIN}
    send(visit, checked(OrderRequest, {**head, **plain}))
    event = until(lambda: visit.views.answer(visit.pool, key))
    if event["kind"] in REFUSED_EVENTS:
        raise Refused(said(event))
    return event


def report(visit: Visit, plain: Mapping[str, object]) -> None:
    """Send a report on a task or a transfer, and wait until it is taken. Raises Refused."""
    now_ms, report_id = wall_clock_ms(), uuid.uuid4().hex
    head = {"pool": visit.pool, "report_id": report_id, "occurred_at_ms": now_ms, "recorded_at_ms": now_ms}
    send(visit, checked(FulfilmentReport, {**head, "origin": ORIGIN, **plain}))

    def taken() -> bool:
        event = visit.views.answer(visit.pool, report_id)
        if event is not None:
            if event["kind"] in REFUSED_EVENTS:
                raise Refused(said(event))
            return True
        return visit.views.reported(visit.pool, report_id) is not None

    until(taken)


def send(visit: Visit, event: OrderRequest | FulfilmentReport) -> None:
    """Publish, acknowledged by Kafka."""
    connection = visit.board.connection
    publish(connection.kafka_options, connection.settings.partitions, event)


def until(probe: Callable[[], Answer | None]) -> Answer:
    """The first true answer. Raises Refused when there is none in time: what was sent is kept all the same."""
    deadline_s = time.monotonic() + ANSWER_WITHIN_S
    while not (answer := probe()):
        if time.monotonic() > deadline_s:
            raise Refused(_UNANSWERED)
        time.sleep(_POLL_S)
    return answer


def said(event: OrderEvent) -> str:
    """A refusal in a sentence."""
    reason = event["reason"].replace("_", " ")
    return f"{reason}: {event['detail']}" if event["detail"] else reason


def by(visit: Visit) -> str:
    """Who does it: the holder of the key."""
    return visit.caller.label


def milli_of(text: str, what: str) -> int:
    """Thousandths of what was typed as a number of units. Raises Refused, for a number with two readings as well."""
    try:
        return quantity_milli(typed_number(text))
    except NoNumber as no_number:
        raise Refused(f"{what}: {no_number}") from None
