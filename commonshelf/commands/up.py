"""`up`: everything for one consortium, until it is told to stop."""

import threading
from typing import TYPE_CHECKING

from commonshelf.options import ConfigOption, ForOption

if TYPE_CHECKING:
    from rich.console import Console

    from commonshelf.stack.stack import Stack

_KEYS_PRINTED = 3
"""Of more pools, an operator's keys are made by `./shelf key add`."""


def up(config: ConfigOption = None, run_s: ForOption = None) -> None:
    """Run your consortium: Kafka (unless yours is set), topics, connectors, workers, pages. Ctrl-C stops it cleanly.

    Example: ./shelf up --config commonshelf.toml

    Example: COMMONSHELF_HTTP_PORT=0 ./shelf up --config commonshelf.toml --for 60s
    """
    from rich.console import Console

    from commonshelf.config.sources import load
    from commonshelf.stack.interrupt import interrupted_once
    from commonshelf.stack.progress import ProgressPrinter
    from commonshelf.stack.stack import Stack

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    settings = load(config).settings
    with interrupted_once():
        try:
            with Stack(settings, on_event=ProgressPrinter(console).tell) as stack:
                _print_what_runs(console, stack)
                threading.Event().wait(run_s)
        except KeyboardInterrupt:
            pass  # __exit__ has stopped everything
    console.print("stopped")


def _print_what_runs(console: "Console", stack: "Stack") -> None:
    from rich.table import Table

    from commonshelf.desks.first_key import is_for_this_machine, operators_key, sign_in_url
    from commonshelf.stack.connection import Connection
    from commonshelf.web.links import links

    settings = stack.settings
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("board", stack.urls["web"])
    table.add_row("Kafka", stack.bootstrap_servers)
    for pool in settings.pools:
        members = sum(store.pool == pool.id for store in settings.stores)
        table.add_row("pool", f"{pool.id}: {pool.name}, {members} store{'' if members == 1 else 's'}")
    if not settings.pools:
        table.add_row(
            "pool", "none is declared: write \\[\\[pools]] and \\[\\[stores]] into the settings file (docs/cli.md)"
        )
    if "webhooks" in stack.urls:
        table.add_row("webhooks", f"{stack.urls['webhooks']}/STORE")
    for url, about in links(settings):
        table.add_row("", f"{url}  [dim]{about}[/]")
    table.add_row("logs", str(settings.log_dir))
    console.print(table)
    if is_for_this_machine(settings):
        connection = Connection(settings, stack.kafka_options)
        for pool in settings.pools[:_KEYS_PRINTED]:
            url = sign_in_url(stack.urls["web"], operators_key(connection, pool.id))
            console.print(f"the operator of {pool.id} signs in at {url}")  # no table: it is one word, not to be folded
    console.print("Ctrl-C stops it.")
