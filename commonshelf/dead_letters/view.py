"""Dead letters on a terminal and as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from commonshelf.config.pool_config import PoolConfigs
from commonshelf.dead_letters.letters import Letter
from commonshelf.dead_letters.replays import Replayed
from commonshelf.text import counted, one_line, print_table, time_text, units

_LEFT_SHOWN = 8


def print_list(letters: Sequence[Letter], notes: Sequence[str | None], settings: PoolConfigs) -> None:
    """A line for each letter, its time in its pool's zone; `notes` say for each what stands against a replay."""
    if not letters:
        return
    rows = []
    for letter, note in zip(letters, notes, strict=True):
        state = letter.state if not letter.is_waiting else note or "ready to replay"
        if letter.is_waiting and letter.replay_of is not None:
            state = f"set aside again, of {letter.replay_of}: {state}"
        where = "/".join(filter(None, (letter.pool, letter.store))) or "?"
        rows.append(
            (
                letter.place,
                time_text(letter.appended_at_ms, settings.zone(letter.pool)),
                where,
                letter.reason,
                _what(letter),
                state,
            )
        )
    print_table(("letter", "set aside", "pool/store", "why", "what", "state"), rows)


def print_one(letter: Letter, note: str | None, settings: PoolConfigs) -> None:
    """All that there is to know about a letter, its times in its pool's zone."""
    zone = settings.zone(letter.pool)
    rows = {
        "letter": str(letter.place),
        "set aside": time_text(letter.appended_at_ms, zone),
        "was": str(letter.cause or "unknown"),
        "why": letter.reason,
        "message": letter.message,
        "state": letter.state,
    }
    if letter.replay_of is not None:
        rows["is of the replay of"] = str(letter.replay_of)
    if letter.outcome is not None:
        rows["done"] = f"{time_text(letter.outcome.at_ms, zone)}: {letter.outcome.reason}"
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
        rows["occurred"] = time_text(event["occurred_at_ms"], zone)
        rows["recorded"] = time_text(event["recorded_at_ms"], zone)
    elif event is not None:
        rows["value"] = json.dumps(event, default=str)
    else:
        rows["bytes"] = f"{len(letter.value or b'')}, starting {(letter.value or b'')[:24].hex()}"
    margin = max(map(len, rows)) + 3
    for name, value in rows.items():
        print(f"{f'{name}:':{margin}}{one_line(value)}")
    if letter.lines:
        lines = [
            (line["line_id"], line.get("kind") or (event or {}).get("kind", ""), line["code"],
             units(line["quantity_milli"]), line["unit"])
            for line in letter.lines
        ]  # fmt: skip
        print()
        print_table(("line", "kind", "code", "quantity", "unit"), lines, ("quantity",))


def _what(letter: Letter) -> str:
    if letter.lines:
        codes = list(dict.fromkeys(line["code"] for line in letter.lines))
        more = f" and {counted(len(codes) - 2, 'more code')}" if len(codes) > 2 else ""
        count = f"{len(letter.lines)} lines: " if len(letter.lines) > 1 else ""
        return count + ", ".join(codes[:2]) + more
    return letter.message


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


def print_replay(done: Replayed) -> None:
    """One sentence about a replay."""
    if not done.published and not done.superseded:
        print("nothing to replay")
        return
    parts = [f"{counted(done.published, 'letter')} replayed"]
    if done.superseded:
        parts.append(f"{done.superseded} not needed any more, for their lines were taken meanwhile")
    if done.verdict is None:
        parts.append("the pool's workers have not taken them yet: `./shelf doctor` tells whether they run")
    else:
        parts.append(f"{counted(done.verdict.applied, 'line')} applied")
        if done.verdict.absorbed:
            parts.append(f"{done.verdict.absorbed} known already")
        if done.verdict.set_aside:
            parts.append(f"{done.verdict.set_aside} set aside again (./shelf dlq list)")
    print("; ".join(parts))


def replay_as_plain(done: Replayed) -> dict[str, Any]:
    """A replay as JSON. `verdict` is null when the workers have not taken the records yet."""
    verdict = done.verdict
    return {
        "replayed": done.published,
        "superseded": done.superseded,
        "left": [{"letter": str(letter.place), "blocker": note} for letter, note in done.left],
        "verdict": None if verdict is None else vars(verdict),
    }


def print_left(left: Sequence[tuple[Letter, str]]) -> None:
    """Print the letters that a replay left, by what stands against it."""
    by_note: dict[str, list[Letter]] = {}
    for letter, note in left:
        by_note.setdefault(note, []).append(letter)
    most = sorted(by_note.items(), key=lambda one: -len(one[1]))
    for note, letters in most[:_LEFT_SHOWN]:
        print(f"left {len(letters)}: {note} (such as {letters[0].place})")
    if len(most) > _LEFT_SHOWN:
        print(f"left {sum(len(letters) for _, letters in most[_LEFT_SHOWN:])} more for other causes; see dlq list")
