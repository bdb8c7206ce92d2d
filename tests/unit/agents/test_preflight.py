"""Waiting for Kafka and checking its topics."""

import asyncio
import socket
import threading
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from streams.agents.errors import AgentsError
from streams.agents.preflight import check_topics, wait_for_topics
from streams.agents.settings import AgentsSettings
from streams.agents.status import LoopStatus
from streams.agents.worker import _serve
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def settings(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield AgentsSettings(f"127.0.0.1:{unused.getsockname()[1]}", tmp_path, partitions=12)


def test_topics_with_the_right_count_pass(settings):
    check_topics({"a": 12, "b": 12, "c": 1}, ["a", "b"], settings)


def test_a_missing_topic_is_named(settings):
    with pytest.raises(AgentsError, match=r"topic b is missing in Kafka at 127\.0\.0\.1:\d+, .*create the topics"):
        check_topics({"a": 12}, ["a", "b"], settings)


def test_another_partition_count_is_named(settings):
    with pytest.raises(AgentsError, match=r"topic a .* has 3 partitions, but the setting says 12; set partitions"):
        check_topics({"a": 3}, ["a"], settings)


def test_it_says_that_kafka_does_not_answer_and_tries_on_until_stopped(settings):
    said = []

    async def wait_and_stop():
        stop = asyncio.Event()

        def say(sentence):
            said.append(sentence)
            if sum("does not answer" in each for each in said) == 2:
                stop.set()

        await wait_for_topics(settings, ["a"], stop, say)

    asyncio.run(wait_and_stop())
    assert [f"Kafka at {settings.bootstrap_servers} does not answer"] * 2 == [
        sentence.partition(" (")[0] for sentence in said if "does not answer" in sentence
    ]
    assert "Connection refused" in said[-1]
    assert said[-1].endswith("trying again in 1 s.")


def test_a_stop_while_waiting_ends_the_wait(settings):
    async def stop_soon():
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        threading.Timer(0.1, loop.call_soon_threadsafe, (stop.set,)).start()
        await wait_for_topics(settings, ["a"], stop, [].append)

    asyncio.run(asyncio.wait_for(stop_soon(), PATIENCE_S))


def test_a_taken_port_of_the_pages_is_named(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AgentsError, match=f"cannot listen on 127.0.0.1:{port} .*choose another http_port"):
            _serve(replace(settings, http_port=port), LoopStatus(), CollectorRegistry())
