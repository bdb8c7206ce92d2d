"""Names of files as they come from outside."""

import os
import re

_SAFE_NAME_MAX = 150


def printable(name: str) -> str:
    """A file name that can be shown: bytes that are no text, and control characters, are escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def harmless(name: str) -> str:
    """A form of `name` with letters, digits and ordinary signs alone."""
    cleaned = re.sub(r"[^A-Za-z0-9._ ()+-]", "_", printable(name))[-_SAFE_NAME_MAX:].lstrip(".") or "file"
    return cleaned if cleaned[0].isalnum() else f"x{cleaned}"
