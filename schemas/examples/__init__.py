"""Examples of every topic's records, for tests, pages and whoever writes a reader.

One JSON file per topic: a list of {"about", "key", "value"}. Values are plain JSON, with two spellings for what JSON
lacks: a union of several records is {"record name": {…}}, as in Avro's JSON encoding, and bytes are {"hex": "…"}.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Example:
    """A record of a topic: `value` is in the form that the topic's codec takes, `written` as the file has it."""

    topic: str
    about: str
    key: str
    value: Any
    written: Any


def examples(topic: str) -> list[Example]:
    """The examples of `topic`. Raises FileNotFoundError for a topic without any."""
    entries = json.loads((FOLDER / f"{topic}.json").read_text(encoding="utf-8"))
    return [Example(topic, e["about"], e["key"], _to_datum(e["value"]), e["value"]) for e in entries]


def _to_datum(written: Any) -> Any:
    match written:
        case {"hex": str(digits), **rest} if not rest:
            return bytes.fromhex(digits)
        case dict() if len(written) == 1 and next(iter(written)).startswith("commonshelf."):
            ((name, record),) = written.items()
            return name, _to_datum(record)
        case dict():
            return {name: _to_datum(value) for name, value in written.items()}
        case list():
            return [_to_datum(value) for value in written]
        case _:
            return written
