"""`worker`: one process of the stack. The supervisor starts these; a container or an init system may, too.

What a process needs is imported when it starts: none carries another's libraries.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commonshelf.options import ConfigOption
from commonshelf.stack.roles import DIRECTORY_GROUP, LEDGER_GROUP, RESTOCK_GROUP, ROLES, Role
from messaging.errors import UserError

if TYPE_CHECKING:
    from threading import Event

    from commonshelf.config.settings import Settings
    from streams.runtime.contract import Processor


class NoTracingError(UserError):
    """The packages that send traces are not there."""


ResolvedOption = Annotated[
    Path | None,
    typer.Option("--resolved", metavar="FILE", hidden=True, help="Settings of a running stack, as JSON."),
]


def make_app(roles: Iterable[Role]) -> typer.Typer:
    """A command for each role."""
    made = typer.Typer(
        no_args_is_help=True,
        help="Run one process of the stack by itself (in a container, say); `up` runs them all.",
    )
    for role in roles:
        made.command(role.name)(_command(role))
    return made


def _command(role: Role) -> Callable[..., None]:
    def numbered(
        config: ConfigOption = None,
        resolved: ResolvedOption = None,
        number: Annotated[int, typer.Option("--number", min=1, help=f"Which of the {role.name} workers, from 1.")] = 1,
    ) -> None:
        role.start(config, resolved, number)

    def single(config: ConfigOption = None, resolved: ResolvedOption = None) -> None:
        role.start(config, resolved, 1)

    command = single if role.count is None else numbered
    more = "" if role.count is None else " --number 2"
    command.__doc__ = f"{role.about}\n\nExample: ./shelf worker {role.name} --config commonshelf.toml{more}\n"
    return command


_UNHURRIED_MS = 200
"""Age of a batch where nobody waits for the outcome within the second: small batches cost brokers and us much more."""


def ledger_process(settings: "Settings", number: int) -> None:
    from streams.pool.processor import PoolProcessor

    port = settings.http.ledger_port
    port = port + number - 1 if port else 0
    processor = PoolProcessor(columnar=settings.ledger.columnar)
    _run_ledger_lane(settings, processor, LEDGER_GROUP, f"ledger-{number}", port, settings.ledger.batch_age_ms)


def restock_process(settings: "Settings", _number: int) -> None:
    from streams.restock.processor import RestockProcessor

    _run_ledger_lane(settings, RestockProcessor(), RESTOCK_GROUP, "restock", settings.http.restock_port, _UNHURRIED_MS)


def directory_process(settings: "Settings", _number: int) -> None:
    from streams.directory.processor import DirectoryProcessor

    port = settings.http.directory_port
    _run_ledger_lane(settings, DirectoryProcessor(), DIRECTORY_GROUP, "directory", port, _UNHURRIED_MS)


def _run_ledger_lane(
    settings: "Settings", processor: "Processor", group: str, name: str, port: int, batch_age_ms: int
) -> None:
    from commonshelf.config.credentials import kafka_options, security_options
    from streams.runtime import WorkerSettings, run_worker

    worker = WorkerSettings(
        bootstrap_servers=kafka_options(settings.kafka)["bootstrap.servers"],
        kafka_options=security_options(settings.kafka),
        group=group,
        instance_id=name,
        state_dir=settings.state_dir(name),
        partitions=settings.partitions,
        http_host=settings.http.host,
        http_port=port,
        batch_age_ms=batch_age_ms,
        batch_records=settings.ledger.batch_records,
        transaction_timeout_ms=settings.ledger.transaction_timeout_ms,
        step_over="./shelf park POOL {topic} {partition} {offset} --reason TEXT",
        accept_gap="./shelf park POOL {topic} {partition} {offset} --until {until} --reason TEXT",
    )
    worker.state_dir.mkdir(parents=True, exist_ok=True)
    run_worker(processor, worker)


def agents_process(settings: "Settings", _number: int) -> None:
    from commonshelf.config.credentials import kafka_options, security_options
    from commonshelf.desks.partners import callers
    from commonshelf.desks.vault import vault_engine
    from commonshelf.web.webhooks.host import webhooks_caller
    from streams.agents.settings import AgentsSettings
    from streams.agents.worker import run_agents

    run_agents(
        AgentsSettings(
            bootstrap_servers=kafka_options(settings.kafka)["bootstrap.servers"],
            data_dir=settings.state_dir("agents"),
            kafka_options=security_options(settings.kafka),
            partitions=settings.partitions,
            http_host=settings.http.host,
            http_port=settings.http.agents_port,
            tick_interval_ms=settings.agents.tick_interval_ms,
            data_clock_pools=frozenset(pool.id for pool in settings.pools if pool.clock == "data"),
            vault_engine=lambda: vault_engine(settings),
            vault_sweep_interval_s=settings.vault.sweep_interval_s,
            callers=lambda registry: {**callers(settings, registry), "webhooks": webhooks_caller(settings, registry)},
        )
    )


def connectors_process(settings: "Settings", _number: int) -> None:
    from commonshelf.config.connector_specs import connector_specs
    from commonshelf.config.credentials import kafka_options
    from commonshelf.dead_letters.set_aside import SetAsideLines
    from commonshelf.desks.connector_positions import stored_positions, stored_write_backs
    from commonshelf.desks.held_goods import HeldGoods
    from commonshelf.desks.partners import endpoints
    from connectors.context import WriteBackContext
    from connectors.host import run_connectors
    from connectors.positions import Positions
    from connectors.vendor.options import VendorOptions
    from connectors.vendor.write_back import write_back_log
    from connectors.writers import Writers
    from messaging.publisher import Publisher

    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each address, and some vendors want keys there

    state_dir = settings.state_dir("connectors")
    state_dir.mkdir(parents=True, exist_ok=True)
    options = kafka_options(settings.kafka)
    held = HeldGoods(options, settings.partitions)
    specs = list(connector_specs(settings))
    parties = [
        (spec.store.pool, spec.store.id, spec.options.kind) for spec in specs if isinstance(spec.options, VendorOptions)
    ]
    writers = Writers(options, settings.partitions)

    def claimed(stored: Callable[[Mapping[str, str]], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Of what other hosts wrote, nothing comes after this."""
        writers.claim(parties)
        return stored(options)

    set_aside = SetAsideLines(options, {(spec.store.pool, spec.store.id) for spec in specs})
    with Publisher(options, settings.partitions) as publisher, closing(held), closing(set_aside):
        log = write_back_log(lambda: claimed(stored_write_backs), writers)
        run_connectors(
            specs,
            publisher,
            Positions(lambda: claimed(stored_positions), writers),
            http_host=settings.http.webhook_host,
            http_port=settings.http.webhook_port,
            state_dir=state_dir,
            write_back=WriteBackContext(held, log),
            set_aside=set_aside,
            pages_host=settings.http.host,
            pages_port=settings.http.connectors_port,
            partners=list(endpoints(settings)),
        )


def arrival_process(settings: "Settings", _number: int) -> None:
    from commonshelf.desks.arrival_pages import hosted
    from commonshelf.stack.processes import reachable
    from connectors.arrival.reference.serve import serve

    http = settings.http
    reports_url = f"http://{reachable(http.webhook_host)}:{http.webhook_port}/partners"
    serve(hosted(settings), reports_url, settings.state_dir("arrival"), http.arrival_host, http.arrival_port)


def settlement_process(settings: "Settings", _number: int) -> None:
    from commonshelf.config.credentials import kafka_options
    from commonshelf.desks.settlement.database import settlement_engine
    from streams.settlement.store.worker import SettlementSettings, run_settlement

    run_settlement(
        SettlementSettings(
            kafka_options=kafka_options(settings.kafka),
            partitions=settings.partitions,
            http_host=settings.http.host,
            http_port=settings.http.settlement_port,
            make_engine=lambda: settlement_engine(settings),
        )
    )


def exporter_process(settings: "Settings", _number: int) -> None:
    from commonshelf.config.credentials import kafka_options
    from schemas.topics import TOPICS
    from streams.exporter.process import ExporterSettings, run_exporter

    run_exporter(
        ExporterSettings(
            kafka_options=kafka_options(settings.kafka),
            partitions=settings.partitions,
            http_host=settings.http.host,
            http_port=settings.http.exporter_port,
            groups={
                role.group: [name for name, topic in TOPICS.items() if role.takes_in(topic)]
                for role in ROLES
                if role.group is not None
            },
        ),
        beside=_tracer(settings) if settings.tracing.share_permille else None,
    )


def _tracer(settings: "Settings") -> Callable[["Event"], None]:
    """Raises NoTracingError."""
    from commonshelf.config.credentials import kafka_options

    try:
        from streams.exporter.tracing import tracer_to_collector
    except ModuleNotFoundError as error:
        raise NoTracingError(
            "traces take OpenTelemetry's SDK, the extra tracing of this package: install it (./shelf does so where "
            f"OTEL_EXPORTER_OTLP_ENDPOINT names a collector), or set tracing.share_permille to 0 ({error})"
        ) from error
    return tracer_to_collector(kafka_options(settings.kafka), settings.partitions).run


def http_process(settings: "Settings", _number: int) -> None:
    from commonshelf.web.serve import serve

    serve(settings)


app = make_app(ROLES)
