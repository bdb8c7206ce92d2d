"""A ledger worker on the tests' Kafka, and a shop whose pool it keeps."""

import pytest

from schemas.models.config import PoolSettings, StoreSettings
from tests.support.shop import STORE, PoolWithShop, ledger_worker, write_settings


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
