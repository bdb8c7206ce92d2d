"""The calls to one subscriber: each message in its turn, again until it has an outcome.

An outcome is that the subscriber has taken the message (2xx), or that it refuses it for what it says (400, 413, 415,
422): that is noted, and the next one follows. Whatever else it answers, or does not, is tried again. What is stored
comes after the calls that it tells of: a process that dies makes the last of them again, with their keys.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import httpx
import structlog

from commonshelf.web.told import Told
from commonshelf.web.webhooks.feed import Feed
from commonshelf.web.webhooks.messages import Found, Members, Message, Teller
from commonshelf.web.webhooks.targets import TargetRefused
from connectors.contract import Unavailable
from messaging.clock import wall_clock_ms
from messaging.publisher import PublishError
from schemas.models.base import TEXT_MAX
from schemas.models.webhooks import WebhookKind, WebhookPlace, WebhookProgress, WebhookSubscription

RETRY_S = 1.0
RETRY_MAX_S = 300.0
SAVE_S = 0.5
_SAVE_IDLE_S = 10.0
"""Of how far it has read when there was nothing to tell."""
_WAIT_S = 0.2
_SKEW_MS = 10_000
"""By so much a broker's clock may be behind that of who subscribed: nothing that comes after that is missed."""
_REFUSED = frozenset({400, 413, 415, 422})
_log = structlog.get_logger()


class Posts(Protocol):
    """Posts a message under its idempotency key, and returns the answer. Raises Unavailable, TargetRefused."""

    def send(self, key: str, body: bytes) -> httpx.Response: ...


class Subscribed:
    """A subscription as it is known now. Thread-safe. news: set when it is another, and to end a wait."""

    def __init__(self, subscription: WebhookSubscription, members: Callable[[WebhookSubscription], Members]) -> None:
        self.subscription = subscription
        self.news = threading.Event()
        self._members = members

    def change(self, subscription: WebhookSubscription) -> None:
        if subscription != self.subscription:
            self.subscription = subscription
            self.news.set()

    def members(self) -> Members:
        return self._members(self.subscription)

    @property
    def is_over(self) -> bool:
        """Whether it is ended, or its key is."""
        return self.subscription.ended_at_ms is not None or self.members().caller is None


class Delivery:
    """Tells one subscriber, in a thread of its own.

    progress: as it is stored. open_feed: reads the topics. save: returns when Kafka has the progress. parked_after_ms:
    when a subscriber that does not answer is given up. count: of outcomes: delivered, refused, failed.
    """

    def __init__(
        self,
        subscribed: Subscribed,
        progress: WebhookProgress,
        open_feed: Callable[[WebhookSubscription], Feed],
        post: Posts,
        save: Callable[[WebhookProgress], None],
        parked_after_ms: int,
        count: Callable[[str], None],
        now_ms: Callable[[], int] = wall_clock_ms,
        retry_s: float = RETRY_S,
    ) -> None:
        self._subscribed = subscribed
        self.progress = progress
        self._places: dict[WebhookKind, int] = {one.kind: one.offset for one in progress.places}
        self._open_feed = open_feed
        self._post = post
        self._save_progress = save
        self._parked_after_ms = parked_after_ms
        self._count = count
        self._now_ms = now_ms
        self._retry_s = retry_s
        self._teller = Teller(subscribed.subscription)
        self._saved_s = time.monotonic()
        self._is_told = False
        """A call has had an outcome that is not stored yet."""
        self._stop = threading.Event()
        self._log = _log.bind(webhook=progress.webhook, pool=progress.pool)

    def run(self, stop: threading.Event) -> None:
        """Tell until `stop` is set, or the subscription is over."""
        self._stop = stop
        while not self._is_over():
            try:
                self._go_on()
            except PublishError as error:
                self._log.warning("a subscriber waits for Kafka", reason=str(error))
                self._pause(RETRY_S)
            except Exception:  # noqa: BLE001  a fault at one subscriber must not end what else this process does
                self._log.exception("telling a subscriber showed a fault in this program; please report it")
                self._pause(RETRY_MAX_S)
        try:
            self._save()
        except PublishError as error:
            self._log.warning("the last messages are sent again after the next start", reason=str(error))

    def _go_on(self) -> None:
        """Read from where it stands, and tell, until it is to go on from elsewhere. Raises PublishError."""
        feed = self._open_feed(self._subscribed.subscription)
        try:
            self._find_places(feed)
            self._teller = Teller(self._subscribed.subscription)
            gone = feed.begin(self._places)
            for kind, first in gone.items():
                if not self._tell_missed(kind, first):
                    return
            while not self._is_called_away():
                self._ping()
                if self.progress.parked_at_ms is not None:
                    self._pause(_WAIT_S)
                    continue
                for found in feed.next(_WAIT_S):
                    if not self._take(found):
                        return
                self._save_in_time()
        finally:
            feed.close()

    def _find_places(self, feed: Feed) -> None:
        """Where each kind goes on: where it was, where the subscriber wants it, or since it was subscribed."""
        subscription, replay = self._subscribed.subscription, self._subscribed.subscription.replay
        new = [kind for kind in subscription.kinds if kind not in self._places]
        if new:
            self._places |= feed.offsets_at(max(0, subscription.created_at_ms - _SKEW_MS), new)
        if replay is None or replay.number <= self.progress.replay:
            return
        kinds = subscription.kinds if replay.kind is None else (replay.kind,)
        if replay.since_ms is not None:
            self._places |= feed.offsets_at(replay.since_ms, kinds)
        elif replay.offset is not None and replay.kind is not None:
            self._places[replay.kind] = replay.offset
        self._note(replay=replay.number, parked_at_ms=None, failing_since_ms=None, failure=None)
        self._save()

    def _take(self, found: Found) -> bool:
        """Tell of a record; False when something comes before that."""
        message = self._teller.told(found, self._subscribed.members())
        if found.offset < self._places[found.kind]:
            return True  # of bands: it was told before
        if message is not None and not self._deliver(message, f"{found.kind} at offset {found.offset}"):
            return False
        self._places[found.kind] = found.offset + 1
        self._save_in_time()
        return True

    def _tell_missed(self, kind: WebhookKind, first: int) -> bool:
        """Kafka keeps a record for a time: what was not told by then is told to be gone."""
        told: Told = {"kind": kind, "from_offset": self._places[kind], "until_offset": first}
        if not self._deliver(self._teller.message("missed", 0, told, first), f"missed before {first}"):
            return False
        self._places[kind] = first
        return True

    def _deliver(self, message: Message, what: str) -> bool:
        """Send until there is an outcome; False when something comes before that."""
        retry_s = self._retry_s
        while not self._is_called_away():
            failure, asked_s = self._send(message, what)
            if failure is None:
                return True
            if self._has_failed(failure):
                return False
            self._wait(max(asked_s, retry_s))
            retry_s = min(2 * retry_s, RETRY_MAX_S)
        return False

    def _send(self, message: Message, what: str) -> tuple[str | None, float]:
        """Send once. Returns how it failed, and how long the subscriber wants to be left alone; None for an outcome."""
        answer, asked_s = self._call(message)
        if isinstance(answer, str):
            return answer, asked_s
        status = f"{answer.status_code} {answer.reason_phrase}".strip()
        if answer.is_success:
            self._count("delivered")
            self._note(
                delivered=self.progress.delivered + 1, last_delivered_at_ms=self._now_ms(), failing_since_ms=None,
                failure=None,
            )  # fmt: skip
        elif answer.status_code in _REFUSED:
            self._count("refused")
            self._log.warning("a subscriber refuses a message; the next one follows", what=what, status=status)
            self._note(
                refused=self.progress.refused + 1, last_refused=f"{what}: {status}"[:TEXT_MAX], failing_since_ms=None,
                failure=None,
            )  # fmt: skip
        else:
            return status, 0.0
        self._is_told = True
        return None, 0.0

    def _call(self, message: Message) -> tuple[httpx.Response | str, float]:
        """The answer, or how the call failed."""
        try:
            return self._post.send(message.key, message.body), 0.0
        except Unavailable as error:
            return str(error), float(error.retry_after_s)
        except (TargetRefused, httpx.HTTPError, httpx.InvalidURL) as error:
            return str(error) or type(error).__name__, 0.0

    def _has_failed(self, failure: str) -> bool:
        """Note a failure, and store it; True when the subscriber is given up. Raises PublishError."""
        self._count("failed")
        now_ms, since_ms = self._now_ms(), self.progress.failing_since_ms
        since_ms = now_ms if since_ms is None else since_ms
        is_parked = now_ms - since_ms >= self._parked_after_ms
        self._note(
            failing_since_ms=since_ms, failure=failure[:TEXT_MAX], parked_at_ms=now_ms if is_parked else None
        )  # fmt: skip
        self._log.warning("a subscriber does not take a message", reason=failure, is_parked=is_parked)
        self._save()
        return is_parked

    def _ping(self) -> None:
        """Send the test message that was asked for last, once: the outcome is what is wanted. Raises PublishError."""
        asked = self._subscribed.subscription.pings
        if asked <= self.progress.pinged:
            return
        answer, _ = self._call(self._teller.message("ping", self._now_ms(), {}, asked))
        said = answer if isinstance(answer, str) else f"{answer.status_code} {answer.reason_phrase}".strip()
        self._note(pinged=asked, ping_answer=said[:TEXT_MAX] or "no words")
        self._save()

    def _wait(self, wait_s: float) -> None:
        """Leave the subscriber alone; test messages are sent meanwhile."""
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0 and not self._is_called_away():
            self._pause(left_s)
            self._ping()

    def _pause(self, wait_s: float) -> None:
        """Wait for news, and look now and then whether the process is to end."""
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0 and not self._stop.is_set():
            if self._subscribed.news.wait(min(left_s, _WAIT_S)):
                self._subscribed.news.clear()
                return

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._subscribed.is_over

    def _is_called_away(self) -> bool:
        """Whether it is over, or is to go on from elsewhere."""
        replay = self._subscribed.subscription.replay
        return self._is_over() or (replay is not None and replay.number > self.progress.replay)

    def _note(self, **changed: object) -> None:
        self.progress = self.progress.model_copy(update=changed)

    def _save_in_time(self) -> None:
        if time.monotonic() - self._saved_s >= (SAVE_S if self._is_told else _SAVE_IDLE_S):
            self._save()

    def _save(self) -> None:
        """Store how far it is. Raises PublishError."""
        places: Sequence[WebhookPlace] = [
            WebhookPlace(kind=kind, offset=offset) for kind, offset in sorted(self._places.items())
        ]
        self._note(places=tuple(places))
        self._save_progress(self.progress)
        self._is_told, self._saved_s = False, time.monotonic()
