"""Our own writes at a vendor carry a mark, so that they are known again when the vendor tells them back."""

MARK = "commonshelf:"
"""Begins every reference or idempotency key that we give to a vendor."""


def is_ours(reference: object) -> bool:
    """True for a reference that one of our writes gave."""
    return isinstance(reference, str) and reference.startswith(MARK)
