"""Reading messages of partners: what is wrong with one is refused, with what to do. Pure."""

from collections.abc import Collection, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from connectors.contract import Refused
from connectors.parsing.quantities import shorten
from connectors.parsing.times import instant_ms
from schemas.models.forms import first_problem
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest

Told = FulfilmentReport | OrderRequest
Payload = Mapping[str, Any]
_ID_MAX = 100
_UTC = ZoneInfo("UTC")


class MessageRefused(Refused):
    """A message that cannot be used. `reason` is from a closed list, the text says what to do; `status` is HTTP's."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason


def name_of(partner: str, payload: Payload) -> str:
    """The name under which a message is reported: the same for a repeat. Raises MessageRefused."""
    name = payload.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= _ID_MAX:
        raise bad(f"id is {shorten(name)}: give each message an id of its own, up to {_ID_MAX} characters")
    return f"{partner}/{name}"


def check_form(payload: Payload, fields: Collection[str], kinds: Collection[str], page: str) -> str:
    """The message's kind. page: that explains the fields. Raises MessageRefused for what is no field, or no kind."""
    unknown = sorted(payload.keys() - fields)
    if unknown:
        raise bad(f"{shorten(unknown[0])} is no field of a message; leave it out, or see {page}")
    kind = payload.get("kind")
    if kind not in kinds:
        raise bad(f"kind is {shorten(kind)}: write one of {', '.join(kinds)}")
    return str(kind)


def text_of(payload: Payload, name: str, whose: str) -> str:
    """A field that is needed. Raises MessageRefused."""
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        raise bad(f"{name} is {shorten(value)}: name the {name} of the {whose}")
    return value


def time_ms_of(payload: Payload, name: str, missing_ms: int | None) -> int:
    """A time, ms since 1970; `missing_ms` when it is left out, unless that is None. Raises MessageRefused."""
    value = payload.get(name)
    if value is None and missing_ms is not None:
        return missing_ms
    if not isinstance(value, str):
        raise bad(f"{name} is {shorten(value)}: write a time such as 2026-03-01T09:15:00+01:00")
    try:
        return instant_ms(value, _UTC)
    except Refused as refused:
        raise bad(f"{name}: {refused}") from refused


def record_of(model: type[FulfilmentReport] | type[OrderRequest], plain: Mapping[str, Any]) -> Told:
    """The report or the request. Raises MessageRefused."""
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        raise bad(first_problem(error, "the message")) from error


def bad(text: str) -> MessageRefused:
    """The refusal of a message that is not well formed."""
    return MessageRefused(422, "bad_message", text)
