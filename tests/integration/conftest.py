"""A ledger worker on the tests' Kafka, and a shop whose pool it keeps."""

import uuid

import pytest

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from messaging.topic_admin import ensure_topics
from schemas.models.config import PoolSettings, StoreSettings
from tests.conftest import PARTITIONS, Kafka
from tests.support.api import api_server
from tests.support.api_pool import LIMITS, ON_HAND, ApiPool
from tests.support.shop import STORE, PoolWithShop, ledger_worker, write_settings
from tests.support.waiting import until


@pytest.fixture(scope="module")
def kafka_alone():
    """A Kafka with our topics for one module, whose records and groups have names that other modules use too."""
    with EmbeddedKafka() as embedded:
        made = Kafka(embedded.bootstrap_servers)
        ensure_topics(made.options, PARTITIONS)
        yield made


@pytest.fixture(scope="module")
def settings_file(kafka, topics, tmp_path_factory):
    """For commands and for the worker."""
    return write_settings(tmp_path_factory.mktemp("ledger"), kafka.bootstrap_servers, topics)


@pytest.fixture(scope="module")
def worker(settings_file):
    """The ledger worker, as `up` starts it."""
    with ledger_worker(settings_file):
        yield settings_file


@pytest.fixture
def shop(kafka, topics, pool_name, worker):
    made = PoolWithShop(kafka, topics, pool_name, worker)
    made.configure(PoolSettings(name="A pool"), StoreSettings(store=STORE, name="Corner"))
    made.stock("MILK", "BREAD")
    return made


@pytest.fixture(scope="module")
def api(kafka, topics, tmp_path_factory):
    """Our HTTP server."""
    with api_server(kafka.options, topics, tmp_path_factory.mktemp("api"), LIMITS) as server:
        yield server


@pytest.fixture(scope="module")
def api_pool(kafka, topics, worker, api):
    """A pool of three stores: one shows its dairy in bands to everybody, one is listed, one shows nothing."""
    made = ApiPool(kafka, topics, f"pool-{uuid.uuid4().hex[:12]}")
    until(lambda: len(api.views.shelves(made.name, "TEA")) == len(ON_HAND))
    api.list_store(made.name, "corner", shows_bands=True, categories=("Dairy",))
    api.list_store(made.name, "mill")
    return made
