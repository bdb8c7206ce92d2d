"""`backup` and `restore`: all that is needed to rebuild, in a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from commonshelf.options import BootstrapOption, ConfigOption

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The backup's folder.", show_default=False)]


def backup(folder: FolderArgument, config: ConfigOption = None, bootstrap: BootstrapOption = None) -> None:
    """Write all topics with their offsets, the settings' files and the vault into FOLDER, a new one.

    Workers must be stopped; connectors may go on. An embedded Kafka is started for it.

    Example: ./shelf backup backups/monday --config commonshelf.toml
    """
    from commonshelf.config.sources import load
    from commonshelf.desks.backup.take import make_folder, take_backup
    from commonshelf.stack.own_kafka import kafka_alone
    from commonshelf.text import counted

    loaded, tell = load(config, overrides=_overrides(bootstrap)), _teller()
    make_folder(folder)
    with kafka_alone(loaded.settings, tell) as connection:
        made = take_backup(connection, loaded.file, folder, tell)
    if loaded.settings.vault.database_url is not None:
        tell(f"the vault in {loaded.settings.vault.database_url} is not in it: back that up now, with pg_dump")
    print(f"{counted(made.records, 'record')} of {counted(len(made.topics), 'topic')} are in {folder}")


def restore(folder: FolderArgument, config: ConfigOption = None, bootstrap: BootstrapOption = None) -> None:
    """Restore a backup onto a Kafka without our topics, every record at its own offset.

    A restore that was ended is run again: it begins anew.

    Example: ./shelf restore backups/monday --config commonshelf.toml
    """
    from commonshelf.config.sources import load
    from commonshelf.desks.backup.give_back import open_backup, restore_backup
    from commonshelf.stack.own_kafka import kafka_alone
    from commonshelf.text import counted

    settings, tell = load(config, overrides=_overrides(bootstrap)).settings, _teller()
    manifest = open_backup(folder, settings)
    with kafka_alone(settings, tell) as connection:
        restore_backup(connection, folder, manifest, tell)
    print(f"{counted(manifest.records, 'record')} of {counted(len(manifest.topics), 'topic')} are restored")


def _overrides(bootstrap: str | None) -> dict[str, str] | None:
    return {"kafka.bootstrap_servers": bootstrap} if bootstrap else None


def _teller() -> Callable[[str], None]:
    """Prints a line of what was done beside the result."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    return lambda line: console.print(f"[dim]·[/] {escape(line)}")
