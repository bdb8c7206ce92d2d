"""The peer: Quix Streams, exactly once, state in RocksDB and a changelog.

Run as `python -m bench.quix JSON`, in the environment of `bench.quix_env`.
"""

from typing import Any

from quixstreams import Application, message_context
from quixstreams.models import TimestampType

from bench.peer import NUMBER, Counter, Job
from commonshelf.stack.parent_watch import end_with_parent
from schemas.topics import POS_SALES


def make_app(job: Job) -> Application:
    """The application with its pipeline. State is kept for each record key, which is the pool."""
    app = Application(
        job.bootstrap_servers,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=job.commit_interval_ms / 1_000,
        producer_extra_config={"compression.type": "lz4"},
        state_dir=job.state_dir,
        loglevel="WARNING",
    )
    counter = Counter(job.items)
    is_journaling = bool(job.journal)

    def count(value: bytes, _key: Any, appended_at_ms: int, _headers: Any, state: Any) -> bytes:
        sale = counter.decode(value)
        for shelf, quantity_milli in counter.sold(sale):
            state.set(shelf, state.get(shelf, 0) + quantity_milli)
        if not is_journaling:
            return b""
        number_key = NUMBER + sale["pool"]
        number = state.get(number_key, 0) + 1
        state.set(number_key, number)
        at = message_context()
        return counter.journal_page(sale, number, value, at.partition, at.offset, appended_at_ms)

    sales = app.topic(
        POS_SALES.name, value_deserializer="bytes", key_deserializer="bytes",
        timestamp_extractor=_appended_at_ms,
    )  # fmt: skip
    stream = app.dataframe(sales).apply(count, stateful=True, metadata=True)
    if is_journaling:
        stream.to_topic(app.topic(job.journal, value_serializer="bytes", key_serializer="bytes"))
    return app


def _appended_at_ms(_value: Any, _headers: Any, timestamp_ms: float, _kind: TimestampType) -> int:
    return int(timestamp_ms)


def main() -> None:
    """Run until SIGTERM."""
    end_with_parent()
    make_app(Job.from_command_line()).run()


if __name__ == "__main__":
    main()
