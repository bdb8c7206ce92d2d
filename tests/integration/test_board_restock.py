"""A proposal of the real restock worker, approved on the store's page."""

from typing import get_args

import pytest

from commonshelf.config.sources import load
from commonshelf.desks.access import make_key
from commonshelf.stack.connection import Connection
from commonshelf.web.views.pool_views import PoolViews
from messaging.log_reader import read_log
from schemas.models.access import Scope
from schemas.partition import partition_of
from schemas.topics import ORDERS_REQUESTS, RESTOCK_PURCHASES
from tests.conftest import PARTITIONS
from tests.support.board import browsing, sign_in
from tests.support.pool import MILK, POOL, STORE
from tests.support.restock_bench import milk_pool, publish
from tests.support.shop import write_settings
from tests.support.started_worker import start_worker
from tests.support.waiting import until


@pytest.fixture(scope="module")
def connection(kafka_alone, tmp_path_factory):
    """To a Kafka with the pool whose milk sells."""
    publish(milk_pool(), kafka_alone.options, PARTITIONS)
    folder = tmp_path_factory.mktemp("restock")
    write_settings(folder, kafka_alone.bootstrap_servers, PARTITIONS)
    return Connection(load(folder / "shelf.toml").settings, dict(kafka_alone.options))


@pytest.fixture
def worker(connection, tmp_path):
    write_settings(tmp_path, connection.kafka_options["bootstrap.servers"], connection.settings.partitions)
    process = start_worker("restock", tmp_path)
    yield process
    process.kill()
    process.communicate()


def test_a_proposal_is_approved_on_the_store_s_page_and_becomes_an_order_and_a_transfer(connection, worker, tmp_path):
    partitions = connection.settings.partitions
    with PoolViews(connection.kafka_options, tmp_path / "views", partitions) as views:
        token = make_key(connection, POOL, "Anna", get_args(Scope), STORE).token
        client, page = browsing(connection, views), f"/pool/{POOL}/store/{STORE}"
        until(lambda: views.ready().ok and views.proposals(POOL, STORE), "the proposal")
        form_token = sign_in(client, token)
        shown = client.get(page).text
        assert f'data-proposal="{MILK}"' in shown
        assert "Buy 6" in shown
        version = shown.partition('name="version" value="')[2].partition('"')[0]
        form = {"form_token": form_token, "sku": MILK, "version": version, "says": "approved"}
        answer = client.post(f"{page}/restock", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?said=approved#restock")
        assert f'data-proposal="{MILK}"' not in client.get(page).text
        again = client.post(f"{page}/restock", data=form)
        assert (again.status_code, "has changed meanwhile" in again.text) == (409, True)
    for topic in (RESTOCK_PURCHASES, ORDERS_REQUESTS):
        told = list(read_log(connection.kafka_options, [topic.name], [partition_of(POOL, partitions)]))
        assert len(told) == 1, topic.name
