"""Finds the Kafka that a command is about: named, set, or of the stack that runs on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from commonshelf.config.credentials import kafka_options
from commonshelf.config.resolved import read_resolved
from commonshelf.config.settings import Settings
from commonshelf.config.sources import Loaded, load
from commonshelf.stack.runtime_file import DEMO_DATA_DIR, Runtime, find_running, read_runtime
from messaging.errors import UserError


class NothingRunsError(UserError):
    """No Kafka to talk to; the sentence says how to get one."""


@dataclass(frozen=True)
class Connection:
    """A Kafka and the settings that belong to it. `runtime` is None unless a stack of this machine was found."""

    settings: Settings
    kafka_options: dict[str, str]
    runtime: Runtime | None = None


def connect(config: Path | None, bootstrap: str | None) -> Connection:
    """Raises NothingRunsError or SettingsError."""
    loaded = load(config, overrides={"kafka.bootstrap_servers": bootstrap} if bootstrap else None)
    runtime = _running(loaded, config)
    kafka = loaded.settings.kafka
    if not kafka.is_embedded and not (runtime is not None and runtime.embeds(kafka.bootstrap_servers)):
        return Connection(loaded.settings, kafka_options(kafka), runtime)
    if runtime is None:
        raise NothingRunsError(f"{_what_was_found(data_dirs(loaded, config))}; {_WHAT_TO_DO}")
    settings = read_resolved(Path(runtime.settings_file))
    return Connection(settings, kafka_options(settings.kafka), runtime)


def data_dirs(loaded: Loaded, config: Path | None) -> list[Path]:
    """Folders that may hold a running stack's note: the settings' folder, and the demo's unless a file was named."""
    return [loaded.settings.data_dir] if config else [loaded.settings.data_dir, DEMO_DATA_DIR.absolute()]


_WHAT_TO_DO = "start `./shelf demo` or `./shelf up` here, or name a Kafka with --bootstrap HOST:PORT or --config FILE"


def _running(loaded: Loaded, config: Path | None) -> Runtime | None:
    return find_running(data_dirs(loaded, config))


def _what_was_found(folders: Sequence[Path]) -> str:
    for folder in folders:
        stale = read_runtime(folder)
        if stale is not None:
            return (
                f"nothing runs: process {stale.pid}, which {folder}/runtime.json names, has ended without cleaning up"
            )
    return "nothing runs: no stack has left its note in " + " or ".join(map(str, folders))
