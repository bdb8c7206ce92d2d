"""Dead letters on a terminal and as JSON."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from commonshelf.commands.availability import units
from commonshelf.dead_letters.letters import Letter
from commonshelf.text import in_columns


def print_list(letters: Sequence[Letter], notes: Sequence[str | None]) -> None:
    """A line for each letter; `notes` say for each what stands against a replay."""
    if not letters:
        return
    rows = []
    for letter, note in zip(letters, notes, strict=True):
        state = letter.state if not letter.is_waiting else note or "ready to replay"
        if letter.is_waiting and letter.replay_of is not None:
            state = f"set aside again, of {letter.replay_of}: {state}"
        where = "/".join(filter(None, (letter.pool, letter.store))) or "?"
        rows.append((letter.place, time_text(letter.appended_at_ms), where, letter.reason, _what(letter), state))
    print(in_columns(("letter", "set aside (UTC)", "pool/store", "why", "what", "state"), rows))


def print_one(letter: Letter, note: str | None) -> None:
    """All that there is to know about a letter."""
    rows = {
        "letter": str(letter.place),
        "set aside (UTC)": time_text(letter.appended_at_ms),
        "was": str(letter.cause or "unknown"),
        "why": letter.reason,
        "message": letter.message,
        "state": letter.state,
    }
    if letter.replay_of is not None:
        rows["is of the replay of"] = str(letter.replay_of)
    if letter.outcome is not None:
        rows["done (UTC)"] = f"{time_text(letter.outcome.at_ms)}: {letter.outcome.reason}"
    if letter.outcome is not None and letter.outcome.replayed_to is not None:
        to = letter.outcome.replayed_to
        rows["replayed as"] = f"{to.topic}/{to.partition}/{to.offset}"
    if letter.again:
        rows["set aside again as"] = ", ".join(map(str, letter.again))
    if letter.is_waiting:
        rows["a replay"] = "would be taken" if note is None else f"would not help: {note}"
    event = letter.event
    if letter.lines and event is not None:
        source = event["source"]
        rows["event"] = f"{event['store']} {source['system']} {source['id']} version {source['version']}"
        rows["occurred (UTC)"] = time_text(event["occurred_at_ms"])
        rows["recorded (UTC)"] = time_text(event["recorded_at_ms"])
    elif event is not None:
        rows["value"] = json.dumps(event, default=str)
    else:
        rows["bytes"] = f"{len(letter.value or b'')}, starting {(letter.value or b'')[:24].hex()}"
    names = [f"{name}:" for name in rows]
    print(in_columns(("", ""), list(zip(names, rows.values(), strict=True))).lstrip("\n"))
    if letter.lines:
        lines = [
            (line["line_id"], line.get("kind") or (event or {}).get("kind", ""), line["code"],
             units(line["quantity_milli"]), line["unit"])
            for line in letter.lines
        ]  # fmt: skip
        print()
        print(in_columns(("line", "kind", "code", "quantity", "unit"), lines, ("quantity",)))


def _what(letter: Letter) -> str:
    if letter.lines:
        codes = list(dict.fromkeys(line["code"] for line in letter.lines))
        more = f" and {len(codes) - 2} more codes" if len(codes) > 2 else ""
        count = f"{len(letter.lines)} lines: " if len(letter.lines) > 1 else ""
        return count + ", ".join(codes[:2]) + more
    return letter.message


def time_text(at_ms: int) -> str:
    """UTC to the second; what no calendar has as the bare number."""
    try:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{at_ms} ms"


def as_plain(letter: Letter, blocker: str | None) -> dict[str, Any]:
    """A letter as JSON; `blocker` is what stands against a replay."""
    outcome = letter.outcome
    return {
        "letter": str(letter.place),
        "set_aside_at_ms": letter.appended_at_ms,
        "was": str(letter.cause) if letter.cause else None,
        "pool": letter.pool,
        "store": letter.store,
        "why": letter.reason,
        "message": letter.message,
        "state": letter.state,
        "blocker": blocker,
        "codes": list(dict.fromkeys(line["code"] for line in letter.lines)),
        "replay_of": str(letter.replay_of) if letter.replay_of else None,
        "again": [str(place) for place in letter.again],
        "outcome": None if outcome is None else outcome.model_dump(mode="json"),
    }
