"""The Faust lane as a process: `run_agents` starts it and returns when it was told to stop.

It keeps no state that matters. Whatever goes wrong for good ends the process, and its supervisor starts another.
"""

import asyncio
import logging
import os
import signal

import faust
from prometheus_client import CollectorRegistry

from messaging.status_server import StatusServer
from streams.agents.callers import Callers
from streams.agents.errors import AgentsError
from streams.agents.kafka_security import credentials
from streams.agents.preflight import wait_for_topics
from streams.agents.settings import AgentsSettings
from streams.agents.status import LoopStatus
from streams.clock import agent as clock_agent
from streams.clock.agent import Clock
from streams.vault.agent import Sweeper

_STOP_GRACE_S = 4.0
_HEARTBEAT_S = 0.5

log = logging.getLogger(__name__)


def run_agents(settings: AgentsSettings) -> None:
    """Run the agents until SIGTERM or SIGINT, then return.

    Raises SystemExit(1) after logging one sentence that says why, when they cannot run or go on.
    """
    for chatty in ("faust", "mode", "aiokafka"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        asyncio.run(_run(settings))
    except AgentsError as error:
        log.critical("%s", error)
        raise SystemExit(1) from error


def make_app(settings: AgentsSettings) -> faust.App:
    """The Faust app, without agents. Raises AgentsError for unusable security options."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return faust.App(
        settings.group,
        env_prefix="COMMONSHELF_FAUST",  # else any BROKER_URL or WEB_PORT in the environment is taken for ours
        broker=[f"kafka://{server.strip()}" for server in settings.bootstrap_servers.split(",")],
        broker_credentials=credentials(settings.kafka_options),
        # A static member that comes back is let in at once; a stranger would wait for the dead one's session.
        consumer_group_instance_id=settings.instance_id,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
        broker_request_timeout=20.0,
        producer_request_timeout=5.0,  # an older tick is not worth sending
        store="memory://",
        datadir=str(settings.data_dir),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
    )


async def _run(settings: AgentsSettings) -> None:
    stop = asyncio.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wanted, stop.set)
    app = make_app(settings)
    metrics, status = CollectorRegistry(), LoopStatus()
    clock = Clock(
        app,
        metrics,
        partitions=settings.partitions,
        interval_ms=settings.tick_interval_ms,
        data_clock_pools=settings.data_clock_pools,
    )
    if settings.vault_engine is not None:
        Sweeper(app, metrics, make_engine=settings.vault_engine, interval_s=settings.vault_sweep_interval_s)
    callers = Callers(settings.callers(metrics))
    with _serve(settings, status, metrics) as pages:
        log.info("pages at %s/health, /ready and /metrics", pages.url)
        heartbeat = asyncio.create_task(_heartbeat(status))
        try:
            await wait_for_topics(settings, clock_agent.TOPICS, stop, lambda reason: _wait_for(status, reason))
            if not stop.is_set():
                callers.start()
                await _run_app(app, clock, callers, status, stop)
        finally:
            await asyncio.to_thread(callers.stop, _STOP_GRACE_S)
            heartbeat.cancel()
    log.info("stopped")


def _serve(settings: AgentsSettings, status: LoopStatus, metrics: CollectorRegistry) -> StatusServer:
    """All that this process serves: Faust's own web, which would show tables to anyone, is off."""
    host, port = settings.http_host, settings.http_port
    try:
        return StatusServer(host, port, health=status.health, ready=status.ready, registry=metrics)
    except OSError as error:
        raise AgentsError(
            f"the agents' pages cannot listen on {host}:{port} ({error.strerror}); "
            "choose another http_port, or stop what uses it."
        ) from error


def _wait_for(status: LoopStatus, reason: str) -> None:
    status.waiting_for = reason
    log.info("%s", reason)


async def _heartbeat(status: LoopStatus) -> None:
    while True:
        status.loop_ran()
        await asyncio.sleep(_HEARTBEAT_S)


async def _run_app(app: faust.App, clock: Clock, callers: Callers, status: LoopStatus, stop: asyncio.Event) -> None:
    stopping = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(_start_and_wait(app))
    try:
        while not (stopping.done() or ended.done() or callers.failure):
            status.waiting_for = clock.waiting_for() if app.started else "Faust is starting"
            await asyncio.wait((stopping, ended), timeout=_HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
        status.waiting_for = "the worker is stopping"
    finally:
        await _stop(app, int(not stop.is_set()))
    if callers.failure is not None:
        raise AgentsError(f"{callers.failure}; the log above says more, and a restart loses nothing.")
    if not stop.is_set():
        reason = app.crash_reason or (ended.exception() if ended.done() and not ended.cancelled() else None)
        raise AgentsError(f"Faust ended by itself ({reason!r}); its log above says more, and a restart loses nothing.")


async def _start_and_wait(app: faust.App) -> None:
    await app.start()
    await app.wait_until_stopped()


async def _stop(app: faust.App, code: int) -> None:
    stopping = asyncio.create_task(app.stop())
    # Not wait_for: Faust swallows the cancellation, and wait_for would then wait without end.
    await asyncio.wait((stopping,), timeout=_STOP_GRACE_S)
    if stopping.done():
        stopping.result()
        return
    # Faust waits for a Kafka that is gone, on threads that hold the process; there is nothing to save.
    log.warning("Faust did not stop within %g s, so the process ends without it", _STOP_GRACE_S)
    logging.shutdown()
    os._exit(code)
