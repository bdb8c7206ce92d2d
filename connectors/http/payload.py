"""Bytes to JSON values, strictly: nothing that another reader of the same bytes could understand otherwise."""

import json
from decimal import Decimal
from typing import Any

from connectors.contract import Refused
from connectors.parsing.quantities import shorten

BODY_MAX_BYTES = 262_144
DEPTH_MAX = 32


class PayloadRefused(Refused):
    """The body as a whole is not usable. `status` answers it."""

    status = 400


def parse(body: bytes) -> dict[str, Any]:
    """The object that `body` holds; numbers with a fraction come as Decimal.

    A byte order mark before it is passed over, as RFC 8259, 8.1 allows.

    Raises PayloadRefused for what is not UTF-8 or JSON, is no object, names a key twice, says NaN, or is nested deeper
    than 32.
    """
    try:
        payload = _DECODER.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PayloadRefused(f"the body is not UTF-8: byte {error.start}") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise PayloadRefused(f"the body is not JSON: {error.msg} at {place}") from error
    except RecursionError as error:
        raise PayloadRefused(_TOO_DEEP) from error
    except PayloadRefused:
        raise
    except ValueError as error:  # an integer of thousands of digits
        raise PayloadRefused(f"the body is not usable: {error}") from error
    if not isinstance(payload, dict):
        raise PayloadRefused("the body is not a JSON object")
    _check_depth(payload)
    return payload


def _check_depth(payload: dict[str, Any]) -> None:
    level: list[Any] = [payload]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return
    raise PayloadRefused(_TOO_DEEP)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PayloadRefused(f"the key {shorten(twice)} is given twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise PayloadRefused(f"{name} is not a number")


_TOO_DEEP = f"the body is nested deeper than {DEPTH_MAX}"
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_no_constant)
