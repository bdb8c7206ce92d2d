"""`config show`: each setting, its value, and where it came from."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from commonshelf.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from commonshelf.config.sources import Loaded

app = typer.Typer(no_args_is_help=True, help="Look at the settings.")
MASK = "********"


@app.callback()
def config() -> None:
    """Look at the settings."""


@dataclass(frozen=True)
class ShownSetting:
    """A setting as shown. Secrets are masked."""

    setting: str
    value: object
    origin: str


@app.command()
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show each setting's value and origin. Secrets are masked. Exit code 1 when `up` could not start with them.

    Example: ./shelf config show

    Example: ./shelf config show --config commonshelf.toml --json
    """
    from commonshelf.config.preflight import blockers
    from commonshelf.config.sources import load, unknown_variables
    from commonshelf.text import print_table

    loaded = load(config)
    found = list(rows(loaded, os.environ))
    if as_json:
        print(json.dumps([asdict(row) for row in found], indent=1))
    else:
        print_table(("setting", "value", "origin"), [(row.setting, row.value, row.origin) for row in found])
    for name, near in unknown_variables(os.environ, secret_variables(loaded)).items():
        hint = f"; did you mean {near}?" if near else ""
        typer.echo(f"shelf: {name} is set but is no setting{hint}", err=True)
    hindering = list(blockers(loaded.settings, os.environ))
    for each in hindering:
        typer.echo(f"shelf: {each.found}; {each.to_do}" if each.to_do else f"shelf: {each.found}", err=True)
    if hindering:
        raise typer.Exit(1)


def rows(loaded: "Loaded", env: Mapping[str, str]) -> Iterator[ShownSetting]:
    """Every setting, and every secret that one of them names."""
    from commonshelf.config.sources import flatten

    plain = loaded.settings.model_dump(mode="json")
    for path, value in flatten(plain):
        yield ShownSetting(path, "" if value is None else value, loaded.origin_of(path))
    yield from _secret_rows(loaded, env)


def secret_variables(loaded: "Loaded") -> set[str]:
    """Environment variables that the settings name as holders of secrets."""
    settings = loaded.settings
    names = {settings.kafka.sasl_password_env, settings.vault.password_env, settings.settlement.password_env}
    for store in settings.stores:
        for connector in store.connectors:
            names.update(source.env for source in connector.secret_sources() if source.env)
    for partner in settings.partners:
        names.update(source.env for source in partner.secrets_to_call() if source.env)
    return names


def _secret_rows(loaded: "Loaded", env: Mapping[str, str]) -> Iterator[ShownSetting]:
    from commonshelf.config.credentials import secret_origin

    kafka = loaded.settings.kafka
    if kafka.sasl_mechanism:
        there, origin = secret_origin(kafka.sasl_password_env, kafka.sasl_password_file, env)
        yield ShownSetting("kafka.sasl_password", MASK if there else "missing", origin)
    for section, database in (("vault", loaded.settings.vault), ("settlement", loaded.settings.settlement)):
        if database.database_url:
            there, origin = secret_origin(database.password_env, database.password_file, env)
            yield ShownSetting(f"{section}.password", MASK if there else "none", origin)
    for at, store in enumerate(loaded.settings.stores):
        for number, connector in enumerate(store.connectors):
            for source in connector.secret_sources():
                there, origin = secret_origin(source.env, source.file, env)
                yield ShownSetting(f"stores[{at}].connectors[{number}].secret", MASK if there else "missing", origin)
    for at, partner in enumerate(loaded.settings.partners):
        for source in partner.secrets_to_call():
            there, origin = secret_origin(source.env, source.file, env)
            yield ShownSetting(f"partners[{at}].secret", MASK if there else "missing", origin)
