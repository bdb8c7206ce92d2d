"""`topics`: what flows where."""

import json
from dataclasses import asdict

from commonshelf.options import BootstrapOption, ConfigOption, JsonOption


def topics(config: ConfigOption = None, bootstrap: BootstrapOption = None, as_json: JsonOption = False) -> None:
    """List the topics: schema, key, writer, readers, retention, records, and how far the pool's workers are behind.

    Example: ./shelf topics

    Example: ./shelf topics --json --bootstrap kafka.example.org:9092
    """
    from commonshelf.stack.connection import connect
    from commonshelf.stack.topic_status import retention_text, topic_statuses
    from commonshelf.text import print_table

    connection = connect(config, bootstrap)
    found = topic_statuses(connection)
    if as_json:
        print(json.dumps([asdict(status) for status in found], indent=1))
        return
    rows = [
        (
            one.topic,
            "raw bytes" if one.schema_id is None else f"v{one.schema_version} id {one.schema_id}",
            one.key,
            f"{one.writer} → {', '.join(one.readers)}",
            retention_text(one),
            "missing" if one.records is None else one.records,
            "" if one.lag_records is None else one.lag_records,
        )
        for one in found
    ]
    head = ("topic", "schema", "key", "writer → readers", "kept", "records", "lag")
    print_table(head, rows, ("records", "lag"))
    print("Schema subject: TOPIC-value. Records count what is not compacted away yet, and transaction markers.")
