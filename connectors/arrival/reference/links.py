"""Links to the app's pages. Who has one may use the page: it carries a proof that only the secret's holder can make.

Nothing of a customer's code is stored: it is in the link alone.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

_PROOF_BYTES = 16
_CODE_BYTES = 5
"""40 bits, the least that the pool's digest of a code is safe with."""


def new_code() -> str:
    """A customer's code, drawn at random: eight letters and digits that are not taken for each other."""
    return base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()


def customer_path(secret: bytes, partner: str, order: str, code: str) -> str:
    """The path of a customer's page. code: may be empty, when the counter asks for none."""
    return f"/{partner}/customer/{order}/{code or '-'}/{_proof(secret, 'customer', order, code or '-')}"


def counter_path(secret: bytes, partner: str, place: str) -> str:
    """The path of the page of a place's counter."""
    return f"/{partner}/counter/{place}/{_proof(secret, 'counter', place)}"


def is_proven(known: Sequence[bytes], proof: str, *content: str) -> bool:
    """Whether `proof` was made of `content` with one of the known secrets."""
    matches = False
    for secret in known:
        matches |= hmac.compare_digest(_proof(secret, *content).encode(), proof.encode())
    return matches


def _proof(secret: bytes, *content: str) -> str:
    digest = hmac.new(secret, "/".join(("page", *content)).encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_PROOF_BYTES]).decode().rstrip("=")
