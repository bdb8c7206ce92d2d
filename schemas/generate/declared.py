"""Records that are kept as models: settings that stand in the settings file too, and agreements."""

import ast
import inspect
from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from schemas.models.agreement import (
    Agreement,
    DeliverySplit,
    Dispute,
    DisputeResolution,
    InsuranceTerms,
    LendingTerms,
    ListPrice,
    SettlementWindow,
    ShrinkRule,
    TransferPrice,
)
from schemas.models.base import Record
from schemas.models.config import AllocationSettings, PickupPlace, PoolSettings, StoreSettings
from schemas.models.local_calendar import LocalCalendar, LocalEvent
from schemas.models.restock_terms import RestockSettings, SupplierTerms

DECLARED: tuple[type[Record], ...] = (
    AllocationSettings, SupplierTerms, RestockSettings, PoolSettings, StoreSettings, PickupPlace, TransferPrice,
    ListPrice, DeliverySplit, ShrinkRule, LendingTerms, SettlementWindow, InsuranceTerms, Agreement, DisputeResolution,
    Dispute, LocalEvent, LocalCalendar,
)  # fmt: skip


def record_of(model: type[Record], kinds: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The Avro record of a model, in the form of the hand-kept ones."""
    fields = []
    said = sentences(model)
    for name, field in model.model_fields.items():
        made = {"name": name, "type": _avro_type(field.annotation), "doc": said[name]}
        words = next((tuple(get_args(part)) for part in _parts(field.annotation) if get_origin(part) is Literal), ())
        if words:
            made["kinds"] = next(kind for kind, known in kinds.items() if tuple(known) == words)
        if not field.is_required():
            made["default"] = _plain(field.default)
        fields.append(made)
    return {"type": "record", "name": model.__name__, "doc": inspect.getdoc(model), "fields": fields}


def declarations(model: type[Record]) -> dict[str, ast.AnnAssign]:
    """How each field is written in the model's source."""
    found = (node for node in _body(model) if isinstance(node, ast.AnnAssign))
    return {node.target.id: node for node in found if isinstance(node.target, ast.Name)}


def sentences(model: type[Record]) -> dict[str, str]:
    """The sentence below each field. Read from the source, for a model that keeps them costs every process a while."""
    return {
        node.target.id: inspect.cleandoc(below.value.value)
        for node, below in pairwise(_body(model))
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _body(model: type[Record]) -> list[ast.stmt]:
    (declared,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(declared, ast.ClassDef)
    return declared.body


def _avro_type(annotation: Any) -> Any:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _avro_type(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return ["null", *(_avro_type(part) for part in get_args(annotation) if part is not NoneType)]
    if origin is Literal:
        return "string"
    if origin is tuple:
        return {"type": "array", "items": _avro_type(get_args(annotation)[0])}
    if issubclass(annotation, BaseModel | StrEnum):
        return annotation.__name__
    return {str: "string", int: "long", bool: "boolean"}[annotation]


def _parts(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _plain(default: Any) -> Any:
    if isinstance(default, BaseModel):
        return default.model_dump(mode="json")
    return list(default) if isinstance(default, tuple) else default
