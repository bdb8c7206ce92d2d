"""The shops that come in by the connectors: they post signed webhooks and drop files, and write down what was taken.

A webhook is taken when it is answered 202; until then it is sent again and again. A file is taken when it lies in
done/ or rejected/. What was taken is on disk (fsync) before the next is sent. A third is sent twice, and some is
nothing that can be used: unsigned, no JSON, too large, half a row.
"""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx

from connectors.http.signature import HEADER, sign
from tests.proof.faults.world import ITEMS, WEIGHED, sku

SECRET = "the-secret-of-the-tortured-shops"
_TIMEOUT_S = 5.0
_PAUSE_S = 0.5
_AGAIN = 0.3
_BAD = 0.08
_POLL_S = 0.05


class Taken(NamedTuple):
    """A line of a sale that a connector took."""

    store: str
    receipt: str
    line_id: str
    quantity_milli: int


class Notebook:
    """What was taken, a line each, on disk before `note` returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._path = path
        self._lock = threading.Lock()
        self.last_s = 0.0
        """When something was noted last, by time.monotonic."""

    def note(self, lines: list[Taken]) -> None:
        with self._lock:
            self._file.writelines(json.dumps(line) + "\n" for line in lines)
            self._file.flush()
            os.fsync(self._file.fileno())
            self.last_s = time.monotonic()

    def read(self) -> Iterator[Taken]:
        for line in self._path.read_text().splitlines():
            yield Taken(*json.loads(line))


class SendingShop:
    """One that sends until it is told to end, in a thread. `under_way`: how much of it is not known to be taken."""

    def __init__(self, store: str, notebook: Notebook, seed: int) -> None:
        self.store = store
        self.under_way = 0
        self.answers: Counter[str] = Counter()
        self.refused = 0
        """How often a good signature was refused."""
        self.wrong: list[str] = []
        """What should have been refused and was not."""
        self._notebook = notebook
        self._chance = random.Random(f"{seed}/{store}")
        self._number = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name=store, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, deadline_s: float) -> bool:
        """Send nothing new. Whether all that was sent was taken in time."""
        self._is_over.set()
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while not self._is_over.is_set():
            self._number += 1
            self._send()
            self._is_over.wait(_PAUSE_S * self._chance.uniform(0.2, 1.8))

    def _send(self) -> None:
        raise NotImplementedError

    def _receipt(self, receipt: str) -> list[Taken]:
        """Twelve lines."""
        chance, items = self._chance, self._chance.sample(range(min(WEIGHED)), 12)
        return [Taken(self.store, receipt, f"{at}:{n}", 1_000 * chance.randint(1, 4)) for at, n in enumerate(items)]


class WebhookShop(SendingShop):
    """Posts receipts."""

    def __init__(self, url: str, store: str, notebook: Notebook, seed: int) -> None:
        super().__init__(store, notebook, seed)
        self._url = f"{url}/webhooks/v1/{store}"
        self._client = httpx.Client(timeout=_TIMEOUT_S)

    def _send(self) -> None:
        if self._chance.random() < _BAD:
            self._send_bad()
            return
        receipts = [self._receipt(f"{self._number}-{n}") for n in range(self._chance.randint(1, 4))]
        now_s = time.time()
        sales = [
            {
                "id": receipt[0].receipt, "occurred_at": _iso(now_s - self._chance.choice((1, 60, 86_400))),
                "lines": [
                    {"line_id": line.line_id, "sku": _sku(line), "quantity": line.quantity_milli // 1_000}
                    for line in receipt
                ],
            }
            for receipt in receipts
        ]  # fmt: skip
        body = json.dumps({"sales": sales}).encode()
        for _ in range(2 if self._chance.random() < _AGAIN else 1):
            self.under_way = 1
            while not self._is_taken(body):
                time.sleep(_POLL_S)
            self._notebook.note([line for receipt in receipts for line in receipt])
            self.under_way = 0

    def _is_taken(self, body: bytes) -> bool:
        answer = self._post(body, sign(SECRET.encode(), body, int(time.time())))
        self.refused += answer == "401"
        return answer == "202"

    def _post(self, body: bytes, signature: str) -> str:
        """The status, or what befell the connection."""
        headers = {"Content-Type": "application/json", HEADER: signature}
        try:
            answer = str(self._client.post(self._url, content=body, headers=headers).status_code)
        except httpx.TransportError as error:
            answer = type(error).__name__
        self.answers[answer] += 1
        return answer

    def _send_bad(self) -> None:
        """Something that must not be taken."""
        body = self._chance.choice((b"", b"no JSON", b'{"sales": [{"id": "1"}]}', b"[" * 40, b" " * 300_000, b"\xff"))
        secret = self._chance.choice((SECRET, "another secret, as long as that"))
        if self._post(body, sign(secret.encode(), body, int(time.time()))) == "202":
            self.wrong.append(f"{self.store}: {body[:40]!r} was taken")


class FolderShop(SendingShop):
    """Drops files of receipts."""

    def __init__(self, folder: Path, store: str, notebook: Notebook, seed: int) -> None:
        super().__init__(store, notebook, seed)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _send(self) -> None:
        rows: list[Taken] = []
        for n in range(self._chance.randint(5, 25)):
            rows += self._receipt(f"{self._number}-{n}")
        lines = ["receipt_no,line_no,sold_at,sku,qty"]
        sold_at = _iso(time.time() - self._chance.choice((1, 60, 86_400)))
        lines += [f"{row.receipt},{row.line_id},{sold_at},{_sku(row)},{row.quantity_milli // 1_000}" for row in rows]
        if self._chance.random() < _BAD:
            lines.insert(self._chance.randrange(1, len(lines)), self._chance.choice(("half,a", "a,1,yesterday,b,two")))
        content = "\n".join(lines) + "\n"
        for again in range(2 if self._chance.random() < _AGAIN else 1):
            self._drop(f"sales-{self._number}-{again}.csv", content + ("" if self._chance.random() < 0.5 else "\n"))
            self._notebook.note(rows)
            self.under_way = 0

    def _drop(self, name: str, content: str) -> None:
        """Under a name that is not read, and renamed when it is all there; then wait until it is taken."""
        hidden = self._folder / f".{name}"
        with hidden.open("w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.under_way = 1
        hidden.rename(self._folder / name)
        while (self._folder / name).exists():
            time.sleep(_POLL_S)
        self.answers["file taken"] += 1


def _iso(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at_s))


def _sku(line: Taken) -> str:
    n = int(line.line_id.split(":")[1])
    assert n < ITEMS
    return sku(n)
