"""Tells a carrier of a pool's deliveries. The address joins a message as it is sent, and is kept nowhere."""

import json
from collections.abc import Callable, Mapping

import structlog

from connectors.carriers.message import STANDING
from connectors.carriers.source import Deliveries
from connectors.carriers.spec import Carrier
from connectors.context import AddressGone, PartnerContext
from connectors.contract import AccessRefused
from connectors.http.post import SignedPost
from connectors.http.secrets import Secrets
from connectors.outbound.teller import Post, Teller
from connectors.specs import SecretUnusable

_log = structlog.get_logger()


class AddressedPost:
    """Posts messages of deliveries, those that are to be delivered with the address.

    open_address: the address behind a reference; raises AddressGone, AccessRefused, Unavailable.
    """

    def __init__(self, post: Post, open_address: Callable[[str], Mapping[str, str]]) -> None:
        self._post = post
        self._open_address = open_address

    def __call__(self, key: str, body: bytes) -> None:
        """Raises as `Adapter.call`."""
        message = json.loads(body)
        if message["status"] in STANDING:
            message["address"] = self._address(message)
            body = json.dumps(message, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        self._post(key, body)

    def _address(self, message: Mapping[str, str]) -> Mapping[str, str] | None:
        """None for one that was erased: the carrier is told all else, and asks the store."""
        try:
            return self._open_address(message["address_ref"])
        except AddressGone:
            _log.warning(
                "a carrier is told of a delivery whose address was erased or has expired", task=message["task"]
            )
            return None


def make(options: Carrier, context: PartnerContext) -> Teller:
    """The factory that the entry point names. Raises SecretUnusable."""
    post: Post = SignedPost(
        options.url,
        Secrets(options.secret_sources()),
        options.request_timeout_s,
        shows_answers=False,  # a carrier may answer with what it was sent
    )
    key = options.vault_key
    if key is not None:
        advice = "make one with: ./shelf vault allow NAME carriers"
        key.read("vault key", advice)

        def open_address(reference: str) -> Mapping[str, str]:
            try:
                shown = key.read("vault key", advice).decode()
            except SecretUnusable as error:  # half-way through being replaced
                raise AccessRefused(str(error)) from error
            return context.open_address(shown, reference)

        post = AddressedPost(post, open_address)
    return Teller(options.pool, options.id, Deliveries(options.pool, context.follow, options.carries_for), post)
