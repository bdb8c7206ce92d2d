"""`key`: keys of the API, of stores and of services."""

import json
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from commonshelf.options import JsonOption, Where, fail, parse_duration_s, with_groups
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from schemas.models.access import ApiKey

app = typer.Typer(no_args_is_help=True, help="Keys of the API: who may ask for what.")

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Id of the key.", show_default=False)]


@app.command()
@with_groups
def add(
    *,
    pool: Annotated[str, typer.Argument(help="The pool.", show_default=False)],
    label: Annotated[str, typer.Option("--label", help="Who gets it, and what for.", show_default=False)],
    store: Annotated[
        str | None, typer.Option("--store", help="The store that it acts for; without, it is a service's of the pool.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What it may do; may be repeated. A store's key may do all for its store."),
    ] = None,
    lasts: Annotated[
        str | None, typer.Option("--lasts", metavar="DURATION", help="It ends by itself after so long: 90d.")
    ] = None,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Make a key, and show it once: what is kept of it is a digest.

    Example: ./shelf key add riverside --store corner-shop --label "till page"

    Example: ./shelf key add riverside --label "town web shop" --scope orders:write --scope orders:read --lasts 90d
    """
    from commonshelf.desks.access import make_key
    from schemas.models.access import Scope

    known = get_args(Scope)
    scopes = scope or (list(known) if store is not None else [])
    if not scopes:
        fail(f"say what a service's key may do: --scope {', --scope '.join(known)}")
    for one in scopes:
        if one not in known:
            fail(f"there is no scope {one!r}; there are {', '.join(known)}")
    ends_ms = None if lasts is None else wall_clock_ms() + int(parse_duration_s(lasts) * 1000)
    made = make_key(where.connect(), pool, label, cast("list[Scope]", list(dict.fromkeys(scopes))), store, ends_ms)
    _show(made.key.key_id, made.token, as_json)


@app.command("list")
@with_groups
def list_keys(
    *,
    pool: Annotated[str | None, typer.Argument(help="Only of this pool.", show_default=False)] = None,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """List the keys, never their secrets.

    Example: ./shelf key list riverside
    """
    from commonshelf.desks.access import keys_of
    from commonshelf.text import print_table

    found = keys_of(where.connect(), pool)
    if as_json:
        hidden = {"digest", "previous_digest"}
        print(json.dumps([{"pool": of} | key.model_dump(mode="json", exclude=hidden) for of, key in found], indent=1))
        return
    if not found:
        typer.echo("there is no key; make one with ./shelf key add POOL --label TEXT")
        return
    now_ms = wall_clock_ms()
    rows = [
        (key.key_id, of, key.store or "", " ".join(key.scopes), _state(key, now_ms), key.label) for of, key in found
    ]
    print_table(("key", "pool", "store", "may", "state", "label"), rows)


@app.command()
@with_groups
def rotate(
    *,
    key: KeyArgument,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="DURATION", help="So long the secret before still works.")
    ] = "1d",
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Give a key a new secret, and show it once.

    Example: ./shelf key rotate 8f3a1c5e7b90 --overlap 2h
    """
    from commonshelf.desks.access import rotate_key

    made = rotate_key(where.connect(), key, int(parse_duration_s(overlap) * 1000))
    _show(made.key.key_id, made.token, as_json)


@app.command()
@with_groups
def revoke(
    *,
    key: KeyArgument,
    where: Where,
) -> None:
    """End a key for good: the API refuses it at once.

    Example: ./shelf key revoke 8f3a1c5e7b90
    """
    from commonshelf.desks.access import revoke_key

    revoked = revoke_key(where.connect(), key)
    typer.echo(f"key {revoked.key_id} ({revoked.label}) is revoked")


def _show(key_id: str, token: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"key": key_id, "token": token}))
        return
    typer.echo(f"key {key_id}, to be sent as `Authorization: Bearer …`; it is shown this once:\n{token}")


def _state(key: "ApiKey", now_ms: int) -> str:
    if key.revoked_at_ms is not None:
        return "revoked"
    return "over" if key.expires_at_ms is not None and key.expires_at_ms <= now_ms else "works"
