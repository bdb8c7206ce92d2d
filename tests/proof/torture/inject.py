"""The faults that the torture test adds to those of the fault test, each with the proof that it landed.

A worker, a broker or the network is hit while what it holds is unread; a connector while a shop waits for it;
the follower, settlement and restock while the journal is ahead of them. A full disk counts when somebody ran out of it.
"""

import signal
import time
from collections.abc import Callable, Sequence

from tests.proof.faults.inject import Landed, NotLandedError
from tests.proof.faults.slot import Slot
from tests.proof.faults.stage import wait_until
from tests.proof.torture.inject_clocks import OF_CLOCKS, ClockInjector
from tests.proof.torture.stage import ON_SMALL_DISK
from tests.support.waiting import PATIENCE_S

_RECOVERY_S = PATIENCE_S
_NETWORK = {
    "network cut": None, "network reset": None, "network slow": None,
    "network silent": ("requests", "answers"), "requests held": ("requests",), "answers held": ("answers",),
}  # fmt: skip
OF_WORKERS = (
    "kill", "kill, peer takes over", "stop", "stop at a failpoint", "kill, state deleted", "kill, state damaged",
    "kill, old state put back", "roll", "all workers killed", "rebalance storm",
)  # fmt: skip
OF_BROKERS = (
    "broker killed", "broker stopped", "broker and worker killed", "too few brokers", "all brokers killed",
)  # fmt: skip
PHASES = {
    "InitProducerId": 22, "AddPartitionsToTxn": 24, "AddOffsetsToTxn": 25, "EndTxn": 26, "TxnOffsetCommit": 28,
}  # fmt: skip
"""Kafka's API keys of the requests that make up a transaction."""
OF_PHASES = tuple(f"broker {struck} at {phase}" for phase in PHASES for struck in ("killed", "frozen"))
_RETENTION = "retention passes over inputs"
OF_DISKS = ("worker's disk full", "broker's disk full", "settlement's disk full")
OF_THE_EDGE = (
    "connectors killed", "connectors stopped", "connectors' clock stepped", "follower killed", "follower stopped",
    "settlement killed", "settlement stopped", "restock killed", "restock stopped",
)  # fmt: skip
OF_ALL = (*OF_WORKERS, *OF_BROKERS, *_NETWORK, *OF_DISKS, *OF_CLOCKS, _RETENTION)


class TortureInjector(ClockInjector):
    """Injects one fault, into what it is told or what it draws."""

    def inject_once(self, kind: str, slot: Slot, mine: set[int]) -> Landed:
        if kind in _NETWORK:
            return self._disturb_network(kind)
        if kind in OF_PHASES:
            return self._strike_at(kind)
        stage = self._torture
        faults: dict[str, Callable[[], Landed]] = {
            "all workers killed": self._kill_all_workers,
            "rebalance storm": self._storm,
            "broker killed": lambda: self._down(kind, 1),
            "broker stopped": self._stop_broker,
            "broker and worker killed": lambda: self._down(kind, 1, slot),
            "too few brokers": lambda: self._down(kind, 2),
            "all brokers killed": lambda: self._down(kind, 3),
            "worker's disk full": self._fill_worker_disk,
            "broker's disk full": self._fill_broker_disk,
            "settlement's disk full": self._fill_settlement_disk,
            _RETENTION: self._pass_retention,
            "connectors killed": lambda: self._signal_connectors(kind, signal.SIGKILL),
            "connectors stopped": lambda: self._signal_connectors(kind, signal.SIGSTOP),
            "connectors' clock stepped": self._step_connectors_clock,
            "follower killed": lambda: self._signal_follower(kind, signal.SIGKILL),
            "follower stopped": lambda: self._signal_follower(kind, signal.SIGSTOP),
            "settlement killed": lambda: self._kill_reader(kind, stage.settlement),
            "settlement stopped": lambda: self._stop_reader(kind, stage.settlement),
            "restock killed": lambda: self._kill_reader(kind, stage.restock),
            "restock stopped": lambda: self._stop_reader(kind, stage.restock),
        }
        return faults[kind]() if kind in faults else super().inject_once(kind, slot, mine)

    def relay(self, slot: Slot, mine: set[int], kinds: Sequence[str]) -> list[tuple[str, Landed | NotLandedError]]:
        """Kills at failpoints, one after another: each time it starts, the worker is on its way to the next.

        Only of the last one is it told how long it took to recover.
        """
        stage, injected = self._torture, list[tuple[str, Landed | NotLandedError]]()
        self._end(slot)
        landed, injected_at = None, time.monotonic()
        for kind in kinds:
            try:
                landed, injected_at = self._die_at(slot, mine, kind)
                injected.append((kind, landed))
            except NotLandedError as error:
                stage.kill(slot)
                landed, injected_at = None, time.monotonic()
                injected.append((kind, error))
        self._bring_back(slot, mine, landed or Landed("", 0), injected_at)
        return injected

    # --- workers ----------------------------------------------------------------------------------------

    def _kill_all_workers(self) -> Landed:
        stage = self._torture
        ends = self._unread()
        for slot in stage.slots:
            stage.kill(slot)
        injected_at = time.monotonic()
        landed = Landed("all workers killed", stage.group.behind(ends))
        for slot in stage.slots:
            stage.release(slot)
        landed.restart_s = self._worked_off(ends, injected_at)
        return landed

    def _storm(self) -> Landed:
        """Workers that nobody knows come and go: all partitions are shared out anew each time."""
        stage, rebalances = self._torture, 0
        ends = self._unread()
        injected_at = time.monotonic()
        landed = Landed("rebalance storm", stage.group.behind(ends))
        for n in range(3):
            guest = Slot(f"guest-{n}", stage.folder / "guest", is_kept_alive=False)
            guest.command = stage.worker_command(guest)
            stage.start(guest)
            wait_until(f"{guest.instance} joins", lambda guest=guest: bool(stage.held_by(guest)), _RECOVERY_S)
            rebalances += 1
            stage.burst(300)
            stage.kill(guest)
        landed.in_flight = landed.in_flight if rebalances else 0
        landed.other_s = self._worked_off(ends, injected_at)
        return landed

    def _fill_worker_disk(self) -> Landed:
        stage = self._torture
        slot, disk = stage.on_small_disk, stage.worker_disk
        assert disk is not None
        said = len(slot.says())
        ends = self._unread(stage.held_by(slot))
        landed = Landed("worker's disk full", stage.group.behind(ends))
        disk.fill()
        try:
            self._feed_until(landed.kind, lambda: b"No space left" in slot.says(said))
        finally:
            disk.give_space()
        landed.other_s = self._worked_off(ends, time.monotonic())
        return landed

    # --- brokers ----------------------------------------------------------------------------------------

    def _down(self, kind: str, brokers: int, slot: Slot | None = None) -> Landed:
        """So many brokers killed at once. Two that are left do the work; with fewer, nothing can be written."""
        stage = self._torture
        victims = self._chance.sample(range(stage.plan.brokers), brokers)
        ends = self._unread()
        landed = Landed(kind, stage.group.behind(ends))
        if landed.in_flight == 0:
            return landed
        injected_at = time.monotonic()
        for broker in victims:
            stage.kafka.kill(broker)
        if slot is not None:
            stage.kill(slot)
            stage.release(slot)
        if brokers == 1:
            landed.broker_s = self._worked_off(ends, injected_at)
            stage.kafka.restart(*victims)
        else:
            time.sleep(self._chance.uniform(1.0, 6.0))
            stage.kafka.restart(*victims)
            landed.broker_s = self._worked_off(ends, injected_at)
        return landed

    def _stop_broker(self) -> Landed:
        """Held still for longer than its session, so that others lead; then it goes on as if nothing had been."""
        stage = self._torture
        broker = self._chance.randrange(stage.plan.brokers)
        ends = self._unread()
        landed = Landed("broker stopped", stage.group.behind(ends))
        if landed.in_flight:
            stage.kafka.pause(broker)
            injected_at = time.monotonic()
            time.sleep(self._chance.uniform(7.0, 12.0))
            stage.kafka.resume(broker)
            landed.broker_s = self._worked_off(ends, injected_at)
        return landed

    def _strike_at(self, kind: str) -> Landed:
        """The broker that leads has got this request of a transaction, and nobody its answer."""
        stage, slot = self._torture, self._torture.proxied
        _, struck, _, phase = kind.split()
        ends = self._unread(stage.held_by(slot))
        passed = stage.proxy.await_request(PHASES[phase])
        try:
            if phase == "InitProducerId":  # once for each session
                stage.kill(slot)
                stage.release(slot)
            self._feed_until(kind, passed.done)
            broker = passed.result()
            time.sleep(self._chance.choice((0.0, 0.005, 0.05)))  # before the broker has done it, or after
            injected_at = time.monotonic()
            landed = Landed(kind, stage.group.behind(ends | stage.group.ends(stage.held_by(slot))))
            if struck == "killed":
                stage.kafka.kill(broker)
                stage.proxy.lose_answer()
            else:
                stage.kafka.pause(broker)
                time.sleep(self._chance.uniform(7.0, 12.0))  # longer than its session: others lead
                stage.kafka.resume(broker)
        finally:
            stage.proxy.clear()
        landed.broker_s = self._worked_off(ends, injected_at)
        if struck == "killed":
            stage.kafka.restart(broker)
        return landed

    def _fill_broker_disk(self) -> Landed:
        stage, disk = self._torture, self._torture.broker_disk
        assert disk is not None
        ends = self._unread()
        landed = Landed("broker's disk full", stage.group.behind(ends))
        pids = stage.kafka.pids
        disk.fill()
        injected_at = time.monotonic()
        try:
            self._feed_until(landed.kind, lambda: stage.kafka.pids != pids)
            landed.broker_s = self._worked_off(ends, injected_at)
        finally:
            disk.give_space()
        stage.kafka.restart(ON_SMALL_DISK)
        return landed

    def _pass_retention(self) -> Landed:
        """What was committed is deleted while more is unread; then a worker comes back to what is left."""
        stage, slot = self._torture, self._chance.choice(self._torture.slots)
        ends = self._unread()
        deleted = stage.pass_retention()
        stage.burst(1_500)
        ends |= stage.group.ends()
        stage.kill(slot)
        stage.release(slot)
        injected_at = time.monotonic()
        landed = Landed(_RETENTION, stage.group.behind(ends) if deleted else 0)
        landed.restart_s = self._worked_off(ends, injected_at)
        return landed

    # --- the network of one worker ----------------------------------------------------------------------

    def _disturb_network(self, kind: str) -> Landed:
        stage, proxy, ways = self._torture, self._torture.proxy, _NETWORK[kind]
        ends = self._unread(stage.held_by(stage.proxied))
        injected_at = time.monotonic()
        landed = Landed(kind, stage.group.behind(ends))
        if kind in ("network cut", "network reset"):
            for _ in range(3):
                proxy.end_connections(reset=kind == "network reset")
                stage.burst(300)
            touched = proxy.ended
        else:
            proxy.slow(self._chance.choice((0.25, 2.0))) if ways is None else proxy.hold(*ways)
            stage.burst(600)
            # A silence lasts longer than the session and any transaction; whatever it holds comes out of it late.
            time.sleep(self._chance.uniform(3.0, 6.0) if ways is None else self._chance.uniform(8.0, 12.0))
            touched = proxy.held_bytes
            proxy.clear()
        landed.in_flight = landed.in_flight if touched else 0
        landed.other_s = self._worked_off(ends, injected_at)
        return landed

    # --- settlement and restock -------------------------------------------------------------------------

    def _hold(self, slot: Slot) -> dict[int, int]:
        """Stop it until the journal is ahead of it; the last pages that it lacks."""
        stage = self._torture
        wait_until(f"{slot.instance} runs", slot.is_running, _RECOVERY_S)
        slot.send(signal.SIGSTOP)
        stage.burst(1_500)
        wait_until(f"the journal is ahead of {slot.instance}", lambda: bool(stage.unread_pages(slot)), _RECOVERY_S)
        return stage.unread_pages(slot)

    def _kill_reader(self, kind: str, slot: Slot) -> Landed:
        """While it catches up, or before."""
        stage = self._torture
        self._hold(slot)
        slot.send(signal.SIGCONT)
        time.sleep(self._chance.uniform(0.0, 0.05))
        stage.kill(slot)
        injected_at = time.monotonic()
        pages = stage.unread_pages(slot)
        landed = Landed(kind, len(pages))
        stage.release(slot)
        stage.wait_read(slot, pages, _RECOVERY_S)
        landed.other_s = time.monotonic() - injected_at
        return landed

    def _stop_reader(self, kind: str, slot: Slot) -> Landed:
        pages = self._hold(slot)
        injected_at = time.monotonic()
        time.sleep(self._chance.uniform(1.0, 4.0))
        slot.send(signal.SIGCONT)
        self._torture.wait_read(slot, pages, _RECOVERY_S)
        return Landed(kind, len(pages), other_s=time.monotonic() - injected_at)

    def _fill_settlement_disk(self) -> Landed:
        stage, slot, disk = self._torture, self._torture.settlement, self._torture.settlement_disk
        assert disk is not None
        said = len(slot.says())
        disk.fill()
        try:
            self._feed_until("settlement's disk full", lambda: b"disk is full" in slot.says(said))
        finally:
            disk.give_space()
        injected_at = time.monotonic()
        pages = stage.unread_pages(slot)
        landed = Landed("settlement's disk full", len(pages))
        stage.wait_read(slot, pages, _RECOVERY_S)
        landed.other_s = time.monotonic() - injected_at
        return landed

    # --- connectors and follower ------------------------------------------------------------------------

    def _signal_connectors(self, kind: str, sent: signal.Signals) -> Landed:
        stage, slot = self._torture, self._torture.connectors
        wait_until("a shop waits for the connectors", lambda: stage.under_way > 0, _RECOVERY_S)
        started = slot.started
        slot.send(sent)
        injected_at = time.monotonic()
        landed = Landed(kind, stage.under_way)
        if sent == signal.SIGSTOP:
            time.sleep(self._chance.uniform(6.0, 9.0))  # longer than a shop waits for an answer
            slot.send(signal.SIGCONT)
        else:
            wait_until("the connectors are started again", lambda: slot.started > started, _RECOVERY_S)
        landed.other_s = self._taken_again(injected_at)
        return landed

    def _step_connectors_clock(self) -> Landed:
        """So far off that signatures look too old or too young; what is refused is sent again."""
        stage, slot = self._torture, self._torture.connectors
        refused = self._refused()
        wait_until("a shop waits for the connectors", lambda: stage.under_way > 0, _RECOVERY_S)
        landed = Landed("connectors' clock stepped", stage.under_way)
        stage.step_clock(slot, self._chance.choice((-400, 400)))
        try:
            wait_until("a signature is refused for its time", lambda: self._refused() > refused, _RECOVERY_S)
        finally:
            stage.step_clock(slot, 0)
        landed.other_s = self._taken_again(time.monotonic())
        return landed

    def _refused(self) -> int:
        """How often what was signed well was refused: for its time, then."""
        return sum(shop.refused for shop in self._torture.shops)

    def _taken_again(self, since: float) -> float:
        notebook, now = self._torture.notebook, time.monotonic()
        wait_until("shops are served again", lambda: notebook.last_s > now, _RECOVERY_S)
        return time.monotonic() - since

    def _signal_follower(self, kind: str, sent: signal.Signals) -> Landed:
        stage, slot = self._torture, self._torture.follower
        stage.burst(1_500)
        ends: dict[int, int] = {}

        def is_behind() -> bool:
            ends.update(stage.journal_ends())
            return stage.follower_behind(ends) > 0

        wait_until("the journal is ahead of the follower", is_behind, _RECOVERY_S)
        slot.send(sent)
        injected_at = time.monotonic()
        landed = Landed(kind, stage.follower_behind(ends))
        if sent == signal.SIGSTOP:
            time.sleep(self._chance.uniform(1.0, 4.0))
            slot.send(signal.SIGCONT)
        stage.wait_follower(ends, _RECOVERY_S)
        landed.other_s = time.monotonic() - injected_at
        return landed
