"""Options that several commands share, and how a command ends with a sentence."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings file; ./commonshelf.toml if there is one.", show_default=False
    ),
]
BootstrapOption = Annotated[
    str | None,
    typer.Option(
        "--bootstrap", metavar="HOST:PORT", help="Kafka to talk to, instead of the settings' or the running one's."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, None: 1.0}


def parse_duration_s(text: str) -> float:
    """60s, 2m, 1.5h, 7d, 500ms; a bare number means seconds. Raises typer.BadParameter."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no duration; write it like 60s, 2m or 1h")
    return float(found.group(1)) * _SECONDS[found.group(2)]


def parse_since_ms(text: str) -> int:
    """36h, 7d, or a date or time in ISO 8601 (UTC if it does not say) → ms since 1970. Raises typer.BadParameter."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.now(UTC) - timedelta(seconds=parse_duration_s(text))
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


ForOption = Annotated[
    float | None,
    typer.Option(
        "--for", metavar="DURATION", parser=parse_duration_s, help="End by itself after so long: 60s, 2m, 1h."
    ),
]


def milli_of(units: str, name: str) -> int:
    """Thousandths of `units`, as a person writes them; what is no exact number ends the command. name: whose."""
    from connectors.contract import Refused
    from connectors.parsing.quantities import quantity_milli

    try:
        return quantity_milli(units)
    except Refused as refused:
        fail(f"{name} is {units!r}; write a number of units such as 2 or 0.5 ({refused})")


def fail(sentence: str) -> NoReturn:
    """Tell what is wrong and end with exit code 1."""
    typer.echo(f"shelf: {sentence}", err=True)
    raise typer.Exit(1)
