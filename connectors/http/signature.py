"""The signature of a webhook request: who sent it, unchanged, and not long ago.

    Commonshelf-Signature: t=1767225600,v1=<hex of HMAC-SHA256 of "1767225600." and the raw body>

The scheme is Stripe's (docs.stripe.com/webhooks). Several v1 may be given, and a store may have two secrets, so that
either side can change its secret without losing a request.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

from connectors.contract import Refused

HEADER = "Commonshelf-Signature"
TOLERANCE_S = 300
_HEADER_MAX_BYTES = 1_024
_SIGNATURES_MAX = 5
_TIME = re.compile(rb"t=([0-9]{1,12})")
_SIGNATURE = re.compile(rb"v1=([0-9a-f]{64})")


class SignatureRefused(Refused):
    """Not signed with a secret of the store, or too long ago. The text names the fault, and no secret."""


def sign(secret: bytes, body: bytes, at_s: int) -> str:
    """The header's value for `body`, sent at `at_s` (Unix time)."""
    return sign_with_all([secret], body, at_s)


def sign_with_all(secrets: Sequence[bytes], body: bytes, at_s: int) -> str:
    """As `sign`, with each of `secrets`: while one replaces the other, who checks may have either."""
    signatures = [f"v1={_digest(secret, body, str(at_s).encode()).decode()}" for secret in secrets]
    return ",".join([f"t={at_s}", *signatures])


def verify(headers: Sequence[bytes], body: bytes, secrets: Sequence[bytes], now_s: float) -> None:
    """Raise SignatureRefused unless `body` is signed with one of `secrets` within 300 s of `now_s`.

    headers: all values of the request's signature headers, as raw bytes; one is expected.
    """
    if len(headers) != 1:
        raise SignatureRefused(f"{len(headers)} {HEADER} headers; one is needed")
    at, signatures = _parse(headers[0])
    matches = False
    for secret in secrets:
        expected = _digest(secret, body, at)
        for given in signatures:
            # All pairs are compared: the time taken says nothing about which secret or signature was close.
            matches |= hmac.compare_digest(expected, given)
    if not matches:
        raise SignatureRefused(
            "the signature does not match; sign the raw bytes of the body, with the secret of this store"
        )
    if abs(now_s - int(at)) > TOLERANCE_S:
        raise SignatureRefused(f"t is more than {TOLERANCE_S} s away from our clock; sign each attempt anew")


def _parse(header: bytes) -> tuple[bytes, list[bytes]]:
    """The digits of t, and all v1. Elements of other names are left for later schemes."""
    malformed = SignatureRefused(f"{HEADER} is malformed; write t=<Unix time>,v1=<64 lower-case hex digits>")
    if len(header) > _HEADER_MAX_BYTES or not header.isascii():
        raise malformed
    times: list[bytes] = []
    signatures: list[bytes] = []
    for element in header.split(b","):
        part = element.strip()
        if part.startswith(b"t="):
            found = _TIME.fullmatch(part)
            times.append(found[1] if found else b"")
        elif part.startswith(b"v1="):
            found = _SIGNATURE.fullmatch(part)
            signatures.append(found[1] if found else b"")
    if len(times) != 1 or not times[0] or not 0 < len(signatures) <= _SIGNATURES_MAX or b"" in signatures:
        raise malformed
    return times[0], signatures


def _digest(secret: bytes, body: bytes, at: bytes) -> bytes:
    return hmac.new(secret, at + b"." + body, hashlib.sha256).hexdigest().encode()
