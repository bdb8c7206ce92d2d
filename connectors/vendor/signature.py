"""The schemes by which vendors sign webhooks: over the raw bytes, compared in constant time, two secrets at most.

None of these schemes covers a time, so nothing here can refuse an old request; that a repeat changes nothing is
the pool's doing (source id and version).
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence

from connectors.contract import Delivery
from connectors.http.signature import SignatureRefused

Expected = Callable[[bytes, bytes], bytes]
"""(secret, body) → what the header must say."""

_HEADER_MAX_BYTES = 1_024


def hmac_sha256_base64(secret: bytes, body: bytes) -> bytes:
    """Shopify's and WooCommerce's scheme; Square's with its URL before the body."""
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest())


def hmac_sha1_base64(secret: bytes, body: bytes) -> bytes:
    """Loyverse's scheme: what broke SHA-1 are collisions, which a keyed digest does not rest on (RFC 6194, 3.3)."""
    return base64.b64encode(hmac.new(secret, body, hashlib.sha1).digest())


def static_code(secret: bytes, _body: bytes) -> bytes:
    """Clover's scheme: the code itself. It proves the sender, not the body, so fetch what it names."""
    return secret


def require(delivery: Delivery, header: str, secrets: Sequence[bytes], expected: Expected, prefix: bytes = b"") -> None:
    """Raise SignatureRefused unless the one `header` is what `expected` makes of the body with one of `secrets`.

    prefix: signed before the body.
    """
    given = delivery.header(header)
    if len(given) != 1 or len(given[0]) > _HEADER_MAX_BYTES:
        raise SignatureRefused(f"{len(given)} {header} headers; one of a usual length is needed")
    matches = False
    for secret in secrets:
        # Each is compared: the time taken says nothing about which secret was close.
        matches |= hmac.compare_digest(expected(secret, prefix + delivery.body), given[0])
    if not matches:
        raise SignatureRefused("the signature does not match the raw body and the secrets of this store")
