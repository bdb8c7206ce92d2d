"""Tokens of the API, `cs_KEYID_SECRET`, as a key's holder sends them, and the digest that is kept of one."""

import hashlib
import hmac
import secrets

from schemas.types.access import ApiKey

_PREFIX = "cs"
_ID_BYTES, _SECRET_BYTES = 6, 32
_TOKEN_MAX = 200


def new_key_id() -> str:
    return secrets.token_hex(_ID_BYTES)


def new_secret() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def token_of(key_id: str, secret: str) -> str:
    """What the holder sends."""
    return f"{_PREFIX}_{key_id}_{secret}"


def digest_of(secret: str) -> str:
    """SHA-256, hexadecimal: enough for a secret of 256 random bits, which nobody guesses."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_parts(token: str) -> tuple[str, str] | None:
    """(key id, secret) of what a holder sends; None for what is no such thing."""
    if len(token) > _TOKEN_MAX or not token.isascii():
        return None
    prefix, _, rest = token.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == _PREFIX and key_id and secret else None


def opens(key: ApiKey, secret: str, now_ms: int) -> bool:
    """Whether the secret is the key's now. It takes as long for a wrong one as for the right one."""
    digest = digest_of(secret)
    is_current = hmac.compare_digest(digest, key["digest"])
    is_previous = hmac.compare_digest(digest, key["previous_digest"] or "-") and now_ms < key["previous_until_ms"]
    has_ended = [
        at_ms for at_ms in (key["expires_at_ms"], key["revoked_at_ms"]) if at_ms is not None and at_ms <= now_ms
    ]
    return (is_current or is_previous) and not has_ended
