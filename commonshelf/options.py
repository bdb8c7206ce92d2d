"""Options that several commands share, and how a command ends with a sentence."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, get_type_hints

import typer

from commonshelf.text import one_line

if TYPE_CHECKING:
    from pydantic import BaseModel

    from commonshelf.stack.connection import Connection
    from schemas.models.reports import FulfilmentReport
    from schemas.models.requests import OrderRequest

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
PoolArgument = Annotated[str, typer.Argument(help="The pool.", show_default=False)]
StoreArgument = Annotated[str, typer.Argument(help="The store.", show_default=False)]

Checked = TypeVar("Checked", bound="BaseModel")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Where:
    """The Kafka that a command is about."""

    config: ConfigOption = None
    bootstrap: BootstrapOption = None

    def connect(self) -> "Connection":
        """Raises NothingRunsError or SettingsError."""
        from commonshelf.stack.connection import connect

        return connect(self.config, self.bootstrap)


@dataclass(frozen=True)
class Asking:
    """The way of a request, and of its answer."""

    config: ConfigOption = None
    bootstrap: BootstrapOption = None
    wait_s: Annotated[float, typer.Option("--wait-s", min=0, help="How long to wait for the pool's answer.")] = 20
    as_json: JsonOption = False

    def connect(self) -> "Connection":
        """Raises NothingRunsError or SettingsError."""
        return Where(self.config, self.bootstrap).connect()

    def ask(self, event: "OrderRequest | FulfilmentReport", key: str) -> dict[str, Any]:
        """The pool's answer to the request or the report called `key`. Raises NoAnswerError and what `connect` does."""
        from commonshelf.desks.orders import ask

        return ask(self.connect(), event, key, self.wait_s)


def checked(
    model: type[Checked], plain: Mapping[str, Any], what: str = "the request", *, shows_input: bool = False
) -> Checked:
    """The record of what was typed; what is no such record ends the command with a sentence.

    shows_input: the sentence may repeat what was typed.
    """
    from pydantic import ValidationError

    from schemas.models.forms import first_problem

    try:
        return model.model_validate(plain)
    except ValidationError as error:
        fail(first_problem(error, what, shows_input=shows_input))


def with_groups(command: Callable[..., Result]) -> Callable[..., Result]:
    """The command with its options written out: a parameter that is a dataclass stands for the dataclass's fields."""
    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[type[Any], list[str]]] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        kind = hints[name]
        if not is_dataclass(kind):
            parameters.append(parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=kind))
            continue
        assert isinstance(kind, type)
        written = get_type_hints(kind, include_extras=True)
        groups[name] = kind, [field.name for field in fields(kind)]
        parameters += [
            inspect.Parameter(field.name, parameter.KEYWORD_ONLY, default=field.default, annotation=written[field.name])
            for field in fields(kind)
        ]

    @wraps(command)
    def grouped(**values: Any) -> Result:
        made = {name: kind(**{one: values.pop(one) for one in names}) for name, (kind, names) in groups.items()}
        return command(**values, **made)

    shown: Any = grouped
    shown.__signature__ = inspect.Signature(parameters)
    shown.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return grouped


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


def amount(text: str) -> tuple[str, int]:
    """MILK-1L=2 → its name and thousandths; what is no such thing ends the command."""
    name, _, units = text.rpartition("=")
    if not name:
        fail(f"{text!r} must be a name and a number of units, such as MILK-1L=2 or HAM=0.5")
    return name, milli_of(units, name)


def moment_ms(text: str, zone: tzinfo, name: str) -> int:
    """A date, or a date and time, in `zone` unless it names an offset; ms since 1970. What is none ends the command.

    name: of the option.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{name} is {text!r}; write a date such as 2026-11-28, or a date and time such as 2026-11-28T18:00")
    return int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)


def deadline_ms(text: str, zone: tzinfo) -> int:
    """18:00 (the next one in `zone`), a duration from now, or a date and time; ms since 1970. Ends the command else."""
    now = datetime.now(zone)
    try:
        at = datetime.combine(now, time.fromisoformat(text), zone)
        return int((at if at > now else at + timedelta(days=1)).timestamp() * 1000)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)
    except ValueError:
        pass
    try:
        return int((now + timedelta(seconds=parse_duration_s(text))).timestamp() * 1000)
    except typer.BadParameter:
        fail(f"{text!r} is no time; write it like 18:00, 2h or 2026-11-28T18:00")


def fail(sentence: str) -> NoReturn:
    """Tell what is wrong and end with exit code 1."""
    for line in f"shelf: {sentence}".split("\n"):
        typer.echo(one_line(line), err=True)
    raise typer.Exit(1)
