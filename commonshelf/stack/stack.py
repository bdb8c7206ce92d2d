"""Everything that a consortium runs, as one context: Kafka, topics, declared config, supervised workers.

    with Stack(settings, on_event=print) as stack:
        ...  # stack.bootstrap_servers, stack.kafka_options, stack.urls, stack.processes

`up` and `demo` are made of it. Whatever ends the process, no process of it survives.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import httpx

from commonshelf.config.consistency import SettingsRecord
from commonshelf.config.credentials import kafka_options
from commonshelf.config.preflight import blockers
from commonshelf.config.publishing import publish_settings, records_of
from commonshelf.config.resolved import resolved_text
from commonshelf.config.settings import Settings
from commonshelf.embedded_kafka.errors import KafkaStartError
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.embedded_kafka.private_files import write_private
from commonshelf.stack.own_kafka import StackError, embedded_kafka, hold_data_dir, reached_by
from commonshelf.stack.processes import StackProcess, processes, reachable, resolve_ports, web_address
from commonshelf.stack.runtime_file import Runtime, remove_runtime, write_runtime
from commonshelf.stack.supervisor import ProcessStatus, Supervisor, last_line
from messaging.topic_admin import ensure_topics

_READY_TIMEOUT_S = 90.0
_CLIENT_FILE = "client.properties"
"""How other programs of the owner reach the embedded Kafka, in librdkafka's words."""
_POLL_S = 0.05
_UPKEEP_S = 0.5
_UPKEEP_PAUSE_MAX_S = 15.0
"""Between two tries to set right what the machine refuses, such as a broker on a full disk."""
_CRASHES_BEFORE_GIVING_UP = 3


@dataclass(frozen=True)
class StackEvent:
    """An event for the user: a step begun, bytes of a download, or a warning. `text` is one line."""

    kind: Literal["step", "download", "warning"]
    text: str
    done_bytes: int = 0
    total_bytes: int = 0


OnEvent = Callable[[StackEvent], None]
"""Called from several threads."""


class Stack:
    """A running consortium.

    settings: as the operator gave them; ports of 0 are picked, the embedded Kafka's address is filled in.
    records: config and catalog records to declare beside those of the settings.
    processes_env: beside our own environment, of which each process gets its part (secrets go this way, never in argv).

    Entering raises StackError, KafkaStartError, TopicsError, PortTakenError, UnusableFileError or SettingsError, each
    with one sentence for the user, and has then stopped whatever it had started.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_event: OnEvent = lambda _: None,
        records: Iterable[SettingsRecord] = (),
        processes_env: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings
        self.urls: dict[str, str] = {}
        """Process → base address of its pages; `web` → where people and programs ask; `webhooks` → of the stores."""
        self.kafka_options: dict[str, str] = {}
        """A client's options, bootstrap.servers among them. May hold a password."""
        self._on_event = on_event
        self._records = list(records)
        self._processes_env = dict(processes_env or {})
        self._hold: TextIOWrapper | None = None
        self._kafka: EmbeddedKafka | None = None
        self._told_down: list[int] = []
        """Brokers that were down when that was last told."""
        self._supervisor: Supervisor | None = None
        self._stopping = threading.Event()
        self._upkeep = threading.Thread(target=self._keep_up, name="stack-upkeep", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def bootstrap_servers(self) -> str:
        return self.kafka_options["bootstrap.servers"]

    @property
    def processes(self) -> list[ProcessStatus]:
        return self._supervisor.statuses if self._supervisor else []

    def start(self) -> None:
        """Start everything and return when every process that counts is ready."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def publish_settings(self, records: Iterable[SettingsRecord]) -> int:
        """Publish config or catalog records that say something new. Returns how many did."""
        return publish_settings(self.kafka_options, self.settings.partitions, records)

    def stop(self) -> None:
        """Stop connectors, then workers, then Kafka. May be repeated."""
        self._stopping.set()
        if self._upkeep.ident is not None:
            self._upkeep.join()
        if self._supervisor is not None:
            self._step("stopping the workers")
            self._supervisor.stop()
            self._supervisor = None
        if self._kafka is not None:
            self._step(
                "stopping Kafka; once, it also writes down what makes its next start faster, which takes some seconds"
                if self._kafka.is_training
                else "stopping Kafka"
            )
            self._kafka.stop()
            self._kafka = None
        if self._hold is not None:
            remove_runtime(self.settings.data_dir)
            self._hold.close()
            self._hold = None

    def _start(self) -> None:
        self._hold = hold_data_dir(self.settings.data_dir, self._warn)
        self.settings = resolve_ports(self.settings)
        self._check_start()  # what is wrong with the settings shows before Kafka is started
        declared = [*records_of(self.settings), *self._records]
        self._start_kafka()
        self._step("creating the topics")
        for line in ensure_topics(
            self.kafka_options, self.settings.partitions, replicas=self.settings.kafka.topic_replicas
        ):
            if not line.startswith("created"):
                self._on_event(StackEvent("warning", line))
        self._start_processes(declared)

    def _check_start(self) -> None:
        found = [
            f"{each.found}; {each.to_do}" if each.to_do else each.found
            for each in blockers(self.settings, os.environ | self._processes_env)
        ]
        if found:
            raise StackError("\n".join(found))

    def _start_kafka(self) -> None:
        kafka = self.settings.kafka
        if kafka.is_embedded:
            self._step("starting Kafka")
            self._kafka = embedded_kafka(self.settings, self._download_progress)
            self._kafka.start()
            kafka = reached_by(self.settings, self._kafka)
            self.settings = self.settings.model_copy(update={"kafka": kafka})
        self.kafka_options = kafka_options(kafka)
        if self._kafka is not None:
            client = "".join(f"{name}={value}\n" for name, value in sorted(self.kafka_options.items()))
            write_private(self.settings.data_dir / "run" / _CLIENT_FILE, client)

    def _start_processes(self, declared: list[SettingsRecord]) -> None:
        self._step("starting the workers")
        resolved = self.settings.data_dir / "run" / "settings.json"
        write_private(resolved, resolved_text(self.settings))
        wanted = processes(self.settings, resolved, os.environ | self._processes_env)
        self.urls = {process.spec.name: process.url for process in wanted}
        http = self.settings.http
        self.urls["web"] = web_address(self.settings)
        if "connectors" in self.urls:
            self.urls["webhooks"] = f"http://{reachable(http.webhook_host)}:{http.webhook_port}/webhooks/v1"
        self._supervisor = Supervisor([process.spec for process in wanted], self.settings.log_dir, self._warn)
        self._supervisor.start(later=[process.spec.name for process in wanted if process.role.is_after_settings])
        news = self.publish_settings(declared)
        self._step(f"published {news} new settings" if news else "all settings are published already")
        self._supervisor.start_rest()
        self._write_runtime(resolved)
        self._wait_ready([process for process in wanted if process.role.is_awaited])
        self._upkeep.start()

    def _wait_ready(self, wanted: list[StackProcess]) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT_S
        waiting = {process.spec.name: process for process in wanted}
        with httpx.Client(timeout=2.0, trust_env=False) as client:
            while waiting:
                for name, process in list(waiting.items()):
                    if _is_ready(client, process.url):
                        del waiting[name]
                self._give_up_on(waiting, deadline)
                time.sleep(_POLL_S)

    def _give_up_on(self, waiting: Mapping[str, StackProcess], deadline_s: float) -> None:
        for status in self.processes:
            if status.name in waiting and status.crashes >= _CRASHES_BEFORE_GIVING_UP:
                raise StackError(
                    f"{status.name} does not start: {last_line(status.log_path)}; its log is {status.log_path}"
                )
        if waiting and time.monotonic() > deadline_s:
            late = next(status for status in self.processes if status.name in waiting)
            raise StackError(
                f"{', '.join(waiting)} did not become ready in {_READY_TIMEOUT_S:.0f} s; "
                f"{late.name} last said: {last_line(late.log_path)}; its log is {late.log_path}"
            )

    def _keep_up(self) -> None:
        """While the stack runs: a broker that ended is started again, runtime.json follows the processes."""
        resolved = self.settings.data_dir / "run" / "settings.json"
        pids = [status.pid for status in self.processes]
        pause_s, told = _UPKEEP_S, ""
        while not self._stopping.wait(pause_s):
            try:
                self._revive_brokers()
                now = [status.pid for status in self.processes]
                if now != pids:
                    self._write_runtime(resolved)
                    pids = now
            except (KafkaStartError, OSError) as error:
                pause_s = min(2 * pause_s, _UPKEEP_PAUSE_MAX_S)
                if str(error) != told:
                    told = str(error)
                    self._warn(f"{told.rstrip('.')}; it is tried again and again")
            else:
                if told:
                    self._warn("what was told above is over")
                pause_s, told = _UPKEEP_S, ""

    def _revive_brokers(self) -> None:
        """All at once, since those that are a majority need each other. Raises KafkaStartError when one stays away."""
        down = self._kafka.down if self._kafka else []
        if down and down != self._told_down:
            self._warn(
                f"a Kafka broker ended by itself and is started again; its log is under {self.settings.kafka_dir}"
            )
        self._told_down = down
        if self._kafka and down:
            self._kafka.restart(*down)

    def _write_runtime(self, resolved: Path) -> None:
        write_runtime(
            self.settings.data_dir,
            Runtime(
                pid=os.getpid(),
                bootstrap_servers=self.bootstrap_servers,
                settings_file=str(resolved),
                urls=self.urls,
                process_pids={status.name: status.pid for status in self.processes if status.pid},
                kafka_pids=self._kafka.pids if self._kafka else [],
            ),
        )

    def _download_progress(self, done_bytes: int, total_bytes: int) -> None:
        self._on_event(StackEvent("download", "downloading Kafka", done_bytes, total_bytes))

    def _step(self, text: str) -> None:
        self._on_event(StackEvent("step", text))

    def _warn(self, text: str) -> None:
        self._on_event(StackEvent("warning", text))


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/ready").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
