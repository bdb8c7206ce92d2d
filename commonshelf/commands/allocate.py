"""`allocate`: which stores fill an order, by the published formula, and why."""

import json
import sys
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.commands.named_files import read_file
from commonshelf.options import JsonOption, fail
from commonshelf.text import units

if TYPE_CHECKING:
    from streams.allocation import Answer, Case


def allocate(
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The case; standard input if left out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Work out which stores fill an order: anybody can check a decision. The form of a case is in docs/allocation.md.

    Example: ./shelf allocate < case.json

    Example: ./shelf allocate --file case.json --json
    """
    from streams.allocation import allocate as solve
    from streams.allocation.case_file import answer_as_json, read_case

    case, policy = read_case(_text(file))
    answer = solve(case, policy)
    if as_json:
        print(json.dumps(answer_as_json(answer), indent=1))
    else:
        print("\n".join(_told(case, answer)))


def _text(file: Path | None) -> bytes:
    if file is None:
        if sys.stdin.isatty():
            fail("there is no case: ./shelf allocate --file case.json, or ./shelf allocate < case.json")
        return sys.stdin.buffer.read()
    return read_file(file)


def _told(case: "Case", answer: "Answer") -> list[str]:
    short = {one.line_id: one.missing_milli for one in answer.short}
    stores = ", ".join(answer.stores()) or "no store"
    filled = sum(line.line_id not in short for line in case.lines)
    told = [f"{filled} of {len(case.lines)} lines filled, from {stores}"]
    for line in case.lines:
        parts = [
            f"{share.store} {units(share.quantity_milli)}" for share in answer.shares if share.line_id == line.line_id
        ]
        if line.line_id in short:
            parts.append(f"missing {units(short[line.line_id])}")
        told.append(f"  {line.line_id}: {units(line.quantity_milli)} of {line.sku}: {', '.join(parts)}")
    terms = [f"{_words(term)} {units(cost)}" for term, cost in answer.costs._asdict().items() if cost]
    cost = f"cost {units(answer.costs.total())} minor units: {', '.join(terms) or 'nothing'}"
    told += wrap(cost, 100, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    if answer.runner_up is not None:
        more = answer.runner_up.cost_milli_minor - answer.costs.total()
        told.append(f"next best: {', '.join(answer.runner_up.stores) or 'filling nothing'}, {units(more)} more")
    told += [f"not {refusal.store}: {_words(refusal.reason)}" for refusal in answer.refused]
    return told


def _words(name: str) -> str:
    return name.replace("_", " ")
