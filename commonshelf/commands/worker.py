"""`worker`: one process of the stack. The supervisor starts these; a container or an init system may, too."""

import logging
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.options import ConfigOption

if TYPE_CHECKING:
    from commonshelf.config.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="Run one process of the stack by itself (in a container, say); `up` runs them all.",
)

ResolvedOption = Annotated[
    Path | None,
    typer.Option("--resolved", metavar="FILE", hidden=True, help="Settings of a running stack, as JSON."),
]


@app.command()
def ledger(
    config: ConfigOption = None,
    resolved: ResolvedOption = None,
    number: Annotated[int, typer.Option("--number", min=1, help="Which of the ledger workers, from 1.")] = 1,
) -> None:
    """Keep the books: the pool's processor, exactly once.

    Example: ./shelf worker ledger --config commonshelf.toml --number 2
    """
    settings = _begin(config, resolved)
    from commonshelf.config.credentials import kafka_options, security_options
    from commonshelf.config.settings import LEDGER_GROUP
    from streams.pool.processor import PoolProcessor
    from streams.runtime import WorkerSettings, run_worker

    name = f"ledger-{number}"
    worker = WorkerSettings(
        bootstrap_servers=kafka_options(settings.kafka)["bootstrap.servers"],
        kafka_options=security_options(settings.kafka),
        group=LEDGER_GROUP,
        instance_id=name,
        state_dir=settings.state_dir(name),
        partitions=settings.partitions,
        http_host=settings.http.host,
        http_port=settings.http.ledger_port + number - 1 if settings.http.ledger_port else 0,
        batch_age_ms=settings.ledger.batch_age_ms,
        batch_records=settings.ledger.batch_records,
    )
    worker.state_dir.mkdir(parents=True, exist_ok=True)
    run_worker(PoolProcessor(), worker)


@app.command()
def agents(config: ConfigOption = None, resolved: ResolvedOption = None) -> None:
    """Keep the clock, and talk to the outside: the Faust worker.

    Example: ./shelf worker agents --config commonshelf.toml
    """
    settings = _begin(config, resolved)
    from commonshelf.config.credentials import kafka_options, security_options
    from commonshelf.desks.vault import vault_engine
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
        )
    )


@app.command()
def connectors(config: ConfigOption = None, resolved: ResolvedOption = None) -> None:
    """Take in what tills say: drop folders, webhooks, and the vendors' own APIs.

    Example: ./shelf worker connectors --config commonshelf.toml
    """
    settings = _begin(config, resolved)
    from commonshelf.config.connector_specs import connector_specs
    from commonshelf.config.credentials import kafka_options
    from commonshelf.desks.connector_positions import stored_positions, stored_write_backs
    from commonshelf.desks.held_goods import HeldGoods
    from connectors.context import WriteBackContext
    from connectors.host import run_connectors
    from connectors.positions import Positions
    from connectors.vendor.write_back import write_back_log
    from messaging.publisher import Publisher

    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each address, and some vendors want keys there

    state_dir = settings.state_dir("connectors")
    state_dir.mkdir(parents=True, exist_ok=True)
    options = kafka_options(settings.kafka)
    held = HeldGoods(options, settings.partitions)
    with Publisher(options, settings.partitions) as publisher, closing(held):
        log = write_back_log(lambda: stored_write_backs(options), publisher)
        run_connectors(
            list(connector_specs(settings)),
            publisher,
            Positions(lambda: stored_positions(options), publisher),
            http_host=settings.http.webhook_host,
            http_port=settings.http.webhook_port,
            state_dir=state_dir,
            write_back=WriteBackContext(held, log),
        )


@app.command()
def http(config: ConfigOption = None, resolved: ResolvedOption = None) -> None:
    """Serve our pages and the schema registry.

    Example: ./shelf worker http --config commonshelf.toml
    """
    settings = _begin(config, resolved)
    import uvicorn

    from commonshelf.web.app import make_app

    uvicorn.run(
        make_app(settings),
        host=settings.http.host,
        port=settings.http.port,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


def _begin(config: Path | None, resolved: Path | None) -> "Settings":
    from commonshelf.config.settings import Settings
    from commonshelf.config.sources import load
    from commonshelf.stack.parent_watch import end_with_parent

    end_with_parent()
    logging.basicConfig(
        stream=sys.stderr,
        level=os.environ.get("COMMONSHELF_LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    if resolved is not None:
        return Settings.model_validate_json(resolved.read_text(encoding="utf-8"))
    return load(config).settings
