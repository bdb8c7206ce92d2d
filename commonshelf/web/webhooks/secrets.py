"""The secrets that sign webhooks: each follows from one key of the server and the subscription, and is kept nowhere.

Who makes a subscription (`worker http`) and who calls (`worker agents`) have the same key: from the environment where
`webhooks.key_env` names a variable, else from a file in the data folder, which the first who needs it makes.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from commonshelf.config.settings import Settings
from commonshelf.embedded_kafka.private_files import write_private
from connectors.specs import SecretSource
from messaging.clock import wall_clock_ms
from schemas.models.webhooks import WebhookSubscription

_FILE = "webhooks.key"
_KEY_BYTES, _MARK_LETTERS = 32, 16
PREFIX = "whsec_"


def server_key(settings: Settings) -> bytes:
    """The key of this installation's webhooks. Raises SecretUnusable, OSError."""
    if settings.webhooks.key_env is not None:
        return SecretSource(env=settings.webhooks.key_env).read("key of the webhooks")
    file = settings.data_dir / _FILE
    if not file.exists():
        _make(file)
    return SecretSource(file=file).read("key of the webhooks")


def secret_of(key: bytes, subscription: WebhookSubscription, version: int) -> str:
    """The secret of a subscription, in that version of it: what its holder is shown once, and checks messages with."""
    named = "/".join((subscription.pool, subscription.webhook, str(version)))
    return PREFIX + hmac.new(key, named.encode(), hashlib.sha256).hexdigest()


def mark_of(key: bytes) -> str:
    """Tells one key of the webhooks from another, and nothing about either."""
    return hmac.new(key, b"mark", hashlib.sha256).hexdigest()[:_MARK_LETTERS]


class Signing:
    """The secrets that a subscription's messages are signed with: the present one, and for a time the one before."""

    def __init__(
        self, key: bytes, subscription: Callable[[], WebhookSubscription], now_ms: Callable[[], int] = wall_clock_ms
    ) -> None:
        self._key = key
        self._subscription = subscription
        self._now_ms = now_ms

    def to_sign(self) -> list[bytes]:
        found = self._subscription()
        versions = [found.secret_version]
        if found.secret_version > 1 and self._now_ms() < found.previous_until_ms:
            versions.append(found.secret_version - 1)
        return [secret_of(self._key, found, version).encode() for version in versions]


def _make(file: Path) -> None:
    """Put a new key there, unless another process has done so in the meantime: then that one stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    write_private(new, secrets.token_hex(_KEY_BYTES))
    with suppress(FileExistsError):
        os.link(new, file)
    new.unlink()
