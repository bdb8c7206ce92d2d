"""The governance document of an agreement, for the members to sign."""

from collections.abc import Sequence

from schemas.models.agreement import Agreement
from streams.settlement.agreements.words import explained, worked_example

_PAGE = """# Agreement of the members of {pool}
Version {version}

## What we agree on
{terms}

## An example
{example}

## How it is kept
Each of us keeps its own books. The pool's journal says what happened: what was sold, handed over, transferred, counted
and lost. From it alone follows who owes whom; every amount names the entry of the journal and this version. A window
that has closed is not changed: what becomes known later counts in the next one, under a heading of its own.

Who does not accept an amount opens a dispute that names it, until the end of the window after the one in which it was
posted. How a dispute ends is posted as a correction that names the dispute.

A new version holds from the day that it names. It is put to all members before that day, with what it would have
changed for each of them in the last month.

## Signed
| member | name | place and date | signature |
|---|---|---|---|
{members}
"""


def document(agreement: Agreement, pool: str, members: Sequence[str]) -> str:
    """Markdown with the agreement's values filled in; a row to sign in for each member."""
    return _PAGE.format(
        pool=pool,
        version=agreement.version,
        terms="\n".join(f"{number}. {sentence}" for number, sentence in enumerate(explained(agreement), 1)),
        example="\n".join(f"- {line.strip()}" for line in worked_example(agreement)),
        members="\n".join(f"| {member} | | | |" for member in members or ("", "", "")),
    )
