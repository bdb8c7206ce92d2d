"""Every topic has examples, and each survives models and codec unchanged."""

import pytest

from schemas.codec import topic_codec
from schemas.examples import FOLDER, Example, examples
from schemas.models.access import AccessSetting
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange
from schemas.models.dead_letters import DeadLetterOutcome
from schemas.models.pos import Sale, StockReport
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.models.restock import RestockAnswer
from schemas.models.ticks import Tick
from schemas.registry import registry
from schemas.topics import TOPICS

WITH_SCHEMA = sorted(topic.name for topic in TOPICS.values() if topic.record is not None)
MODELS = {
    "pos.sales.v1": Sale,
    "pos.stock.v1": StockReport,
    "pool.ticks.v1": Tick,
    "catalog.items.v1": CatalogItem,
    "dlq.outcomes.v1": DeadLetterOutcome,
    "orders.requests.v1": OrderRequest,
    "fulfilment.reports.v1": FulfilmentReport,
    "restock.answers.v1": RestockAnswer,
}
ALL = [example for topic in WITH_SCHEMA for example in examples(topic)]


def name_of(example: Example) -> str:
    return f"{example.topic}: {example.about}"


def without_id(value):
    return {name: member for name, member in value.items() if name != "id"}


def test_every_topic_with_a_schema_has_examples_and_nothing_else_has():
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == WITH_SCHEMA


@pytest.mark.parametrize("example", ALL, ids=name_of)
def test_an_example_comes_back_from_the_codec_as_it_went_in(example):
    codec = topic_codec(example.topic)
    assert codec.decode(codec.encode(example.value)) == example.value


@pytest.mark.parametrize("example", [e for e in ALL if e.topic in MODELS], ids=name_of)
def test_an_example_comes_back_from_its_model_as_it_went_in(example):
    model = MODELS[example.topic].model_validate(without_id(example.value))
    assert model.to_avro() == example.value


@pytest.mark.parametrize("example", [e for e in ALL if e.topic == "pool.config.v1"], ids=name_of)
def test_an_example_of_config_comes_back_from_its_model_under_its_key(example):
    model = ConfigChange.from_avro(example.value)
    assert model.to_avro() == example.value
    assert model.key == example.key


@pytest.mark.parametrize("example", examples("access.settings.v1"), ids=name_of)
def test_an_example_of_access_comes_back_from_its_model_under_its_key(example):
    model = AccessSetting.from_avro(example.value)
    again = topic_codec(example.topic).decode(topic_codec(example.topic).encode(model.to_avro()))
    assert again == example.value
    assert model.key == example.key


@pytest.mark.parametrize("example", examples("catalog.items.v1"), ids=name_of)
def test_an_item_s_key_is_its_model_s(example):
    assert CatalogItem.model_validate(example.value).key == example.key


def union_branches(schema):
    """The records that any union of several records in `schema` may hold."""
    if isinstance(schema, list):
        records = [branch["name"] for branch in schema if isinstance(branch, dict) and branch["type"] == "record"]
        yield from records if len(records) > 1 else []
        for branch in schema:
            yield from union_branches(branch)
    elif isinstance(schema, dict):
        for part in (schema.get("items"), schema.get("values"), *(f["type"] for f in schema.get("fields", ()))):
            yield from union_branches(part)


def tags(value):
    if isinstance(value, tuple):
        yield value[0]
        yield from tags(value[1])
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from tags(member)


@pytest.mark.parametrize("topic", ["pool.config.v1", "pool.journal.v1", "pool.changelog.v1"])
def test_the_examples_show_every_kind_of_record_that_a_topic_has(topic):
    shown = {tag for example in examples(topic) for tag in tags(example.value)}
    possible = set(union_branches(registry().latest(topic).parsed))
    inside_config = set(union_branches(registry().latest("pool.config.v1").parsed))
    if topic != "pool.config.v1":
        possible -= inside_config  # shown by the config topic's own examples
    assert possible - shown == set()
