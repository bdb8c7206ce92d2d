"""The stores' machines: each says its documents through a real connector, and says them again until it is heard.

Most stores post signed webhooks, receipt by receipt. Some have old till software that writes a file now and then
into a drop folder.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import httpx

from commonshelf.demo.exports import decimal, iso, write_export
from commonshelf.demo.tally import TillTally
from connectors.http.signature import HEADER, sign
from world.documents import DocumentKind, DocumentLine, StoreDocument

_QUEUE_DOCUMENTS = 200
_BODY_LINES = 400  # with the longest lines well below the connector's 256 KiB
_RETRY_FIRST_S = 0.1
_RETRY_MAX_S = 5.0
_SETTLE_POLL_S = 0.05
_TRY_AGAIN = (408, 429, 503)

ClockMs = Callable[[], int]
"""Tells the time, ms since 1970 UTC."""


class TillError(RuntimeError):
    """A till cannot go on: the connector refuses it altogether."""


class Till(Protocol):
    """One store's machine."""

    async def say(self, document: StoreDocument) -> None:
        """Take a document to send. Waits while too many are waiting. Raises TillError when the till has given up."""

    async def settle(self) -> None:
        """Return when everything said is confirmed. Raises TillError."""

    async def close(self) -> None:
        """Stop at once; what is not confirmed stays counted as open."""


class WebhookTill:
    """Posts to /webhooks/v1/STORE. One request at a time; what comes up meanwhile goes into the next."""

    def __init__(self, store: str, url: str, secret: bytes, client: httpx.AsyncClient, tally: TillTally) -> None:
        self._url = f"{url}/{store}"
        self._store = store
        self._secret = secret
        self._client = client
        self._tally = tally
        self._queue: asyncio.Queue[StoreDocument] = asyncio.Queue(_QUEUE_DOCUMENTS)
        self._worker = asyncio.create_task(self._work(), name=f"till-{store}")

    async def say(self, document: StoreDocument) -> None:
        for part in _parts(document, _BODY_LINES):
            self._tally.handed_over += len(part.lines)
            await self._unless_failed(self._queue.put(part))

    async def settle(self) -> None:
        await self._unless_failed(self._queue.join())

    async def close(self) -> None:
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)

    async def _unless_failed(self, waiting: Awaitable[None]) -> None:
        """Wait, but not for a worker that has ended."""
        task = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait((task, self._worker), return_when=asyncio.FIRST_COMPLETED)
            if self._worker.done():
                self._worker.result()
        finally:
            if not task.done():
                task.cancel()

    async def _work(self) -> None:
        while True:
            documents = [await self._queue.get()]
            lines = len(documents[0].lines)
            while lines < _BODY_LINES and not self._queue.empty():
                documents.append(self._queue.get_nowait())
                lines += len(documents[-1].lines)
            await self._post(documents)
            for _ in documents:
                self._queue.task_done()

    async def _post(self, documents: Sequence[StoreDocument]) -> None:
        body = webhook_body(documents)
        lines = sum(len(document.lines) for document in documents)
        wait_s = _RETRY_FIRST_S
        while True:
            self._tally.requests += 1
            headers = {
                HEADER: sign(self._secret, body, int(time.time())),
                "Content-Type": "application/json",
            }
            try:
                answer = await self._client.post(self._url, content=body, headers=headers)
            except httpx.TransportError:
                # It may have arrived: the next try has the same source ids, so the pool absorbs a second copy.
                self._tally.resent += lines
                retry_after_s = wait_s
            else:
                if answer.status_code not in _TRY_AGAIN:
                    self._take_answer(answer, lines)
                    return
                if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                    # Kafka did not confirm in time, which does not say that it never will.
                    self._tally.resent += lines
                retry_after_s = _retry_after_s(answer) or wait_s
            self._tally.retries += 1
            await asyncio.sleep(min(retry_after_s, _RETRY_MAX_S))
            wait_s = min(wait_s * 2, _RETRY_MAX_S)

    def _take_answer(self, answer: httpx.Response, lines: int) -> None:
        if answer.status_code not in (202, 422):
            raise TillError(
                f"the webhook connector answered {answer.status_code} to {self._store}: {answer.text[:300]}; "
                "its log is in the data directory under logs"
            )
        published = int(answer.json().get("lines_published", 0))
        self._tally.acknowledged += published
        self._tally.refused += lines - published


class DropFolderTill:
    """Collects documents and writes them as CSV files, one per kind, each `interval_s` (None: only at `export`).

    run: makes file names unique. now_ms: the clock by which the exports are dated.
    """

    def __init__(
        self, store: str, folder: Path, tally: TillTally, *, run: str, interval_s: float | None, now_ms: ClockMs
    ) -> None:
        self._folder = folder
        self._tally = tally
        self._run = run
        self._now_ms = now_ms
        self._exports = 0
        self._waiting: dict[DocumentKind, list[StoreDocument]] = {}
        self._unsettled: dict[Path, int] = {}
        self._tasks = [asyncio.create_task(self._watch(), name=f"folder-{store}")]
        if interval_s is not None:
            self._tasks.append(asyncio.create_task(self._export_each(interval_s), name=f"export-{store}"))

    async def say(self, document: StoreDocument) -> None:
        self._raise_if_failed()
        self._tally.handed_over += len(document.lines)
        self._waiting.setdefault(document.kind, []).append(document)

    def export(self) -> None:
        """Write what has come up since the last time."""
        waiting, self._waiting = self._waiting, {}
        for kind, documents in waiting.items():
            self._exports += 1
            exported_at_ms = self._now_ms()
            dated = [document.at(document.occurred_at_ms, exported_at_ms) for document in documents]
            path = write_export(self._folder, kind, dated, f"{self._run}-{self._exports:05d}")
            self._tally.files += 1
            self._unsettled[path] = sum(len(document.lines) for document in documents)

    async def settle(self) -> None:
        self.export()
        while self._unsettled:
            self._raise_if_failed()
            await asyncio.sleep(_SETTLE_POLL_S)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _export_each(self, interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            self.export()

    async def _watch(self) -> None:
        """A file that has left the folder was read whole: its lines are in Kafka, or in the report beside it."""
        while True:
            await asyncio.sleep(_SETTLE_POLL_S)
            for path, lines in list(self._unsettled.items()):
                if path.exists():
                    continue
                refused = _rows(path.parent / "rejected" / f"{path.name}.report.csv")
                self._tally.acknowledged += lines - refused
                self._tally.refused += refused
                del self._unsettled[path]

    def _raise_if_failed(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()


def webhook_body(documents: Iterable[StoreDocument]) -> bytes:
    """The JSON that the webhook connector takes, as docs/webhook.md has it."""
    sales: list[dict[str, Any]] = []
    stock: list[dict[str, Any]] = []
    for document in documents:
        told: dict[str, Any] = {
            "id": f"{document.register}/{document.number}",
            "version": document.version,
            "occurred_at": iso(document.occurred_at_ms),
            "recorded_at": iso(document.sent_at_ms),
            "lines": [_json_line(line, document.kind) for line in document.lines],
        }
        if document.kind == "sale":
            sales.append(told | {"register": document.register})
        else:
            stock.append(told | {"kind": document.kind})
    return json.dumps({"sales": sales, "stock": stock}, separators=(",", ":")).encode()


def _json_line(line: DocumentLine, kind: DocumentKind) -> dict[str, Any]:
    scheme, _, code = line.code.partition(":")
    told: dict[str, Any] = {
        "line_id": str(line.line_no),
        scheme: code,
        "quantity": decimal(line.quantity_milli, 3),
        "unit": line.unit,
    }
    if line.kind:
        told["kind" if kind == "sale" else "reason"] = line.kind
    if line.price_minor is not None:
        told["unit_price"] = decimal(line.price_minor, 2)
    return told


def _parts(document: StoreDocument, lines_max: int) -> Iterable[StoreDocument]:
    """A long stock report goes in several parts of the same document; the pool unites their lines."""
    for start in range(0, len(document.lines), lines_max):
        yield replace(document, lines=document.lines[start : start + lines_max])


def _retry_after_s(answer: httpx.Response) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def _rows(report: Path) -> int:
    """Rows of a report, its header not counted; 0 when there is none."""
    if not report.exists():
        return 0
    with report.open(encoding="utf-8") as rows:
        return max(sum(1 for _ in rows) - 1, 0)
