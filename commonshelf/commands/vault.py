"""`vault`: exact addresses behind opaque references, and who may open them."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from commonshelf.options import ConfigOption, JsonOption, fail
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from streams.vault import Vault

app = typer.Typer(no_args_is_help=True, help="Keep exact addresses, open them for a purpose, erase them.")

ReferenceArgument = Annotated[str, typer.Argument(metavar="REFERENCE", show_default=False)]
NameArgument = Annotated[str, typer.Argument(help="The caller: a service, or a person.", show_default=False)]
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", help="Holds the caller's key, unless COMMONSHELF_VAULT_KEY does.")
]
_DAY_MS = 86_400_000
T = TypeVar("T")


@app.command()
def allow(
    name: NameArgument,
    role: Annotated[Literal["orders", "routes", "carriers", "privacy"], typer.Argument(show_default=False)],
    config: ConfigOption = None,
) -> None:
    """Give a caller a role, and print its key: this once, for it is kept nowhere.

    Example: ./shelf vault allow city-bikes carriers
    """
    from streams.vault import Role

    typer.echo(_at_vault(config, lambda vault: vault.allow(name, Role(role), wall_clock_ms())))


@app.command()
def revoke(name: NameArgument, config: ConfigOption = None) -> None:
    """Take a caller's key back.

    Example: ./shelf vault revoke city-bikes
    """
    _at_vault(config, lambda vault: vault.revoke(name, wall_clock_ms()))
    typer.echo(f"{name} has no key any more")


@app.command()
def put(
    file: Annotated[Path | None, typer.Argument(metavar="FILE.json", help="Standard input if left out.")] = None,
    keep_days: Annotated[int, typer.Option("--keep-days", min=1, max=400, help="Then it is erased.")] = 30,
    key_file: KeyFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Keep an address, and print its reference: an order's address_ref. The form is in docs/vault.md.

    Example: ./shelf vault put address.json --keep-days 7
    """
    from pydantic import ValidationError

    from schemas.models.forms import first_problem
    from streams.vault import Address

    try:
        address = Address.model_validate_json(sys.stdin.read() if file is None else file.read_text(encoding="utf-8"))
    except ValidationError as error:
        fail(first_problem(error, "the address", shows_input=False))
    except OSError as error:
        fail(f"{file} cannot be read ({error.strerror})")
    now_ms, key = wall_clock_ms(), _key(key_file)
    typer.echo(_at_vault(config, lambda vault: vault.put(key, address, now_ms + keep_days * _DAY_MS, now_ms)))


@app.command("open")
def open_(
    reference: ReferenceArgument,
    purpose: Annotated[Literal["plan_route", "deliver"], typer.Option("--for", help="Is written down.")],
    key_file: KeyFileOption = None,
    config: ConfigOption = None,
) -> None:
    """Print an address as JSON. Routes open for plan_route, carriers for deliver, nobody else.

    Example: ./shelf vault open adr-0f3c59d1c2a84be29d7e6f5a4b3c2d1e --for deliver
    """
    from streams.vault import Purpose

    key = _key(key_file)
    address = _at_vault(config, lambda vault: vault.open(key, reference, Purpose(purpose), wall_clock_ms()))
    typer.echo(address.model_dump_json(indent=1))


@app.command()
def erase(reference: ReferenceArgument, key_file: KeyFileOption = None, config: ConfigOption = None) -> None:
    """Erase an address for good.

    Example: ./shelf vault erase adr-0f3c59d1c2a84be29d7e6f5a4b3c2d1e
    """
    key = _key(key_file)
    _at_vault(config, lambda vault: vault.erase(key, reference, wall_clock_ms()))
    typer.echo(f"{reference} is erased")


@app.command()
def sweep(config: ConfigOption = None) -> None:
    """Erase at once what has expired by this machine's clock; the agents do so by themselves.

    Example: ./shelf vault sweep
    """
    typer.echo(f"{_at_vault(config, lambda vault: vault.erase_expired(wall_clock_ms()))} erased")


@app.command()
def audit(
    reference: Annotated[str | None, typer.Argument(metavar="REFERENCE", help="All if left out.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who put, opened, or erased what, when, and what for; who was refused, and why.

    Example: ./shelf vault audit adr-0f3c59d1c2a84be29d7e6f5a4b3c2d1e
    """
    from commonshelf.text import print_table, time_text

    found = _at_vault(config, lambda vault: vault.audit(reference))
    if as_json:
        print(json.dumps([attempt._asdict() for attempt in found], indent=1))
        return
    rows = [
        (
            time_text(one.at_ms),
            one.action,
            one.caller,
            one.role,
            one.reference or "",
            one.purpose or "",
            one.refused or "",
        )
        for one in found
    ]
    print_table(("when", "what", "who", "role", "reference", "for", "refused"), rows)


def _at_vault(config: Path | None, act: "Callable[[Vault], T]") -> T:
    from commonshelf.config.sources import load
    from commonshelf.desks.vault import opened_vault
    from streams.vault import VaultRefusedError

    with opened_vault(load(config).settings) as vault:
        try:
            return act(vault)
        except VaultRefusedError as refused:
            fail(f"{refused.reason}: {refused.detail}")


def _key(file: Path | None) -> str:
    try:
        key = os.environ.get("COMMONSHELF_VAULT_KEY", "") if file is None else file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read ({error}); check it")
    if not key:
        fail("who asks? Put the caller's key into COMMONSHELF_VAULT_KEY, or name its file with --key-file")
    return key
