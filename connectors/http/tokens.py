"""Tokens that end by themselves: renewed before they end, and when the vendor refuses one.

Two grants of OAuth 2.0 (RFC 6749). With client credentials (4.4) an application gets a token whenever it asks; such a
token lives in memory alone. With a refresh token (6) it gets a pair, of which many vendors let the refresh token serve
once; the pair lives in two files of mode 0600.

    token = RenewedToken(endpoint, token_file, refresh_file, lambda: [{"client_id": …}], renew_after_s=7 * 86_400)

What dies between the vendor's answer and its keeping has lost the new pair. So the token is renewed while the one in
use is good for days: it serves on, and the log says at each attempt what to do.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import structlog

from connectors.contract import AccessRefused, Unavailable
from connectors.http.client import NotFound, answer_of, api_client
from connectors.specs import SecretSource, SecretUnusable

RETRY_S = 600.0
"""So long after a renewal ahead of time failed comes the next."""
_ROOM_BYTES = 8192
"""For a token, kept free on the disk before one is asked for."""
_MARGIN = 24
"""A granted token is renewed when this fraction of its life is left: an hour of a day."""
_log = structlog.get_logger()

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Grant:
    """The vendor's answer. refresh: the refresh token from now on, if it says one. lasts_s: the token's life."""

    token: str
    refresh: str | None
    lasts_s: float | None


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """The place where a vendor gives tokens. advice: to the operator, when it gives none. is_form: else JSON is sent.

    base_url: of the vendor's API. timeout_s: of one request.
    """

    vendor: str
    base_url: str
    path: str
    timeout_s: float
    advice: str
    is_form: bool = True

    def ask(self, requests: Sequence[Fields]) -> Grant:
        """The answer to the first of `requests` that is not refused. Raises AccessRefused, Unavailable."""
        refused = AccessRefused(f"{self.vendor} gave no new token; {self.advice}")
        for fields in requests:
            sent: dict[str, Any] = {"data": dict(fields)} if self.is_form else {"json": dict(fields)}
            with api_client(self.base_url, None, timeout_s=self.timeout_s) as client:
                response = client.post(self.path, headers={"Accept": "application/json"}, **sent)
            try:
                if response.status_code == httpx.codes.BAD_REQUEST:  # RFC 6749, 5.2
                    continue
                return _grant(answer_of(response))
            except (AccessRefused, NotFound, LookupError, TypeError, ValueError):
                continue
        raise refused


def _grant(answer: Any) -> Grant:
    """Raises LookupError, TypeError or ValueError for what is none."""
    token, refresh, lasts_s = answer["access_token"], answer.get("refresh_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(refresh, str | None):
        raise TypeError("no token")
    return Grant(token, refresh or None, None if lasts_s is None else float(lasts_s))


class GrantedToken:
    """The token of an application that may ask for one whenever it wants. requests: of it, tried in order.

    monotonic_s: the clock.
    """

    def __init__(
        self,
        endpoint: TokenEndpoint,
        requests: Callable[[], Sequence[Fields]],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._requests = requests
        self._monotonic_s = monotonic_s
        self._token: str | None = None
        self._renew_at_s = self._ends_at_s = float("inf")
        self._lock = threading.Lock()

    def current(self) -> str:
        """Raises AccessRefused, Unavailable."""
        with self._lock:
            now_s = self._monotonic_s()
            if self._token is not None and now_s < self._renew_at_s:
                return self._token
            try:
                return self._ask()
            except (AccessRefused, Unavailable) as error:
                if self._token is None or now_s >= self._ends_at_s:
                    raise
                _tell(self._endpoint, error)
                self._renew_at_s = now_s + RETRY_S
                return self._token

    def replaced(self, refused: str) -> str | None:
        """Another token than the one that was refused. Raises AccessRefused, Unavailable."""
        with self._lock:
            found = self._ask() if self._token == refused or self._token is None else self._token
            return found if found != refused else None

    def _ask(self) -> str:
        grant = self._endpoint.ask(self._requests())
        now_s, lasts_s = self._monotonic_s(), grant.lasts_s or float("inf")
        self._token, self._ends_at_s = grant.token, now_s + lasts_s
        self._renew_at_s = now_s + lasts_s - lasts_s / _MARGIN if grant.lasts_s else float("inf")
        return grant.token


class RenewedToken:
    """The token of two files, both written anew with each renewal. Raises SecretUnusable when there is none.

    Several connectors and commands, of one process or many, may share the files: one renews, the others take what it
    kept. requests: fields of the request beside the refresh token, tried in order. renew_after_s: the age of the token
    file at which the token is renewed. now_s: the clock, Unix time.
    """

    def __init__(
        self,
        endpoint: TokenEndpoint,
        token_file: Path,
        refresh_file: Path,
        requests: Callable[[], Sequence[Fields]],
        renew_after_s: float,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = endpoint
        self._token_file = token_file
        self._refresh_file = refresh_file
        self._requests = requests
        self._renew_after_s = renew_after_s
        self._now_s = now_s
        self._retry_at_s = 0.0
        self._lock = threading.Lock()
        self._read(refresh_file, "refresh token")
        self._token = self._read(token_file, "token")

    def current(self) -> str:
        if self._is_due() and self._lock.acquire(blocking=False):
            try:
                self._retry_at_s = self._now_s() + RETRY_S
                self._token = self._renewed(self._token)
            except (AccessRefused, Unavailable) as error:
                _tell(self._endpoint, error)
            finally:
                self._lock.release()
        return self._token

    def replaced(self, refused: str) -> str | None:
        """Another token than the one that was refused. Raises AccessRefused, Unavailable."""
        with self._lock:
            if self._token == refused:
                self._token = self._renewed(refused)
            return self._token if self._token != refused else None

    def _is_due(self) -> bool:
        if self._now_s() < self._retry_at_s:
            return False
        try:
            return self._now_s() - self._token_file.stat().st_mtime >= self._renew_after_s
        except OSError:
            return False

    def _renewed(self, old: str) -> str:
        """A new token, kept before it is returned; that of the file, when somebody put another one there."""
        try:
            with _locked(self._refresh_file):
                there = self._read(self._token_file, "token")
                if there != old:
                    return there
                refresh = self._read(self._refresh_file, "refresh token")
                # Opened first: what cannot be written shows before the refresh token is spent.
                with _Replacement(self._refresh_file) as kept_refresh, _Replacement(self._token_file) as kept_token:
                    grant = self._endpoint.ask([{**fields, "refresh_token": refresh} for fields in self._requests()])
                    # The refresh token first: with it, the other can be had again.
                    if grant.refresh is not None and grant.refresh != refresh:
                        kept_refresh.write(grant.refresh)
                    kept_token.write(grant.token)
                return grant.token
        except OSError as error:
            raise AccessRefused(
                f"{self._endpoint.vendor}'s tokens cannot be kept in {self._token_file} and {self._refresh_file}: "
                f"{error.strerror}; the connector must be able to write both files and their folders"
            ) from error
        except SecretUnusable as error:
            raise AccessRefused(str(error)) from error

    def _read(self, file: Path, what: str) -> str:
        source = SecretSource(file=file)
        return source.read(f"{self._endpoint.vendor} {what}", self._endpoint.advice).decode()


class _Replacement:
    """A file that may be written anew, readable by its owner alone, whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.new")

    def __enter__(self) -> Self:
        self._fd = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(self._fd, 0o600)
            os.posix_fallocate(self._fd, 0, _ROOM_BYTES)
        except OSError:
            os.close(self._fd)
            raise
        return self

    def write(self, content: str) -> None:
        """Return when the disk has it."""
        size_bytes = os.write(self._fd, content.encode())
        os.ftruncate(self._fd, size_bytes)
        os.fsync(self._fd)
        self._part.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)
        self._part.unlink(missing_ok=True)


@contextmanager
def _locked(refresh_file: Path) -> Iterator[None]:
    """Keep other processes from spending the same refresh token."""
    lock = refresh_file.with_name(f".{refresh_file.name}.lock")
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _tell(endpoint: TokenEndpoint, error: Exception) -> None:
    _log.error(
        "the token is not renewed yet; the one in use serves until it ends",
        vendor=endpoint.vendor, reason=str(error), again_in_s=RETRY_S,
    )  # fmt: skip
