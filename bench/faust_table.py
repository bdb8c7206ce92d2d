"""The peer: a Faust agent with a Table, as in its manual, at least once, RocksDB and a changelog.

Run as `python -m bench.faust_table JSON`. It counts lines by store and code, and checks nothing.
"""

import io
import json
import sys
from typing import Any

import faust
from fastavro import schemaless_reader

from commonshelf.orphan import end_with_parent
from schemas.codec import HEADER_BYTES
from schemas.registry import registry
from schemas.topics import POS_SALES

TABLE = "counts"


def changelog_of(app_id: str) -> str:
    """The topic that Faust writes the table's changes to."""
    return f"{app_id}-{TABLE}-changelog"


def make_app(given: dict[str, Any]) -> faust.App:
    """The app with its agent."""
    schema = registry().latest(POS_SALES.name).parsed
    app = faust.App(
        given["app_id"],
        broker=f"kafka://{given['bootstrap_servers']}",
        store="rocksdb://",
        datadir=given["data_dir"],
        web_enabled=False,
        topic_partitions=given["partitions"],
    )
    topic = app.topic(
        POS_SALES.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )  # fmt: skip
    counts = app.Table(TABLE, default=int, partitions=given["partitions"], options={"driver": "rocksdict"})

    async def count(sales: Any) -> None:
        async for value in sales:
            sale: Any = schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), schema, None)
            for line in sale["lines"]:
                counts[f"{sale['store']}/{line['code']}"] += 1

    app.agent(topic)(count)
    return app


def main() -> None:
    """Run Faust's own worker."""
    end_with_parent()
    faust.Worker(make_app(json.loads(sys.argv[1])), loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main()
