"""Reads what a counter writes into the form for a part of an order. Pure."""

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

Form = Mapping[str, str]
Message = Mapping[str, Any]
_QUANTITY = re.compile(r"(\d{1,7})(?:[.,](\d{1,3}))?")


def goods_of(appointment: Message) -> str:
    """Stands for the goods of an appointment: others have another."""
    return blake2b(json.dumps(appointment.get("lines", ())).encode(), digest_size=8).hexdigest()


def handed_lines(appointment: Message, form: Form) -> list[dict[str, object]] | None:
    """The lines that were handed over, by the form's fields `line-1`, `line-2`, …; None when it is no such form, or one
    of a page that shows other goods than are ready now.
    """
    if form.get("goods") != goods_of(appointment):
        return None
    lines = []
    for number, line in enumerate(appointment.get("lines", ()), start=1):
        quantity = _milli(form.get(f"line-{number}", ""))
        if quantity is None or quantity > line["quantity_milli"]:
            return None
        lines.append({"line": line["line"], "quantity_milli": quantity})
    return lines or None


def _milli(text: str) -> int | None:
    """Thousandths of what is written: 1, 0.5 or 0,485."""
    found = _QUANTITY.fullmatch(text.strip() or "0")
    return None if found is None else 1000 * int(found[1]) + int((found[2] or "").ljust(3, "0"))
