"""All tills of a demo: documents go to the till of their store."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from commonshelf.demo.consortium import Consortium
from commonshelf.demo.tally import TillTally
from commonshelf.demo.tills import ClockMs, DropFolderTill, Till, WebhookTill
from world.documents import StoreDocument

_TIMEOUT_S = 30.0


class StoreTills:
    """The tills of a consortium's members, as one async context.

    webhook_url: base address, /webhooks/v1. run: makes exports' names unique. export_interval_s: how often files are
    written; None: only when `export` says so. now_ms: the clock by which exports are dated.
    """

    def __init__(
        self,
        consortium: Consortium,
        data_dir: Path,
        webhook_url: str,
        *,
        run: str,
        export_interval_s: float | None,
        now_ms: ClockMs,
    ) -> None:
        self.tally = TillTally()
        self._consortium = consortium
        self._data_dir = data_dir
        self._webhook_url = webhook_url
        self._run = run
        self._export_interval_s = export_interval_s
        self._now_ms = now_ms
        self._tills: dict[str, Till] = {}
        self._folders: list[DropFolderTill] = []

    async def __aenter__(self) -> Self:
        members = self._consortium.members
        limits = httpx.Limits(max_connections=len(members), max_keepalive_connections=len(members))
        # The proxy settings of the user's environment are not for a server on this machine.
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, limits=limits, trust_env=False)
        for member in members:
            secret = self._consortium.secrets.get(member.id)
            if secret is not None:
                till = WebhookTill(member.id, self._webhook_url, secret.encode(), self._client, self.tally)
                self._tills[member.id] = till
            else:
                self._tills[member.id] = self._folder_till(member.id)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(till.close() for till in self._tills.values()))
        await self._client.aclose()

    async def say(self, document: StoreDocument) -> None:
        """Hand a document to its store's till; waits while that till is behind. Raises TillError."""
        await self._tills[document.store].say(document)

    def export(self) -> None:
        """Have every till with a drop folder write its files now."""
        for folder in self._folders:
            folder.export()

    async def settle(self) -> None:
        """Return when everything said is confirmed. Raises TillError."""
        await asyncio.gather(*(till.settle() for till in self._tills.values()))

    def _folder_till(self, store: str) -> DropFolderTill:
        till = DropFolderTill(
            store,
            self._consortium.drop_folder(self._data_dir, store),
            self.tally,
            run=self._run,
            interval_s=self._export_interval_s,
            now_ms=self._now_ms,
        )
        self._folders.append(till)
        return till
