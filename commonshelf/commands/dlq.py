"""`dlq`: the dead-letter desk."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.options import JsonOption, Where, fail, parse_since_ms, with_groups
from commonshelf.text import counted
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from commonshelf.config.pool_config import PoolConfigs
    from commonshelf.dead_letters.letters import Filter, Letter
    from commonshelf.stack.connection import Connection

app = typer.Typer(
    no_args_is_help=True, help="The dead-letter desk: what was set aside, why; publish it again, or give it up."
)
_EXAMPLES_SHOWN = 8


@dataclass(frozen=True)
class Wanted:
    """The filter of the letters that are meant."""

    pool: Annotated[str | None, typer.Option("--pool", help="Only of this pool.", show_default=False)] = None
    topic: Annotated[str | None, typer.Option("--topic", help="Only of this topic, such as pos.sales.v1.")] = None
    store: Annotated[str | None, typer.Option("--store", help="Only of this store.", show_default=False)] = None
    why: Annotated[str | None, typer.Option("--why", help="Only set aside for this reason, such as unmapped_code.")] = (
        None
    )
    code: Annotated[str | None, typer.Option("--code", help="Only with a line of this code, such as plu:4011.")] = None
    since: Annotated[
        int | None,
        typer.Option(
            "--since", metavar="TIME", parser=parse_since_ms, help="Only set aside since: 36h, 7d, 2026-11-24 (UTC)."
        ),
    ] = None

    @property
    def filter(self) -> "Filter":
        """As the desk takes it."""
        from commonshelf.dead_letters.letters import Filter

        return Filter(self.pool, self.topic, self.store, self.why, self.code, self.since)


LettersArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[LETTER]...", help="As `dlq list` names them.", show_default=False)
]


@app.command("list")
@with_groups
def list_letters(
    *,
    wanted: Wanted,
    all_states: Annotated[bool, typer.Option("--all", help="Also those that are done with.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most so many, the newest.")] = 50,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """List what was set aside and waits for you: when, where, why, and whether a replay would help now.

    Example: ./shelf dlq list

    Example: ./shelf dlq list --pool riverside --store anna --why unmapped_code --since 36h

    Example: ./shelf dlq list --all --json
    """
    from commonshelf.dead_letters.view import as_plain, print_list

    _, settings, letters = _select(where, None, wanted.filter)
    shown = [letter for letter in letters if all_states or letter.is_waiting]
    notes = _notes(settings, shown)
    if as_json:
        plain = [as_plain(letter, note) for letter, note in zip(shown, notes, strict=True)]
        print(json.dumps(plain, indent=1))
        return
    print_list(shown[-limit:], notes[-limit:], settings)
    if len(shown) > limit:
        older = counted(len(shown) - limit, "older letter")
        typer.echo(f"{older} not shown; name filters, raise --limit, or use --json")
    ready = sum(letter.is_waiting and note is None for letter, note in zip(shown, notes, strict=True))
    waiting = sum(letter.is_waiting for letter in shown)
    typer.echo(f"{waiting} waiting; a replay helps {ready} of them now" + (": ./shelf dlq replay" if ready else ""))


@app.command()
@with_groups
def show(
    letter: Annotated[str, typer.Argument(help="As `dlq list` names it.", show_default=False)],
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter whole: where it came from, why, its lines, what became of it, what a replay would do.

    Example: ./shelf dlq show pos.sales.dlq.v1/3/17
    """
    from commonshelf.dead_letters.view import as_plain, print_one

    _, settings, (one,) = _select(where, [letter], Wanted().filter)
    (note,) = _notes(settings, [one])
    if as_json:
        print(json.dumps(as_plain(one, note) | {"event": one.event}, indent=1, default=str))
    else:
        print_one(one, note, settings)


@app.command()
@with_groups
def replay(
    *,
    letters: LettersArgument = None,
    wanted: Wanted,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be published.")] = False,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Publish again what can be taken now, each letter once, at its own time. May be repeated: nothing counts twice.

    Without letters or filters: everything that waits. What still cannot be taken is left, with what stands against it.

    Example: ./shelf dlq replay

    Example: ./shelf dlq replay --pool riverside --code plu:4011

    Example: ./shelf dlq replay pos.sales.dlq.v1/3/17
    """
    from commonshelf.dead_letters.replays import replay as replay_letters
    from commonshelf.dead_letters.replays import sort_out
    from commonshelf.dead_letters.view import print_left, print_list, print_replay, replay_as_plain

    found, settings, chosen = _select(where, letters, wanted.filter)
    waiting = [one for one in chosen if one.is_waiting or (letters and one.state == "discarded")]
    if dry_run:
        helped, left = sort_out(waiting, settings, are_named=bool(letters))
        print_list(helped, [None] * len(helped), settings)
        typer.echo(f"{counted(len(helped), 'letter')} would be replayed")
        print_left(left)
        return
    done = replay_letters(
        found.kafka_options, found.settings.partitions, waiting, settings, "replayed", are_named=bool(letters)
    )
    if as_json:
        print(json.dumps(replay_as_plain(done), indent=1))
        return
    print_replay(done)
    print_left(done.left)


@app.command()
@with_groups
def discard(
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the letter.", show_default=False)],
    letters: LettersArgument = None,
    wanted: Wanted,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    where: Where,
) -> None:
    """Give letters up: they are listed no more, except with --all, and kept until their retention ends.

    Example: ./shelf dlq discard pos.sales.dlq.v1/3/18 --reason "test of the till's vendor"

    Example: ./shelf dlq discard --pool riverside --why too_late --reason "counted on Monday" --yes
    """
    from commonshelf.config.pool_config import PoolConfigs
    from commonshelf.dead_letters.desk import Desk
    from commonshelf.dead_letters.view import print_list

    if not letters and wanted == Wanted():
        fail("name letters or a filter: discarding everything that waits is never meant")
    if not reason.strip():
        fail("--reason is empty; say why, for whoever looks for these lines later")
    found, settings, chosen = _select(where, letters, wanted.filter)
    waiting = [one for one in chosen if one.is_waiting]
    if not waiting:
        typer.echo("nothing of this waits")
        return
    if not letters and not yes:
        some = waiting[-_EXAMPLES_SHOWN:]
        print_list(some, ["waiting"] * len(some), settings)
        typer.confirm(f"give up {counted(len(waiting), 'letter')}?", abort=True)
    done = Desk(found.kafka_options, found.settings.partitions, PoolConfigs(), wall_clock_ms()).discard(waiting, reason)
    typer.echo(f"{counted(len(done), 'letter')} discarded")


def _check_names(settings: "PoolConfigs", wanted: "Filter", letters: "list[Letter]") -> None:
    """A pool or a store that neither the settings nor a letter names ends the command: it would hide a slip."""
    from commonshelf.config.names import check_name

    pools = {*settings.named, *(letter.pool for letter in letters if letter.pool)}
    if wanted.pool is not None:
        check_name("pool", wanted.pool, pools)
    stores = {store for name in settings.named for store in settings.catalog(name).stores}
    stores |= {letter.store for letter in letters if letter.store}
    if wanted.store is not None:
        check_name("store", wanted.store, stores)


def _select(
    where: Where, names: list[str] | None, wanted: "Filter"
) -> tuple["Connection", "PoolConfigs", list["Letter"]]:
    """(Kafka, the settings that its topics have, the letters that are meant)."""
    from commonshelf.config.pool_config import read_pool_config
    from commonshelf.dead_letters.letters import INPUT_OF, Place, read_letters

    try:
        places = [Place.parse(name) for name in names or ()]
    except ValueError as error:
        fail(str(error))
    if wanted.topic not in (None, *INPUT_OF, *INPUT_OF.values()):
        fail(f"{wanted.topic!r} has no dead letters; topics that have: {', '.join(INPUT_OF.values())}")
    connection = where.connect()
    everything = read_letters(connection.kafka_options)
    known = {letter.reason for letter in everything}
    if wanted.reason is not None and wanted.reason not in known:
        fail(f"nothing was set aside as {wanted.reason!r}; what there is: {', '.join(sorted(known)) or 'nothing'}")
    settings = read_pool_config(connection.kafka_options)
    _check_names(settings, wanted, everything)
    letters = [letter for letter in everything if wanted.takes(letter)]
    if not places:
        return connection, settings, letters
    by_place = {letter.place: letter for letter in letters}
    for place in places:
        if place not in by_place:
            fail(f"there is no dead letter {place}, or not with these filters; `./shelf dlq list --all` shows them")
    return connection, settings, [by_place[place] for place in dict.fromkeys(places)]


def _notes(settings: "PoolConfigs", letters: list["Letter"]) -> list[str | None]:
    """For each letter that waits what stands against a replay."""
    from commonshelf.dead_letters.prognosis import blocker

    now_ms = wall_clock_ms()
    return [blocker(letter, settings, now_ms) if letter.is_waiting else None for letter in letters]
