"""The sources of settings, strongest first: the caller, COMMONSHELF_… variables, a TOML file, defaults."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from commonshelf.config.resolved import UnreadableSettingsError, resolved_text
from commonshelf.config.settings import DEFAULT_CONFIG_FILE, Settings
from connectors.installed import ConnectorType, installed
from connectors.partners import PartnerType, installed_partners
from messaging.errors import UserError
from schemas.models.forms import problem_text

ENV_PREFIX = "COMMONSHELF_"
OTHER_VARIABLES = {
    "COMMONSHELF_CONFIG": "names the settings file",
    "COMMONSHELF_CACHE": "where downloads are kept",
    "COMMONSHELF_JAVA": "the Java to use",
    "COMMONSHELF_MAVEN_URL": "a mirror of Maven Central",
    "COMMONSHELF_LOG_LEVEL": "what the workers log: DEBUG, INFO, WARNING",
    "COMMONSHELF_TEST_BOOTSTRAP": "a Kafka for the tests",
    "COMMONSHELF_VAULT_KEY": "a caller's key to the vault",
}
"""Variables with our prefix that are no settings."""

_SECRET_KEY = re.compile(r"password|secret|token", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"://[^/@]*:.*@|password=", re.IGNORECASE)


class SettingsError(UserError):
    """The settings cannot be used; the text has one sentence per problem: where, what, and what is allowed."""


@dataclass(frozen=True)
class Loaded:
    """Settings and, per key path, where the value came from; a path that is missing there has its default."""

    settings: Settings
    file: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin_of(self, path: str) -> str:
        """The source of the value at `path`, or of the table around it that was written as one."""
        return self.origins.get(path) or next(
            (origin for known, origin in self.origins.items() if path.startswith((f"{known}.", f"{known}["))), "default"
        )


def load(
    config: Path | None = None,
    env: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] | None = None,
) -> Loaded:
    """Read the settings.

    config: the file; without it COMMONSHELF_CONFIG, then ./commonshelf.toml if there is one, else no file.
    overrides: key path ("kafka.bootstrap_servers") → value, from the command line.

    Raises SettingsError.
    """
    file = _choose_file(config, env)
    raw, origins = _read_file(file) if file else ({}, {})
    for name, path in environment_names().items():
        if name in env:
            _put(raw, path, env[name])
            origins[path] = f"environment variable {name}"
    for path, value in (overrides or {}).items():
        _put(raw, path, value)
        origins[path] = "command line"
    try:
        settings = Settings.model_validate(raw, context={"base": file.parent if file else Path()})
    except ValidationError as error:
        raise SettingsError("\n".join(_sentences(error, file, origins))) from None
    try:
        resolved_text(settings)
    except UnreadableSettingsError as error:
        raise SettingsError(f"{file or 'settings'}: {error}") from None
    return Loaded(settings, file, origins)


def environment_names() -> dict[str, str]:
    """COMMONSHELF_… variable → key path, for every setting that is not inside a list."""
    return {ENV_PREFIX + path.replace(".", "_").upper(): path for path in _scalar_paths(Settings, "")}


def unknown_variables(env: Mapping[str, str], names_in_use: set[str]) -> dict[str, str]:
    """Variables with our prefix that mean nothing (a typing error?) → the nearest name that does."""
    known = [*environment_names(), *OTHER_VARIABLES, *names_in_use]
    strange = (name for name in env if name.startswith(ENV_PREFIX) and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), "") for name in sorted(strange)}


def _choose_file(config: Path | None, env: Mapping[str, str]) -> Path | None:
    named = config or (Path(env["COMMONSHELF_CONFIG"]) if env.get("COMMONSHELF_CONFIG") else None)
    if named is None:
        return DEFAULT_CONFIG_FILE if DEFAULT_CONFIG_FILE.is_file() else None
    if not named.is_file():
        raise SettingsError(f"there is no settings file {named}; correct the path, or write the file")
    return named


def _read_file(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        text = file.read_bytes().decode("utf-8")
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {error}; correct that line") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file} is not UTF-8 text; save it in that encoding") from None
    except OSError as error:
        raise SettingsError(f"cannot read {file} ({error.strerror}); check its owner and rights") from None
    lines = _line_numbers(text)
    return raw, {path: f"{file}:{_nearest(lines, path)}" for path, _ in flatten(raw)}


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(key path, value) of every leaf of nested tables; lists of plain values are leaves."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        for index, inner in enumerate(value):
            yield from flatten(inner, f"{path}[{index}]")
    elif path:
        yield path, value


_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\s-]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.-]+)\s*=")


def _line_numbers(text: str) -> dict[str, int]:
    """Key path → line of a TOML text, for the usual ways to write it; what it misses has no line of its own."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _current_path(header.group(2), counts, starts_entry=header.group(1) == "[[")
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(f"{table}.{key.group(1)}" if table else key.group(1), number)
    return found


def _current_path(name: str, counts: dict[str, int], *, starts_entry: bool) -> str:
    """The place of a path: stores.connectors → stores[2].connectors[0], by the entries begun so far."""
    path = ""
    parts = [part.strip() for part in name.split(".")]
    for at, part in enumerate(parts):
        path = f"{path}.{part}" if path else part
        if starts_entry and at == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = f"{path}[{counts[path]}]"
    return path


def _nearest(lines: Mapping[str, int], path: str) -> int:
    while path and path not in lines:
        path = re.sub(r"(\.[^.\[]+|\[\d+\]|^[^.\[]+)$", "", path)
    return lines.get(path, 1)


def _scalar_paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _scalar_paths(kind, f"{prefix}{name}.")
        elif name not in ("pools", "stores", "partners"):
            yield prefix + name


def _put(raw: dict[str, Any], path: str, value: Any) -> None:
    *tables, last = path.split(".")
    for table in tables:
        inner = raw.setdefault(table, {})
        if not isinstance(inner, dict):
            return  # the file has nonsense there, which the check of the whole reports
        raw = inner
    raw[last] = value


def _sentences(error: ValidationError, file: Path | None, origins: Mapping[str, str]) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        path = _dotted(problem["loc"])
        where = origins.get(path) or next((o for p, o in origins.items() if path and p.startswith(path)), None)
        yield f"{where or file or 'settings'}: {_sentence(path, problem)}"


def _dotted(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in _kinds():  # pydantic names the variant of a union; nobody wrote it
            path += f".{part}" if path else part
    return path


def _sentence(path: str, problem: Any) -> str:
    kind, loc = problem["type"], problem["loc"]
    if kind == "extra_forbidden":
        allowed = _allowed_keys(loc[:-1])
        near = difflib.get_close_matches(str(loc[-1]), allowed, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        if _SECRET_KEY.search(str(loc[-1])):
            hint = "secrets do not belong in this file: name a variable or a file that holds it. "
        return f"{path} is no setting; {hint}allowed here: {', '.join(allowed)}"
    if kind == "missing":
        return f"{path} is missing; add it"
    if kind.startswith("union_tag"):
        return f"{path}.kind must be one of {problem['ctx'].get('expected_tags') or ', '.join(installed()[0])}"
    message = _TOML_NAMES.get(kind) or problem_text(problem)
    given = problem["input"]
    hides = _SECRET_KEY.search(path) or isinstance(given, dict | list) or _PASSWORD_IN_URL.search(str(given))
    shown = "" if hides else f" is {given!r}"
    return f"{path}{shown}: {message}" if path else message


_TOML_NAMES = {
    "tuple_type": "it should be a list",
    "model_type": "it should be a table",
    "model_attributes_type": "it should be a table",
    "dict_type": "it should be a table",
}


def _kinds() -> Mapping[str, ConnectorType | PartnerType]:
    """What is installed, by the kind that settings name."""
    return {**installed()[0], **installed_partners()[0]}


def _allowed_keys(loc: tuple[int | str, ...]) -> list[str]:
    """Keys of the table at `loc`."""
    model: Any = Settings
    for part in loc:
        if isinstance(part, int) or part not in model.model_fields:
            if isinstance(part, str):  # the variant of a union, by its tag
                kind = _kinds().get(part)
                model = kind.options if kind else model
            continue
        inner = model.model_fields[part].annotation
        while not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            inner = next((a for a in getattr(inner, "__args__", ()) if a is not type(None)), None)
            if inner is None:
                return []
        model = inner
    return sorted(model.model_fields)
