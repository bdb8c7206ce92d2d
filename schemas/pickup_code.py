"""The digest of a customer's code: what the pool keeps of it, and compares with.

The customer's side draws the code at random, from at least 40 bits, and gives the pool the digest alone: a short code
could be found from it by trying all.
"""

from hashlib import blake2b


def code_digest(pool: str, order: str, code: str) -> str:
    """32 hexadecimal digits; the same code of another order has others."""
    return blake2b(f"{pool}/{order}/{code}".encode(), digest_size=16).hexdigest()
