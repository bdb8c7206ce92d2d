"""The models say what the .avsc files say: fields, defaults, nullability, symbols."""

import json
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from schemas.models import access, catalog, config, dead_letters, pos, reports, requests, restock, ticks
from schemas.registry import registry

TOPIC_MODELS = {
    "pos.sales.v1": pos.Sale,
    "pos.stock.v1": pos.StockReport,
    "pool.ticks.v1": ticks.Tick,
    "pool.config.v1": config.ConfigChange,
    "access.settings.v1": access.AccessSetting,
    "catalog.items.v1": catalog.CatalogItem,
    "dlq.outcomes.v1": dead_letters.DeadLetterOutcome,
    "orders.requests.v1": requests.OrderRequest,
    "fulfilment.reports.v1": reports.FulfilmentReport,
    "restock.answers.v1": restock.RestockAnswer,
}


def avro_records(schema: Any) -> dict[str, dict]:
    """Every record in a schema, by its short name."""
    found = {}

    def walk(part):
        if isinstance(part, list):
            for branch in part:
                walk(branch)
        elif isinstance(part, dict):
            if part["type"] == "record":
                found[part["name"].rpartition(".")[2]] = part
                for field in part["fields"]:
                    walk(field["type"])
            else:
                walk(part.get("items", part.get("values", part["type"] if isinstance(part["type"], dict) else None)))

    walk(schema)
    return found


def model_classes(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The model and every model in its fields, by name."""
    found = {model.__name__: model}

    def walk(annotation):
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.update(model_classes(annotation))
        for argument in get_args(annotation):
            walk(argument)

    for field in model.model_fields.values():
        walk(field.annotation)
    return found


PAIRS = [(topic, name) for topic, model in TOPIC_MODELS.items() for name in model_classes(model)]


@pytest.mark.parametrize("topic", TOPIC_MODELS)
def test_a_topic_s_records_are_exactly_its_models(topic):
    assert set(avro_records(registry().latest(topic).parsed)) == set(model_classes(TOPIC_MODELS[topic]))


@pytest.mark.parametrize(("topic", "name"), PAIRS)
def test_a_record_has_its_model_s_fields_in_kind_and_default(topic, name):
    record = avro_records(registry().latest(topic).parsed)[name]
    model = model_classes(TOPIC_MODELS[topic])[name]
    fields = {field["name"]: field for field in record["fields"]}
    assert set(fields) == set(model.model_fields) | set(model.model_computed_fields)
    for field_name, field in model.model_fields.items():
        assert avro_kind(fields[field_name]["type"]) == model_kind(field.annotation), field_name
        if "default" in fields[field_name] and not field.is_required():
            given = field.get_default()
            plain = given.model_dump(mode="json") if isinstance(given, BaseModel) else given
            assert fields[field_name]["default"] == json.loads(json.dumps(plain)), field_name
    for field_name in model.model_computed_fields:
        assert avro_kind(fields[field_name]["type"]) == "string"


def avro_kind(schema: Any) -> Any:
    """The shape of an Avro type, in the words of `model_kind`; {…} marks what may be null."""
    if isinstance(schema, list):
        kinds = [avro_kind(branch) for branch in schema if branch != "null"]
        inner = kinds[0] if len(kinds) == 1 else frozenset(kinds)
        return ("nullable", inner) if "null" in schema else inner
    if isinstance(schema, str):
        return {"int": "integer", "long": "integer"}.get(schema, schema.rpartition(".")[2])
    if schema["type"] == "array":
        return ("array", avro_kind(schema["items"]))
    if schema["type"] == "enum":
        return ("enum", tuple(schema["symbols"]))
    return schema["name"].rpartition(".")[2]


def model_kind(annotation: Any) -> Any:
    """The shape of a model's field. Enums that come again are spelled out, as the parsed schema has only their name."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return model_kind(get_args(annotation)[0])
    if origin in (Union, UnionType):
        kinds = [model_kind(branch) for branch in get_args(annotation) if branch is not NoneType]
        inner = kinds[0] if len(kinds) == 1 else frozenset(kinds)
        return ("nullable", inner) if NoneType in get_args(annotation) else inner
    if origin is Literal:
        return "string"
    if origin is tuple:
        return ("array", model_kind(get_args(annotation)[0]))
    if issubclass(annotation, BaseModel):
        return annotation.__name__
    if issubclass(annotation, StrEnum):
        return ("enum", tuple(symbol.value for symbol in annotation))
    return {str: "string", int: "integer", bool: "boolean"}[annotation]
