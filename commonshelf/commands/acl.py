"""`acl`: rights in Kafka, made from the topics' declarations."""

import json
from typing import Annotated

import typer

from commonshelf.options import BootstrapOption, ConfigOption, JsonOption

app = typer.Typer(no_args_is_help=True, help="Who may do what in Kafka, role by role.")


@app.command("list")
def list_rights(
    role: Annotated[str | None, typer.Argument(help="Only of this role.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """List the rights that each role needs, and no more. Talks to no Kafka.

    Example: ./shelf acl list connectors
    """
    from commonshelf.desks.acl import PREFIX, rights, roles
    from commonshelf.options import fail
    from commonshelf.text import print_table

    if role is not None and role not in roles():
        fail(f"there is no role {role!r}; the topics name {', '.join(roles())}")
    found = [right for right in rights() if role in (None, right.role)]
    if as_json:
        print(json.dumps([right._asdict() | {"login": f"{PREFIX}{right.role}"} for right in found], indent=1))
        return
    rows = [
        (f"{PREFIX}{right.role}", right.operation, right.resource, right.name + ("*" if right.is_prefix else ""))
        for right in found
    ]
    print_table(("login", "may", "kind", "name"), rows)


@app.command("apply")
def apply_rights(
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
) -> None:
    """Make the rights of our logins in Kafka those of the list; other logins keep theirs.

    Example: ./shelf acl apply --config commonshelf.toml --dry-run
    """
    from commonshelf.desks.acl import apply, changes, told
    from commonshelf.stack.connection import connect
    from commonshelf.text import counted, print_table

    kafka_options = connect(config, bootstrap).kafka_options
    todo = changes(kafka_options)
    rows = [("add", *told(one)) for one in todo.missing] + [("remove", *told(one)) for one in todo.surplus]
    if rows:
        print_table(("change", "login", "may", "kind", "name"), rows)
    if not dry_run:
        apply(kafka_options, todo)
    print(f"{counted(len(rows), 'change')} {'to be made' if dry_run else 'made'}")
