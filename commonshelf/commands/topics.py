"""`topics`: what flows where."""

import json
from dataclasses import asdict

from commonshelf.commands.options import BootstrapOption, ConfigOption, JsonOption


def topics(config: ConfigOption = None, bootstrap: BootstrapOption = None, as_json: JsonOption = False) -> None:
    """List the topics: schema, key, writer, readers, retention, records, and how far the pool's workers are behind.

    Example: ./shelf topics

    Example: ./shelf topics --json --bootstrap kafka.example.org:9092
    """
    from rich.console import Console
    from rich.table import Table

    from commonshelf.commands.connection import connect
    from commonshelf.topic_status import retention_text, topic_statuses

    connection = connect(config, bootstrap)
    found = topic_statuses(connection.kafka_options)
    if as_json:
        print(json.dumps([asdict(status) for status in found], indent=1))
        return
    view = Table("topic", "schema subject", "key", "writer", "readers", "kept")
    view.add_column("records", justify="right")
    view.add_column("lag", justify="right")
    for one in found:
        kept = retention_text(one)
        lag = "" if one.lag_records is None else str(one.lag_records)
        records = "missing" if one.records is None else str(one.records)
        view.add_row(
            one.topic, one.subject or "raw bytes", one.key, one.writer, ", ".join(one.readers), kept, records, lag
        )
    console = Console(highlight=False)
    console.print(view)
    console.print("Records of a compacted topic count what is not compacted yet, and transaction markers.")
