"""`setup`: what must be there before workers start, where each runs by itself."""

from commonshelf.options import ConfigOption


def setup(config: ConfigOption = None) -> None:
    """Make the topics and publish the settings, then end: for containers, whose workers start by themselves.

    `up` does this, too. Said again, it changes what differs.

    Example: ./shelf setup --config commonshelf.toml
    """
    from commonshelf.config.credentials import kafka_options
    from commonshelf.config.publishing import publish_settings, records_of
    from commonshelf.config.sources import load
    from commonshelf.options import fail
    from commonshelf.text import counted
    from messaging.topic_admin import ensure_topics

    settings = load(config).settings
    if settings.kafka.is_embedded:
        fail("setup is for an existing Kafka: name it in kafka.bootstrap_servers, or run `./shelf up`")
    declared = list(records_of(settings))
    options = kafka_options(settings.kafka)
    for line in ensure_topics(options, settings.partitions, replicas=settings.kafka.topic_replicas):
        print(line)
    print(f"published {counted(publish_settings(options, settings.partitions, declared), 'new setting')}")
