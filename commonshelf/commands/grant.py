"""`grant`: who may see a store's numbers, and what a store shows to everybody."""

import json
import uuid
from typing import Annotated

import typer

from commonshelf.options import (
    JsonOption,
    PoolArgument,
    StoreArgument,
    Where,
    checked,
    milli_of,
    parse_duration_s,
    with_groups,
)
from messaging.clock import wall_clock_ms

app = typer.Typer(no_args_is_help=True, help="What stores show, to whom: numbers to members, bands to everybody.")


@app.command()
@with_groups
def numbers(
    *,
    pool: PoolArgument,
    store: Annotated[str, typer.Argument(help="The store whose numbers are opened.", show_default=False)],
    purpose: Annotated[str, typer.Option("--purpose", help="What they are needed for.", show_default=False)],
    lasts: Annotated[str, typer.Option("--lasts", metavar="DURATION", help="It ends by itself after so long: 30d.")],
    to: Annotated[list[str] | None, typer.Option("--to", help="A store whose keys see them; may be repeated.")] = None,
    to_key: Annotated[list[str] | None, typer.Option("--to-key", help="A service's key that sees them.")] = None,
    where: Where,
) -> None:
    """Let members see a store's numbers, for a purpose and a time.

    Example: ./shelf grant numbers riverside mill --to corner-shop --purpose "holidays together" --lasts 30d
    """
    from commonshelf.desks.access import grant_numbers
    from schemas.models.access import NumbersGrant

    now_ms = wall_clock_ms()
    plain = {
        "grant": f"g-{uuid.uuid4().hex[:10]}", "store": store, "to_stores": to or (), "to_keys": to_key or (),
        "purpose": purpose, "from_ms": now_ms, "until_ms": now_ms + int(parse_duration_s(lasts) * 1000),
    }  # fmt: skip
    grant = checked(NumbersGrant, plain, "the grant", shows_input=True)
    grant_numbers(where.connect(), pool, grant)
    typer.echo(f"grant {grant.grant}: {', '.join((*grant.to_stores, *grant.to_keys))} may see the numbers of {store}")


@app.command()
@with_groups
def end(
    *,
    pool: PoolArgument,
    grant: Annotated[str, typer.Argument(help="Its id.", show_default=False)],
    where: Where,
) -> None:
    """End a grant before its time.

    Example: ./shelf grant end riverside g-3f9a1b2c4d
    """
    from commonshelf.desks.access import end_grant

    ended = end_grant(where.connect(), pool, grant)
    typer.echo(f"grant {ended.grant} of {ended.store}'s numbers is over")


@app.command()
@with_groups
def public(
    *,
    pool: PoolArgument,
    store: StoreArgument,
    bands: Annotated[
        bool, typer.Option("--bands/--no-bands", help="Everybody may see what is in, low or out.")
    ] = False,
    aggregates: Annotated[
        bool,
        typer.Option("--aggregates/--no-aggregates", help="Its shelves count in the pool's aggregates."),
    ] = False,
    category: Annotated[
        list[str] | None, typer.Option("--category", help="Of which categories; of all if left out. May be repeated.")
    ] = None,
    low_below: Annotated[str, typer.Option("--low-below", metavar="UNITS", help="Less than this is low.")] = "4",
    service: Annotated[list[str] | None, typer.Option("--service", help="What it offers; may be repeated.")] = None,
    address: Annotated[str | None, typer.Option("--address", help="Its public address, in one line.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Its own page.")] = None,
    hide: Annotated[bool, typer.Option("--hide", help="Show nothing of it any more.")] = False,
    where: Where,
) -> None:
    """Set what a store shows to everybody: in the directory, and in bands.

    Example: ./shelf grant public riverside corner-shop --bands --category Bread --service "bottle return"
    """
    from commonshelf.desks.access import list_store
    from schemas.models.access import PublicListing

    plain = {
        "store": store, "is_listed": not hide, "shows_bands": bands, "categories": category or None,
        "low_below_milli": milli_of(low_below, "--low-below"), "services": service or (), "address": address,
        "url": url, "in_aggregates": aggregates,
    }  # fmt: skip
    listing = checked(PublicListing, plain, "the listing", shows_input=True)
    list_store(where.connect(), pool, listing)
    if hide:
        typer.echo(f"{store} is not in the directory")
    else:
        typer.echo(f"{store} is in the directory{', and everybody sees its bands' if bands else ''}")


@app.command("list")
@with_groups
def list_grants(
    *,
    pool: PoolArgument,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """List the grants of numbers in a pool, and what its stores show to everybody.

    Example: ./shelf grant list riverside
    """
    from commonshelf.desks.access import grants_of, listings_of
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.text import print_table, time_text

    connection = where.connect()
    grants, listings = grants_of(connection, pool), listings_of(connection, pool)
    if as_json:
        shown = {
            "grants": [grant.model_dump(mode="json") for grant in grants],
            "listings": [listing.model_dump(mode="json") for listing in listings],
        }
        print(json.dumps(shown, indent=1))
        return
    zone, now_ms = zone_of(connection, pool), wall_clock_ms()
    rows = [
        (
            grant.grant, grant.store, ", ".join((*grant.to_stores, *grant.to_keys)), time_text(grant.until_ms, zone),
            "over" if grant.ended_at_ms is not None or grant.until_ms <= now_ms else "holds", grant.purpose,
        )
        for grant in grants
    ]  # fmt: skip
    if rows:
        print_table(("grant", "numbers of", "to", "until", "state", "purpose"), rows)
    else:
        typer.echo(f"nobody may see another store's numbers in pool {pool}")
    shown_rows = [
        (one.store, "bands" if one.shows_bands else "no bands", ", ".join(one.categories or ()) or "all categories")
        for one in listings
        if one.is_listed
    ]
    if shown_rows:
        typer.echo("")
        print_table(("in the directory", "shows", "of"), shown_rows)
