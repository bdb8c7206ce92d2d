"""The table of roles: each kind of process that a stack runs, once.

`worker`'s commands, the supervised processes, their ports and pages, what doctor says, the lag of the inputs and what
the containers publish are made of it. A new role is a row here, its function, and the setting of its port.
"""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commonshelf.config.settings import Settings
    from schemas.topics import Topic

LEDGER_GROUP = "commonshelf-pool"
RESTOCK_GROUP = "commonshelf-restock"
DIRECTORY_GROUP = "commonshelf-directory"
CONNECTORS_STOP, WORKERS_STOP, PAGES_STOP = 0, 1, 2
"""Who stops first: what takes in, then what decides, then what shows."""


@dataclass(frozen=True)
class Role:
    """A kind of process."""

    name: str
    """Also the word after `worker`, and the process's name, with a number when there may be several."""
    about: str
    run: str
    """As "module:function", imported by the process itself; takes the settings and the number, from 1."""
    port_setting: str
    """The setting in `http` that names the port of its pages; of several processes, the first one's."""
    stop_order: int
    host_setting: str = "host"
    """The setting in `http` that names the host of its pages."""
    served_at: tuple[str, str] | None = None
    """The settings in `http` that name the host and port at which it serves the world; None when it does not."""
    count: Callable[["Settings"], int] | None = None
    """How many processes; None for one."""
    is_wanted: Callable[["Settings"], bool] = lambda _: True
    is_awaited: bool = True
    """Whether the stack is usable only when it is ready."""
    is_after_settings: bool = False
    """Whether it starts only when the settings are published."""
    group: str | None = None
    """The consumer group that commits how far it has come; None when that is nowhere, or nobody need know."""
    reads_as: str | None = None
    """Its name among the readers in `schemas.topics`: of these topics the group's lag is told."""
    has_metrics: bool = True
    secrets: Callable[["Settings"], Collection[str]] = lambda _: ()
    """The environment variables with its secrets: it gets these, and no other process does that needs none of them."""

    def processes(self, settings: "Settings") -> int:
        return self.count(settings) if self.count is not None else int(self.is_wanted(settings))

    def name_of(self, number: int) -> str:
        return self.name if self.count is None else f"{self.name}-{number}"

    def takes_in(self, topic: "Topic") -> bool:
        """Whether its group reads the topic, which others write."""
        return self.group is not None and self.reads_as in topic.readers and self.reads_as != topic.writer

    def start(self, config: Path | None, resolved: Path | None, number: int) -> None:
        """Be this role's process: read the settings, set up its log, run. Ends with the process that started it."""
        from commonshelf.config.resolved import read_resolved
        from commonshelf.config.sources import load
        from commonshelf.embedded_kafka.private_files import OTHERS
        from commonshelf.stack.parent_watch import end_with_parent
        from messaging.logs import log_to_stderr
        from messaging.traces import TRACING

        end_with_parent()
        os.umask(OTHERS)
        log_to_stderr()
        settings = load(config).settings if resolved is None else read_resolved(resolved)
        TRACING.share_permille = settings.tracing.share_permille
        module, _, function = self.run.partition(":")
        getattr(import_module(module), function)(settings, number)


def _of_kafka(settings: "Settings") -> set[str]:
    return {settings.kafka.sasl_password_env}


def _of_connectors(settings: "Settings") -> set[str]:
    connectors = [connector for store in settings.stores for connector in store.connectors]
    return {source.env for connector in connectors for source in connector.secret_sources() if source.env is not None}


def _of_partners(settings: "Settings") -> set[str]:
    sources = [source for partner in settings.partners for source in partner.secret_sources()]
    return {source.env for source in sources if source.env is not None}


def _of_webhooks(settings: "Settings") -> set[str]:
    return set() if settings.webhooks.key_env is None else {settings.webhooks.key_env}


_OF_TRACES = {
    f"OTEL_EXPORTER_OTLP_{name}" for name in ("ENDPOINT", "HEADERS", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
}
"""The way to the collector of traces, which may take a secret."""


def _of_calls(settings: "Settings") -> set[str]:
    sources = [source for partner in settings.partners for source in partner.secrets_to_call()]
    return {source.env for source in sources if source.env is not None}


ROLES = (
    Role(
        name="ledger",
        about="Keep the books: the pool's processor, exactly once.",
        run="commonshelf.commands.worker:ledger_process",
        port_setting="ledger_port",
        stop_order=WORKERS_STOP,
        count=lambda settings: settings.ledger.workers,
        group=LEDGER_GROUP,
        reads_as="pool",
        secrets=_of_kafka,
    ),
    Role(
        name="agents",
        about="Keep the clock, and talk to the outside: the Faust worker.",
        run="commonshelf.commands.worker:agents_process",
        port_setting="agents_port",
        stop_order=WORKERS_STOP,
        is_awaited=False,  # its absence is but a delay of ticks
        secrets=lambda settings: (
            _of_kafka(settings) | {settings.vault.password_env} | _of_calls(settings) | _of_webhooks(settings)
        ),
    ),
    Role(
        name="connectors",
        about="Take in what tills say: drop folders, webhooks, and the vendors' own APIs.",
        run="commonshelf.commands.worker:connectors_process",
        port_setting="connectors_port",
        served_at=("webhook_host", "webhook_port"),
        stop_order=CONNECTORS_STOP,
        is_wanted=lambda settings: bool(settings.partners) or any(store.connectors for store in settings.stores),
        is_after_settings=True,  # a till may speak as soon as they listen, and its pool must be known by then
        secrets=lambda settings: _of_kafka(settings) | _of_connectors(settings) | _of_partners(settings),
    ),
    Role(
        name="arrival",
        about="Serve the reference arrival app: pages of customers and of counters.",
        run="commonshelf.commands.worker:arrival_process",
        port_setting="arrival_port",
        host_setting="arrival_host",
        stop_order=CONNECTORS_STOP,
        is_wanted=lambda settings: any(partner.is_hosted for partner in settings.partners),
        is_awaited=False,  # goods are kept and handed over without it
        has_metrics=False,
        secrets=_of_partners,
    ),
    Role(
        name="settlement",
        about="Post who owes whom, from the pools' journals into the settlement database.",
        run="commonshelf.commands.worker:settlement_process",
        port_setting="settlement_port",
        stop_order=PAGES_STOP,
        is_awaited=False,  # it may have much to read; nothing that sells waits for it
        secrets=lambda settings: _of_kafka(settings) | {settings.settlement.password_env},
    ),
    Role(
        name="restock",
        about="Learn what sells, and propose what to buy and to move.",
        run="commonshelf.commands.worker:restock_process",
        port_setting="restock_port",
        stop_order=PAGES_STOP,
        is_awaited=False,  # it may have much to read; nothing that sells waits for it
        group=RESTOCK_GROUP,
        reads_as="restock",
        secrets=_of_kafka,
    ),
    Role(
        name="directory",
        about="Write for partners what everybody may know: stores, bands, aggregates.",
        run="commonshelf.commands.worker:directory_process",
        port_setting="directory_port",
        stop_order=PAGES_STOP,
        is_wanted=lambda settings: settings.directory.enabled,
        is_awaited=False,  # nobody who sells waits for it
        group=DIRECTORY_GROUP,
        reads_as="directory",
        secrets=_of_kafka,
    ),
    Role(
        name="exporter",
        about="Show the figures of pools and stores to Prometheus, from topics.",
        run="commonshelf.commands.worker:exporter_process",
        port_setting="exporter_port",
        stop_order=PAGES_STOP,
        is_wanted=lambda settings: settings.exporter.enabled,
        is_awaited=False,
        secrets=lambda settings: _of_kafka(settings) | _OF_TRACES,
    ),
    Role(
        name="http",
        about="Serve our pages, the API and the schema registry.",
        run="commonshelf.commands.worker:http_process",
        port_setting="web_port",
        served_at=("host", "port"),
        stop_order=PAGES_STOP,
        secrets=lambda settings: _of_kafka(settings) | _of_webhooks(settings),
    ),
)
