"""The frame of every vendor's connector: a receiver of webhooks, and a poll that finds what no webhook brought."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog
from starlette.responses import JSONResponse, Response

from connectors.context import ConnectorContext
from connectors.contract import AccessRefused, Delivery, Handler, StoreContext, Translated, Unavailable
from connectors.http.receiver import ReceiverRules, WebhookReceiver
from connectors.outbound.driver import Driver
from connectors.refusals import messages, refusals
from connectors.vendor.contract import Feed, Vendor
from connectors.vendor.options import VendorOptions
from connectors.vendor.write_back import Channel, WriteBack
from connectors.writers import Superseded
from messaging.publisher import EventTooLarge, PublishError
from schemas.models.connectors import ChannelReservation

WEBHOOK_MAX_BYTES = 1_048_576
"""A receipt of 200 lines is half of that at vendors that send a whole product with each line."""
FETCHES_AT_ONCE = 4
"""Of one store: one vendor's slowness holds up no other store."""
RETRY_S = 5.0
RETRY_MAX_S = 300.0
_log = structlog.get_logger()


class VendorConnector:
    """One vendor's till at one store.

    now_s: the clock, Unix time; only for metrics, since cursors are the vendor's own. channel: the till's online
        channel, where the operator wants it kept from selling what the pool holds.
    """

    def __init__(
        self,
        vendor: Vendor,
        options: VendorOptions,
        store: StoreContext,
        context: ConnectorContext,
        now_s: Callable[[], float] = time.time,
        channel: Channel | None = None,
    ) -> None:
        self.name = f"{options.kind} {store.id}"
        self.vendor = vendor
        self._options = options
        self._store = store
        self._publisher = context.publisher
        self._positions = context.positions
        self._metrics = context.metrics.of(store.pool, store.id, options.kind)
        self._now_s = now_s
        self._write_back: Driver[ChannelReservation] | None = None
        if channel is not None and context.write_back is not None:
            adapter = WriteBack(channel, store, options.kind, context.write_back.holds)
            self._write_back = Driver(
                adapter, context.write_back.log, options.write_back_interval_s, self._metrics.written_back
            )
        self._woken = threading.Event()
        self._fetchers = ThreadPoolExecutor(FETCHES_AT_ONCE, thread_name_prefix=self.name)
        rules = ReceiverRules(
            options.kind, vendor.verify, self._read, _report, vendor.media_types, WEBHOOK_MAX_BYTES
        )  # fmt: skip
        self._receiver = WebhookReceiver(
            rules, store.id, context.publisher, self._metrics, context.request_limit, context.body_budget, now_s
        )
        self._log = _log.bind(connector=options.kind, store=store.id)

    def pages(self) -> Mapping[str, Handler]:
        """/webhooks/KIND/STORE, where a webhook secret is set."""
        if not self._options.webhook_secrets():
            return {}
        return {f"/webhooks/{self._options.kind}/{self._store.id}": self._receiver.receive}

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop` is set. What the vendor or Kafka refuses is logged and tried again.

        Raises Superseded when another host has begun to run this connector.
        """
        retry_s = RETRY_S
        writer = None if self._write_back is None else threading.Thread(target=self._write_back.run, args=(stop,))
        try:
            if writer is not None:
                writer.start()
            while not stop.is_set():
                self._woken.clear()
                wait_s = float(self._options.poll_interval_s)
                try:
                    self.poll(stop)
                    retry_s = RETRY_S
                except Unavailable as unavailable:
                    wait_s = max(unavailable.retry_after_s, retry_s)
                    retry_s = min(2 * retry_s, RETRY_MAX_S)
                    self._log.warning("the vendor cannot be read now", reason=str(unavailable), again_in_s=wait_s)
                except Superseded:
                    raise
                except PublishError as error:
                    wait_s = retry_s
                    retry_s = min(2 * retry_s, RETRY_MAX_S)
                    self._log.warning("waiting for Kafka", reason=str(error), again_in_s=wait_s)
                except AccessRefused as refused:
                    wait_s = max(wait_s, RETRY_MAX_S)
                    self._log.error("the vendor refuses access", reason=str(refused), again_in_s=wait_s)
                except Exception:  # noqa: BLE001  see below
                    # What one vendor sends must not end the connectors of the other stores.
                    wait_s = retry_s
                    retry_s = min(2 * retry_s, RETRY_MAX_S)
                    self._log.exception("the poll showed a fault in this program; please report it", again_in_s=wait_s)
                if not stop.is_set():
                    self._woken.wait(wait_s)
        finally:
            if writer is not None:
                writer.join()
            self._fetchers.shutdown(wait=False, cancel_futures=True)
            self.vendor.close()

    def watched(self) -> Sequence[Path]:
        return ()

    def wake(self) -> None:
        self._woken.set()

    def poll(self, stop: threading.Event) -> None:
        """Read every feed to its end, or until `stop`.

        Raises Unavailable, AccessRefused, PublishError; then what was acknowledged is remembered.
        """
        began_at_s = self._now_s()
        for feed in self.vendor.feeds():
            self._drain(feed, stop)
        if not stop.is_set():
            self._metrics.reconciled(began_at_s)

    def _drain(self, feed: Feed, stop: threading.Event) -> None:
        place = (self._store.pool, self._store.id, self._options.kind, feed.name)
        cursor = self._positions.load(*place)
        if cursor is None:
            # Stored before anything is read: what happens while the vendor is away from its first minute is found.
            cursor = feed.start()
            self._positions.save(*place, cursor)
        for page in feed.read(max(0, cursor - feed.overlap)):
            self._publish(page.translated)
            if page.cursor is not None and page.cursor > cursor:
                cursor = page.cursor
                self._positions.save(*place, cursor)
            if stop.is_set():
                return

    def _publish(self, translated: Translated) -> None:
        if translated.events or translated.problems:
            now_ms = int(self._now_s() * 1000)
            try:
                self._publisher.publish_all(messages(translated, self._metrics.labels, now_ms))
            except EventTooLarge as error:  # all others are there; it never fits, and must not hold up what follows
                self._log.error("an event is too large for Kafka and was set aside", reason=str(error))
                already_told = len(translated.problems)
                translated = translated.without(error.events)
                self._publisher.publish_all(refusals(translated.problems[already_told:], self._metrics.labels, now_ms))
            if translated.events:
                self._metrics.published(translated.line_count, translated.newest_ms)
        self._metrics.left_out(translated)
        self._tell_problems(translated)

    def _tell_problems(self, translated: Translated) -> None:
        for problem in translated.problems:
            self._log.warning("a line cannot be used", where=problem.where, reason=problem.reason)
        for note in translated.notes:
            self._log.info("a line is used, but for a part of it", where=note.where, what=note.text)

    async def _read(self, delivery: Delivery) -> Translated:
        loop = asyncio.get_running_loop()
        try:
            translated = await loop.run_in_executor(self._fetchers, self.vendor.receive, delivery)
        except AccessRefused as refused:
            self._log.error("the vendor refuses access", reason=str(refused))
            raise Unavailable(str(refused), 60) from refused
        self._tell_problems(translated)
        return translated


def _report(translated: Translated) -> Response:
    """A vendor only looks at the status. 200 also where nothing is for us: it would try again, and then give up."""
    answer = {
        "lines_published": translated.line_count,
        "skipped": len(translated.skipped),
        "refused": len(translated.problems),
    }
    return JSONResponse(answer)
