"""The peer: a Faust agent with a Table, as in its manual, at least once, RocksDB and a changelog.

Run as `python -m bench.faust_table JSON`. It checks nothing.
"""

from typing import Any

import faust

from bench.peer import NUMBER, Counter, Job
from commonshelf.stack.parent_watch import end_with_parent
from schemas.topics import POS_SALES

TABLE = "sold"


def make_app(job: Job) -> faust.App:
    """The app with its agent."""
    app = faust.App(
        job.group,
        broker=f"kafka://{job.bootstrap_servers}",
        store="rocksdb://",
        datadir=str(job.state_dir),
        web_enabled=False,
        topic_partitions=job.partitions,
    )
    sales = _raw_topic(app, POS_SALES.name)
    sold = app.Table(TABLE, default=int, partitions=job.partitions, options={"driver": "rocksdict"})
    journal = _raw_topic(app, job.journal) if job.journal else None
    counter = Counter(job.items)

    async def count(stream: Any) -> None:
        async for event in stream.events():
            sale = counter.decode(event.value)
            for shelf, quantity_milli in counter.sold(sale):
                sold[shelf] += quantity_milli
            if journal is None:
                continue
            number_key = NUMBER + sale["pool"]
            number = sold[number_key] + 1
            sold[number_key] = number
            message = event.message
            page = counter.journal_page(
                sale, number, event.value, message.partition, message.offset, round(message.timestamp * 1_000)
            )
            await journal.send(key=message.key, value=page, partition=message.partition)

    app.agent(sales)(count)
    return app


def _raw_topic(app: faust.App, name: str) -> Any:
    return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def main() -> None:
    """Run Faust's own worker."""
    end_with_parent()
    faust.Worker(make_app(Job.from_command_line()), loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main()
