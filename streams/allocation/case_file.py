"""A case and its answer as JSON, in the form of docs/allocation.md."""

import json
from typing import Annotated, Self, TypedDict

from pydantic import ConfigDict, Field, ValidationError, model_validator

from messaging.errors import UserError
from schemas.models.base import LINE_ID_MAX, Name, Record, Text
from schemas.models.config import AllocationSettings
from schemas.models.forms import problem_text
from streams.allocation import model
from streams.allocation.model import MAX_LINES, MAX_MINOR, MAX_QUANTITY_MILLI, MAX_STORES, Answer, Case, Policy

_LineId = Annotated[str, Field(min_length=1, max_length=LINE_ID_MAX)]


class CaseUnusable(UserError):
    """The text is no case; the message says what is wrong, where, and what to do."""


class _Part(Record):
    model_config = ConfigDict(strict=True)


class _Line(_Part):
    line_id: _LineId
    sku: Text
    quantity_milli: Annotated[int, Field(gt=0, le=MAX_QUANTITY_MILLI)]
    step_milli: Annotated[int, Field(gt=0, le=MAX_QUANTITY_MILLI)] = 1000
    unit_value_minor: Annotated[int, Field(ge=0, le=MAX_MINOR)] = 0

    @model_validator(mode="after")
    def _in_steps(self) -> Self:
        if self.quantity_milli % self.step_milli:
            raise ValueError(f"quantity_milli is no multiple of step_milli, which is {self.step_milli}")
        return self


class _Offer(_Part):
    available_milli: Annotated[int, Field(ge=-(10**12), le=10**12)]
    confidence_permille: Annotated[int, Field(ge=0, le=1000)]
    days_to_spoil: Annotated[int, Field(ge=0, le=100_000)] | None = None


class _Store(_Part):
    store: Name
    distance_m: Annotated[int, Field(ge=0, le=100_000_000)]
    capacity_left: Annotated[int, Field(ge=0, le=1_000_000)]
    offers: dict[Text, _Offer]
    above_fair_share: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    is_open: bool = True
    meets_deadline: bool = True
    excluded_lines: frozenset[_LineId] = frozenset()
    slot_minutes_away: Annotated[int, Field(ge=0, le=1_000_000)] | None = 0


class _Case(_Part):
    lines: Annotated[tuple[_Line, ...], Field(min_length=1, max_length=MAX_LINES)]
    stores: Annotated[tuple[_Store, ...], Field(max_length=MAX_STORES)]
    may_split: bool
    may_part_fill: bool
    preferred_store: Name | None = None
    policy: AllocationSettings = AllocationSettings()

    @model_validator(mode="after")
    def _names_are_told_apart(self) -> Self:
        _once("line_id", [line.line_id for line in self.lines], "give each line its own")
        _once("sku", [line.sku for line in self.lines], "put its lines together")
        _once("store", [store.store for store in self.stores], "give each store once")
        known = {line.line_id for line in self.lines}
        for store in self.stores:
            for line_id in sorted(store.excluded_lines - known):
                raise ValueError(f"excluded_lines of store {store.store!r}: there is no line {line_id!r}; take it out")
        return self


def _once(field: str, values: list[str], advice: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{field} {value!r} stands there twice; {advice}")


def read_case(text: bytes) -> tuple[Case, Policy]:
    """A case and the prices to use. Raises CaseUnusable."""
    try:
        json.loads(text, object_pairs_hook=_each_key_once)
    except CaseUnusable:
        raise
    except (ValueError, RecursionError) as error:
        raise CaseUnusable(f"the case is no JSON: {error}; its form is in docs/allocation.md") from None
    try:
        read = _Case.model_validate_json(text)
    except ValidationError as error:
        problems = "\n".join(f"{_where(one['loc'])}: {problem_text(one)}" for one in error.errors(include_url=False))
        raise CaseUnusable(f"the case cannot be used; its form is in docs/allocation.md\n{problems}") from None
    case = Case(
        lines=tuple(model.Line(**line.model_dump()) for line in read.lines),
        stores=tuple(_store(store) for store in read.stores),
        may_split=read.may_split,
        may_part_fill=read.may_part_fill,
        preferred_store=read.preferred_store,
    )
    return case, Policy(**read.policy.model_dump())


_Json = str | int | float | bool | list["_Json"] | dict[str, "_Json"] | None


class AnswerAsJson(TypedDict):
    """An answer as `allocate` prints it; the parts are named as in `streams.allocation.model`."""

    stores: list[str]
    shares: list[dict[str, str | int]]
    short: list[dict[str, str | int]]
    cost_milli_minor: int
    terms_milli_minor: dict[str, int]
    runner_up: dict[str, int | list[str]] | None
    refused: list[dict[str, str]]


def answer_as_json(answer: Answer) -> AnswerAsJson:
    """The answer, for json.dumps."""
    runner_up = answer.runner_up
    return {
        "stores": list(answer.stores()),
        "shares": [share._asdict() for share in answer.shares],
        "short": [short._asdict() for short in answer.short],
        "cost_milli_minor": answer.costs.total(),
        "terms_milli_minor": answer.costs._asdict(),
        "runner_up": None if runner_up is None else {**runner_up._asdict(), "stores": list(runner_up.stores)},
        "refused": [refusal._asdict() for refusal in answer.refused],
    }


def _store(store: _Store) -> model.Store:
    offers = {sku: model.Offer(**offer.model_dump()) for sku, offer in store.offers.items()}
    return model.Store(**{**store.model_dump(), "offers": offers})


def _each_key_once(pairs: list[tuple[str, _Json]]) -> dict[str, _Json]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise CaseUnusable(f"the case has {twice!r} twice in one object; leave one")
    return dict(pairs)


def _where(location: tuple[int | str, ...]) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return where.removeprefix(".") or "the case"
