"""A ledger worker's two Kafka clients, and why each is set as it is."""

from confluent_kafka import Consumer, Producer

from messaging.client_options import producer_options, reader_options
from schemas.topics import MESSAGE_MAX_BYTES
from streams.runtime.settings import WorkerSettings


def make_producer(settings: WorkerSettings, transaction_timeout_ms: int) -> Producer:
    """Of transactions; its name is the worker's, so that a worker that comes back fences the one it was."""
    return Producer(
        producer_options(settings.client_options())
        | {
            "transactional.id": f"{settings.group}-{settings.instance_id}",
            "transaction.timeout.ms": transaction_timeout_ms,
            # The flush that ends a batch does not wait for it; a full buffer neither.
            "linger.ms": 50,
            "compression.type": "lz4",
            "batch.size": 262_144,
            "message.max.bytes": MESSAGE_MAX_BYTES,
            # A full queue is waited for; a batch of usual size takes less than a tenth of it.
            "queue.buffering.max.messages": 100 * settings.batch_records,
            "queue.buffering.max.kbytes": settings.batch_bytes // 8,
            "delivery.report.only.error": False,
        }
    )


def make_consumer(settings: WorkerSettings) -> Consumer:
    """A static member of the group, which reads what was committed, and is told where each input ends."""
    return Consumer(
        reader_options(settings.client_options(), settings.group)
        | {
            "group.instance.id": settings.instance_id,
            "partition.assignment.strategy": "range",
            "session.timeout.ms": settings.session_timeout_ms,
            "max.poll.interval.ms": settings.poll_interval_ms,
            # Members hear of a rebalance when they next report: often, as a takeover waits for all of them.
            "heartbeat.interval.ms": max(settings.session_timeout_ms // 12, 300),
            "enable.auto.offset.store": False,
            # How soon a broker says that an input has nothing more: until then records of others may not be taken.
            "fetch.wait.max.ms": max(settings.batch_age_ms // 2, 10),
            "fetch.error.backoff.ms": 50,
            # Each message in the client's queue takes some 400 bytes beside its own.
            "queued.min.messages": 2 * settings.batch_records,
            "queued.max.messages.kbytes": 16_384,
            "topic.metadata.refresh.interval.ms": 30_000,
        }
    )
