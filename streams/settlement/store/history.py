"""A pool's journal from its first entry on, read again."""

from collections.abc import Callable, Iterator

from messaging.client_options import ClientOptions
from messaging.journal import JournalEntry, read_page
from messaging.log_reader import read_log
from schemas.partition import partition_of
from streams.settlement.ledger.ledger import History


def history_of(
    kafka_options: ClientOptions, topic: str, partitions: int, still_alive: Callable[[], None]
) -> Callable[[str], History]:
    """Pool → the reader of its journal up to the present end; `still_alive` is called at each page."""

    def of(pool: str) -> History:
        def read() -> Iterator[JournalEntry]:
            for message in read_log(kafka_options, [topic], [partition_of(pool, partitions)]):
                still_alive()
                if message.key() == pool.encode():
                    yield from read_page(message.value())

        return read

    return of
