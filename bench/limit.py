"""The practical limit of any Python engine: consume and decode, and nothing else.

Run as `python -m bench.limit JSON`. It has no output to be timed by, so it notes itself when each batch was done.
"""

import io
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from fastavro import schemaless_reader

from commonshelf.stack.parent_watch import end_with_parent
from messaging.client_options import reader_options
from schemas.codec import HEADER_BYTES
from schemas.registry import registry
from schemas.topics import POS_SALES

_BATCH_RECORDS = 4_000


def main() -> None:
    """Read the partitions to their ends, write the marks, and wait to be stopped: the parent reads our CPU time."""
    end_with_parent()
    given = json.loads(sys.argv[1])
    schema = registry().latest(POS_SALES.name).parsed
    consumer = Consumer(
        reader_options({"bootstrap.servers": given["bootstrap_servers"]}, "limit")
        | {"fetch.wait.max.ms": 10, "queued.max.messages.kbytes": 65_536}
    )
    consumer.assign([TopicPartition(POS_SALES.name, partition, 0) for partition in given["partitions"]])
    batch_records = max(min(_BATCH_RECORDS, given["records"] // 8), 1)  # a short run, too, needs several batches
    marks = []
    records = 0
    while records < given["records"]:
        lines = 0
        messages = consumer.consume(batch_records, timeout=0.02)
        for message in messages:
            value = message.value()
            if message.error() is None and value is not None:
                sale: Any = schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), schema, None)
                lines += len(sale["lines"])
                records += 1
        if lines:
            marks.append((time.time(), lines))
    unfinished = Path(given["marks"] + ".new")
    unfinished.write_text(json.dumps(marks), encoding="utf-8")
    unfinished.rename(given["marks"])
    threading.Event().wait()


if __name__ == "__main__":
    main()
