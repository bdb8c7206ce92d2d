"""Before Faust starts: wait for Kafka, then make sure that the topics are there.

Faust ignores a missing topic in silence, and crashes in a loop on partition counts that differ.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from messaging.cluster import UnreachableError, open_cluster
from streams.agents.errors import AgentsError
from streams.agents.settings import AgentsSettings

_ANSWER_TIMEOUT_S = 3
_WAIT_MIN_S = 0.5
_WAIT_MAX_S = 15.0

log = logging.getLogger(__name__)


async def wait_for_topics(
    settings: AgentsSettings, topics: Iterable[str], stop: asyncio.Event, say: Callable[[str], None]
) -> None:
    """Return when Kafka answers and has `topics`, or when `stop` is set.

    say: told, in one sentence, what is being waited for.
    Raises AgentsError for a topic that is missing or has another partition count than `settings` says.
    """
    wait_s = _WAIT_MIN_S
    say(f"asking Kafka at {settings.bootstrap_servers} for its topics")
    while not stop.is_set():
        try:
            found = await asyncio.to_thread(_partition_counts, settings)
        except UnreachableError as error:
            say(f"Kafka at {settings.bootstrap_servers} does not answer ({error}); trying again in {wait_s:g} s.")
        else:
            check_topics(found, topics, settings)
            return
        try:
            await asyncio.wait_for(stop.wait(), wait_s)
        except TimeoutError:
            wait_s = min(2 * wait_s, _WAIT_MAX_S)


def check_topics(found: Mapping[str, int], topics: Iterable[str], settings: AgentsSettings) -> None:
    """Raise AgentsError unless each of `topics` is in `found` (partition counts) with the settings' count."""
    where = f"Kafka at {settings.bootstrap_servers}"
    for topic in topics:
        if topic not in found:
            raise AgentsError(
                f"topic {topic} is missing in {where}, or this user may not see it; "
                "create the topics (commonshelf up does) or grant DESCRIBE on it, then start the agents again."
            )
        if found[topic] != settings.partitions:
            raise AgentsError(
                f"topic {topic} in {where} has {found[topic]} partitions, but the setting says "
                f"{settings.partitions}; set partitions to the number that the topics were created with."
            )


def _partition_counts(settings: AgentsSettings) -> dict[str, int]:
    """Of all topics rather than ours: asking for one by name can create it where auto-creation is on."""
    options = {"bootstrap.servers": settings.bootstrap_servers, **settings.kafka_options}
    _, cluster = open_cluster(options, _ANSWER_TIMEOUT_S)
    return {name: len(topic.partitions) for name, topic in cluster.topics.items() if topic.error is None}
