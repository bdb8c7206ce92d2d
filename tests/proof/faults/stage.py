"""The stage of the fault test: an embedded Kafka, its topics, the tills, and supervised ledger workers."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE
from messaging.topic_admin import ensure_topics
from schemas.partition import partition_of
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_REQUESTS,
    POOL_AVAILABILITY,
    POOL_CHANGELOG,
    POOL_CONFIG,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from tests.proof.faults.fork_server import ForkServer
from tests.proof.faults.slot import Slot
from tests.proof.faults.topic_log import GroupView
from tests.proof.faults.worker import GROUP
from tests.proof.faults.world import AS_USUAL, Mix, pool_names, settings_records
from tests.support.waiting import PATIENCE_S

INPUTS = (
    POOL_CONFIG.name, CATALOG_ITEMS.name, POS_SALES.name, POS_STOCK.name, POOL_TICKS.name,
    ORDERS_REQUESTS.name, FULFILMENT_REPORTS.name,
)  # fmt: skip
ROOT = Path(__file__).resolve().parents[3]
_POLL_S = 0.02


class TooSlowError(RuntimeError):
    """Something did not come about before its deadline."""


class EndedByItselfError(RuntimeError):
    """A worker ended, and neither because it was killed nor well when it was asked to."""


def wait_until(what: str, is_true: Callable[[], bool], deadline_s: float) -> float:
    """Seconds that it took. Raises TooSlowError."""
    began = time.monotonic()
    while not is_true():
        if time.monotonic() - began > deadline_s:
            raise TooSlowError(f"{what}: not within {deadline_s:.0f} s")
        time.sleep(_POLL_S)
    return time.monotonic() - began


def wait_none_left(what: str, left: Callable[[], int], patience_s: float) -> None:
    """However long it takes, as long as less is left time and again. Raises TooSlowError when that stops."""
    least, heard = left(), time.monotonic()
    while least:
        time.sleep(_POLL_S)
        if (now := left()) < least:
            least, heard = now, time.monotonic()
        elif time.monotonic() - heard > patience_s:
            raise TooSlowError(f"{what}: {least} left, and no fewer for {patience_s:.0f} s")


@dataclass(frozen=True)
class WorkerTimes:
    """Time-outs of the workers, ms. `mutant` names a planted bug."""

    session_ms: int = 6_000
    transaction_ms: int = 5_000
    mutant: str | None = None


@dataclass(frozen=True)
class Plan:
    """What is on the stage. Each worker holds the same number of partitions."""

    brokers: int = 1
    workers: int = 2
    partitions: int = 4
    pools: int = 7
    lines_per_s: int = 150
    """Sent all the time, beside the bursts."""
    times: WorkerTimes = WorkerTimes()
    mix: Mix = AS_USUAL
    in_columns: int = 0
    """So many of the workers take sales in columns, however few come at a time; the others as they do at work."""

    @property
    def pool_names(self) -> list[str]:
        return pool_names(self.partitions, self.pools)


class FaultStage:
    """Everything that runs, as a context. Times are wall time in seconds."""

    def __init__(self, folder: Path, seed: int, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.kafka = self._make_kafka()
        self.failpoint_log = folder / "failpoints.jsonl"
        self.acknowledged = folder / "acknowledged.tsv"
        self._lanes = folder / "lanes.txt"
        self.slots = [Slot(f"ledger-{n}", folder / f"ledger-{n}") for n in range(1, plan.workers + 1)]
        self.others: list[Slot] = []
        """Processes beside the workers that are kept alive, too."""
        self.lines_sent = 0
        self._seed = seed
        self._tills_lock = threading.Lock()
        self._tills: subprocess.Popen[str] | None = None
        self._lock = threading.RLock()
        self._is_over = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    # --- coming and going -------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        self._start_kafka()
        self.bootstrap_servers = self.kafka.bootstrap_servers
        plan = self.plan
        self._fork_server = ForkServer()
        ensure_topics({"bootstrap.servers": self.bootstrap_servers}, plan.partitions, replicas=plan.brokers)
        self._admin = self._make_admin()
        self._compact_often()
        self._publish_settings()
        self.group = GroupView(self.bootstrap_servers, GROUP, INPUTS, plan.partitions)
        for slot in self.slots:
            slot.command = self.worker_command(slot)
            self.start(slot)
        self._supervisor.start()
        self._tills = subprocess.Popen(
            [
                sys.executable, "-m", "tests.proof.faults.workload", "--bootstrap-servers", self.bootstrap_servers,
                "--partitions", str(plan.partitions), "--pools", str(plan.pools), "--seed", str(self._seed),
                "--lines-per-s", str(plan.lines_per_s), "--acknowledged", str(self.acknowledged),
                "--repeats", str(plan.mix.repeats), "--receipt-lines-min", str(plan.mix.receipt_lines_min),
            ],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def close(self) -> None:
        """End every process that was started."""
        self._is_over.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        for slot in (*self.slots, *self.others):
            if slot.is_running():
                slot.send(signal.SIGKILL)
                self._reap(slot)
        if hasattr(self, "_fork_server"):
            self._fork_server.close()
        self.silence()
        if hasattr(self, "group"):
            self.group.close()
        self.kafka.stop()

    def _make_kafka(self) -> EmbeddedKafka:
        return EmbeddedKafka(brokers=self.plan.brokers)

    def _start_kafka(self) -> None:
        self.kafka.start()

    def _servers_of(self, slot: Slot) -> str:
        """The brokers' addresses as this worker is told them."""
        return self.bootstrap_servers

    def _more_stores(self) -> Mapping[str, Sequence[str]]:
        """Stores beside those of the world, by pool."""
        return {}

    def _make_admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 2})

    def _compact_often(self) -> None:
        """Let the cleaner run under the workers' feet."""
        resources = [
            ConfigResource(
                ResourceType.TOPIC, topic,
                incremental_configs=[
                    ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                    for name, value in (("segment.ms", "5000"), ("min.cleanable.dirty.ratio", "0.01"))
                ],
            )
            for topic in (POOL_CHANGELOG.name, POOL_AVAILABILITY.name)
        ]  # fmt: skip
        for done in self._admin.incremental_alter_configs(resources).values():
            done.result()

    def _publish_settings(self) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap_servers, "enable.idempotence": True})
        for record in settings_records(self.plan.pool_names, time.time_ns() // 1_000_000, self._more_stores()):
            producer.produce(record.topic, record.value, record.key, partition_of(record.pool, self.plan.partitions))
        if producer.flush(PATIENCE_S):
            raise TooSlowError("settings: not acknowledged")

    # --- processes --------------------------------------------------------------------------------------

    def worker_command(self, slot: Slot) -> Sequence[str]:
        """The arguments of this worker."""
        times = self.plan.times
        command = [
            "--bootstrap-servers", self._servers_of(slot), "--instance", slot.instance,
            "--state-dir", str(slot.state_dir), "--partitions", str(self.plan.partitions),
            "--session-timeout-ms", str(times.session_ms), "--transaction-timeout-ms", str(times.transaction_ms),
            "--lanes", str(self._lanes),
        ]  # fmt: skip
        if slot in self.slots[: self.plan.in_columns]:
            command.append("--in-columns")
        return command if times.mutant is None else [*command, "--mutant", times.mutant]

    def start(self, slot: Slot) -> None:
        """Start the slot's next process, with the failpoints that are armed for it."""
        slot.folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, WATCH_STDIN_VARIABLE: "1", "COMMONSHELF_FAILPOINT_LOG": str(self.failpoint_log)}
        environment |= {"COMMONSHELF_FAILPOINTS": slot.armed, **slot.environment}
        slot.armed = ""
        slot.started += 1
        if slot.is_worker:
            slot.process = self._fork_server.start(slot.command, environment, slot.log)
            return
        with slot.log.open("ab") as log:
            slot.process = subprocess.Popen(
                slot.command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    def _supervise(self) -> None:
        """Start a process again when it is gone, whatever ended it."""
        while not self._is_over.wait(0.05):
            with self._lock:
                for slot in (*self.slots, *self.others):
                    if slot.is_kept_alive and not slot.is_running():
                        self._reap(slot)
                        self.start(slot)

    def _reap(self, slot: Slot) -> None:
        if slot.process is not None:
            slot.exits.append(slot.process.wait())
            if isinstance(slot.process, subprocess.Popen) and slot.process.stdin is not None:
                slot.process.stdin.close()
            slot.process = None

    def kill(self, slot: Slot) -> None:
        """SIGKILL, and nobody starts the next one until `release`."""
        with self._lock:
            slot.is_kept_alive = False
            if slot.is_running():
                slot.send(signal.SIGKILL)
            self._reap(slot)

    def terminate(self, slot: Slot) -> int:
        """SIGTERM; the exit status. Nobody starts the next one until `release`. Raises TooSlowError."""
        slot.is_kept_alive = False
        slot.send(signal.SIGTERM)
        wait_until(f"{slot.instance} ends on SIGTERM", lambda: not slot.is_running(), PATIENCE_S)
        with self._lock:
            self._reap(slot)
        return slot.exits[-1]

    def release(self, slot: Slot) -> None:
        """Let the supervisor keep the slot alive, now and on."""
        slot.is_kept_alive = True

    def drop_state(self, slot: Slot) -> None:
        shutil.rmtree(slot.state_dir, ignore_errors=True)

    def keep_state(self, slot: Slot) -> None:
        """Copy the state of a worker that is down, for `put_back_old_state`."""
        shutil.rmtree(slot.folder / "old-state", ignore_errors=True)
        shutil.copytree(slot.state_dir, slot.folder / "old-state")

    def put_back_old_state(self, slot: Slot) -> bool:
        """What `keep_state` copied last. Whether there was anything."""
        if not (slot.folder / "old-state").exists():
            return False
        self.drop_state(slot)
        shutil.copytree(slot.folder / "old-state", slot.state_dir, dirs_exist_ok=True)
        return True

    def keep_logs(self, folder: Path) -> None:
        """Copy what the processes said to `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for slot in (*self.slots, *self.others):
            shutil.copy(slot.log, folder / f"{slot.instance}.log")

    # --- the group --------------------------------------------------------------------------------------

    def holdings(self) -> dict[str, set[int]]:
        """Instance → input partitions that the group gives to it; nothing unless the group is at rest."""
        try:
            [asked] = self._admin.describe_consumer_groups([GROUP], request_timeout=5).values()
            found = asked.result()
        except KafkaException:  # nobody joined yet, or the broker is just coming up
            self._admin = self._make_admin()  # an old client may look for the old coordinator for ever
            return {}
        if found.state.name != "STABLE":
            return {}
        return {
            member.group_instance_id: {at.partition for at in member.assignment.topic_partitions}
            for member in found.members
        }

    def held_by(self, slot: Slot) -> set[int]:
        """Input partitions that the group gives to the slot; none unless the group is at rest."""
        return self.holdings().get(slot.instance, set())

    def wait_shared(self, deadline_s: float = PATIENCE_S) -> None:
        """Until every worker holds its share, and nobody else holds any."""
        share = self.plan.partitions // len(self.slots)
        wanted = {slot.instance: share for slot in self.slots}
        found: dict[str, int] = {}

        def is_shared() -> bool:
            found.clear()
            found.update({name: len(held) for name, held in self.holdings().items()})
            return found == wanted

        try:
            wait_until("all workers hold their partitions", is_shared, deadline_s)
        except TooSlowError as error:
            raise TooSlowError(f"{error}; held at last: {found}") from error

    def wait_taken_over(self, slot: Slot, deadline_s: float) -> None:
        """Until the others hold all partitions."""

        def is_taken_over() -> bool:
            held = self.holdings()
            return not held.pop(slot.instance, set()) and len(set().union(*held.values())) == self.plan.partitions

        wait_until(f"others take over from {slot.instance}", is_taken_over, deadline_s)

    # --- the tills --------------------------------------------------------------------------------------

    def burst(self, lines: int) -> None:
        """Have events of at least so many lines sent at once."""
        assert self._tills is not None
        assert self._tills.stdin is not None
        with self._tills_lock:
            self._tills.stdin.write(f"burst {lines}\n")
            self._note_sent()

    def stop_tills(self) -> None:
        """End the tills and wait for every acknowledgement. Raises RuntimeError when one is missing."""
        assert self._tills is not None
        assert self._tills.stdin is not None
        self._tills.stdin.close()
        self._note_sent()
        if self._tills.wait(PATIENCE_S) != 0:
            raise RuntimeError("the tills failed; see above")

    def silence(self) -> None:
        """End the tills at once, whatever they have under way: nothing more is sent from now on."""
        if self._tills is not None and self._tills.poll() is None:
            self._tills.kill()
            self._tills.wait()

    def _note_sent(self) -> None:
        assert self._tills is not None
        assert self._tills.stdout is not None
        answer = self._tills.stdout.readline()
        if not answer.startswith("sent "):
            raise RuntimeError(f"the tills ended: {answer!r}")
        self.lines_sent = int(answer.removeprefix("sent "))

    # --- the end ----------------------------------------------------------------------------------------

    def drain(self, patience_s: float) -> None:
        """Until every input record is committed."""
        ends = self.group.ends()
        wait_none_left("input to be worked off", lambda: self.group.behind(ends), patience_s)

    def sales_by_lane(self) -> tuple[int, int]:
        """Records of sales that workers committed, in the columnar and in the ordinary lane."""
        noted = self._lanes.read_text().splitlines() if self._lanes.exists() else []
        columnar, ordinary = zip((0, 0), *(map(int, line.split()) for line in noted), strict=True)
        return sum(columnar), sum(ordinary)

    def stop_workers(self) -> list[int]:
        """SIGTERM to each; their exit statuses."""
        return [self.terminate(slot) for slot in self.slots]
