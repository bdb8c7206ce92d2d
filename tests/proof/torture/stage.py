"""The stage of the torture test: three brokers, three workers, settlement, restock, connectors with shops, a follower,
and agents that call partners.

One worker reaches the brokers through a proxy, one keeps its state on a small disk; so does one broker its log, and
settlement its database.
"""

import json
import random
import shutil
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from confluent_kafka import Producer, TopicPartition

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.stack.roles import RESTOCK_GROUP
from schemas.codec import topic_codec
from schemas.models.config import ClockConfirmation, ConfigChange
from schemas.models.ticks import Tick
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG, POOL_JOURNAL, POOL_TICKS
from tests.proof.faults.clock import VARIABLE, set_clock
from tests.proof.faults.records import Cause, Record
from tests.proof.faults.slot import Slot, last_words
from tests.proof.faults.stage import INPUTS, FaultStage, Plan, TooSlowError, wait_none_left
from tests.proof.faults.topic_log import GroupView, patiently, read_topics
from tests.proof.faults.worker import BATCHES_VARIABLE
from tests.proof.faults.world import FORGETFUL
from tests.proof.torture.broker_clock import NoCompilerError, java_with_a_clock, set_broker_clock
from tests.proof.torture.clients import SECRET, FolderShop, Notebook, SendingShop, WebhookShop
from tests.proof.torture.contest import Contest
from tests.proof.torture.follower import Table
from tests.proof.torture.pickups import POOL as COLLECTED
from tests.proof.torture.pickups import Pickups
from tests.proof.torture.proxy import Proxy
from tests.proof.torture.settled import SettledDatabase, agreements
from tests.proof.torture.small_disk import CannotMountError, SmallDisk
from tests.proof.torture.watch import Watch
from tests.support.waiting import PATIENCE_S

CONTESTED = ("contest-0", "contest-1")
"""Pools in which customers fight over a few items."""
APART = (*CONTESTED, COLLECTED)
"""Pools in which orders move goods: what they sell is judged elsewhere than the tills' sales."""
_CUSTOMERS = 3
_SHOPS = 2
"""Pools that have a shop of each kind."""
_WORKER_DISK_MIB = 1_024
_BROKER_DISK_MIB = 8_192
_SETTLEMENT_DISK_MIB = 1_024
_RETAINED = tuple(name for name in INPUTS if name not in (POOL_CONFIG.name, CATALOG_ITEMS.name))
"""Inputs that are kept for a time, and not by their keys."""
_DRIFT_MAX_S = 140
"""So that two brokers differ by less than what an event may lie ahead of its broker (300 s)."""
ON_SMALL_DISK = 2
"""The broker whose log is there."""


class TortureStage(FaultStage):
    """A stage, and everything around it that can be hit by a fault."""

    def __init__(self, folder: Path, seed: int, plan: Plan) -> None:
        self.folder = folder
        self.proxy = Proxy(plan.brokers)
        self.no_clocks = ""
        """Why brokers have no clocks of their own; nothing if they have."""
        chance = random.Random(seed)
        self.drifts_s = [chance.randint(-_DRIFT_MAX_S, _DRIFT_MAX_S) for _ in range(plan.brokers)]
        """By how much brokers' clocks are ahead of ours."""
        super().__init__(folder, seed, plan)
        self.notebook = Notebook(folder / "taken.jsonl")
        self.connectors = Slot("connectors", folder / "connectors", is_worker=False)
        self.follower = Slot("follower", folder / "follower", is_worker=False)
        self.settlement = Slot("settlement", folder / "settlement-process", is_worker=False)
        self.restock = Slot("restock", folder / "restock-process", is_worker=False)
        self.agents = Slot("agents", folder / "agents-process", is_worker=False)
        self.settled = SettledDatabase(folder / "settlement" / "settlement.sqlite3")
        self.shops: list[SendingShop] = []
        self.worker_disk: SmallDisk | None = None
        self.broker_disk: SmallDisk | None = None
        self.settlement_disk: SmallDisk | None = None
        self.left_out = ""
        """Why there are no small disks; nothing if there are."""
        self.unconfirmed = [pool for pool in plan.pool_names if pool != FORGETFUL]
        """Pools of which nobody has confirmed the time: once each, for settings are compacted."""
        self.kept: dict[Cause, Record] = {}
        """Inputs that were deleted."""
        self._clients, self._partners, self._exits = ExitStack(), ExitStack(), ExitStack()
        _, self.proxied, self.on_small_disk = self.slots
        for slot in (*self.slots, self.connectors, self.settlement, self.restock, self.agents):
            slot.environment = {
                VARIABLE: str(self.clock_of(slot)), BATCHES_VARIABLE: str(folder / "batches.txt"),
                "TORTURE_SECRET": SECRET,
            }  # fmt: skip

    def clock_of(self, slot: Slot) -> Path:
        return self.folder / f"{slot.instance}.clock"

    def step_clock(self, slot: Slot, ahead_s: int) -> None:
        """Its clock says so much more than ours, from now on."""
        set_clock(self.clock_of(slot), ahead_s)

    def step_broker_clock(self, broker: int, ahead_s: int) -> None:
        """A broker's clock says so much more than it does beside its drift."""
        set_broker_clock(self.folder / "kafka" / f"broker-{broker}", self.drifts_s[broker] + ahead_s)

    def tick(self, ahead_s: int) -> None:
        """A tick of each pool but the contested, from a clock that says so much more than ours. Raises TooSlowError."""
        at_ms = _now_ms() + 1_000 * ahead_s
        self._publish([(POOL_TICKS.name, Tick(pool=pool, at_ms=at_ms, origin="leap")) for pool in self.plan.pool_names])

    def confirm_clock(self, pool: str, ahead_s: int) -> None:
        """Confirm to a pool that it is so much later than our clock says. Raises TooSlowError."""
        change = ClockConfirmation(at_ms=_now_ms() + 1_000 * ahead_s)
        event = ConfigChange(pool=pool, recorded_at_ms=_now_ms(), origin="operator", change=change)
        self._publish([(POOL_CONFIG.name, event)])

    def _publish(self, records: Sequence[tuple[str, Tick | ConfigChange]]) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap_servers, "enable.idempotence": True})
        for topic, event in records:
            key = event.key if isinstance(event, ConfigChange) else event.pool
            value = topic_codec(topic).encode(event.to_avro())
            producer.produce(topic, value, key, partition_of(event.pool, self.plan.partitions))
        if producer.flush(PATIENCE_S):
            raise TooSlowError("ticks or settings: not acknowledged")

    # --- retention --------------------------------------------------------------------------------------

    def pass_retention(self) -> int:
        """Delete what the workers have committed of the inputs, as retention does in the end. How many records.

        They are kept for the audit. Raises KafkaException.
        """
        committed = {at: end for at, end in self.group.committed().items() if at[0] in _RETAINED and end > 0}
        records = read_topics(self.bootstrap_servers, _RETAINED, self.plan.partitions)
        gone = {record.cause: record for record in records if record.offset < committed.get(record.cause[:2], 0)}
        self.kept |= gone
        places = [TopicPartition(*at, end) for at, end in committed.items()]
        admin = self._make_admin()  # kept until it has answered: one that is gone never does
        for done in admin.delete_records(places, request_timeout=PATIENCE_S).values():
            done.result()
        return len(gone)

    # --- coming and going -------------------------------------------------------------------------------

    def _make_kafka(self) -> EmbeddedKafka:
        java: str | None = None
        try:
            java = str(java_with_a_clock(self.folder / "java"))
            for broker in range(self.plan.brokers):
                self.step_broker_clock(broker, 0)
        except NoCompilerError as error:
            self.no_clocks = str(error)
        return EmbeddedKafka(self.folder / "kafka", self.plan.brokers, java=java, proxied_ports=self.proxy.ports)

    def _start_kafka(self) -> None:
        try:
            self.broker_disk = self._disk(self.folder / "kafka" / f"broker-{ON_SMALL_DISK}" / "data", _BROKER_DISK_MIB)
            self.worker_disk = self._disk(self.on_small_disk.state_dir, _WORKER_DISK_MIB)
            self.settlement_disk = self._disk(self.settled.file.parent, _SETTLEMENT_DISK_MIB)
        except CannotMountError as error:
            self.left_out = str(error)
        super()._start_kafka()
        self.proxy.start(self.kafka.proxy_targets)

    def _disk(self, folder: Path, size_mib: int) -> SmallDisk:
        disk = SmallDisk(folder, size_mib)
        self._exits.callback(disk.close)
        return disk

    def _start(self) -> None:
        super()._start()
        self._journal = GroupView(self.bootstrap_servers, "journal-ends", (POOL_JOURNAL.name,), self.plan.partitions)
        self._exits.callback(self._journal.close)
        self._restock_group = GroupView(
            self.bootstrap_servers, RESTOCK_GROUP, (POOL_JOURNAL.name,), self.plan.partitions
        )
        self._exits.callback(self._restock_group.close)
        self.follower.folder.mkdir(parents=True)
        self.follower.command = [
            sys.executable, "-m", "tests.proof.torture.follower", "--bootstrap-servers", self.bootstrap_servers,
            "--partitions", str(self.plan.partitions), "--table", str(self.follower_table),
        ]  # fmt: skip
        self.pickups = self._partners.enter_context(
            Pickups(self.bootstrap_servers, self.plan.partitions, self.folder, self._seed)
        )
        url = self._configure_connectors()
        self._configure(self.settlement, self.folder, http={"settlement_port": 0})
        self._configure(self.restock, self.folder, http={"restock_port": 0})
        self._configure_agents()
        self.others += [self.follower, self.connectors, self.settlement, self.restock, self.agents]
        self.watch = Watch(self.group, self._pids, self.folder / "batches.txt")
        for shop in self.shops_of(url):
            shop.start()
            self.shops.append(shop)
        self.pickups.start(url)
        self.contest = self._clients.enter_context(
            Contest(
                self.bootstrap_servers, self.plan.partitions, CONTESTED, self.folder,
                customers=_CUSTOMERS, seed=self._seed,
            )
        )  # fmt: skip

    def _pids(self) -> dict[str, int]:
        """Process ids by role."""
        pids = {slot.instance: slot.pid for slot in (*self.slots, *self.others) if slot.is_running()}
        return pids | {f"broker-{n}": pid for n, pid in enumerate(self.kafka.pids)}

    def bring_back(self) -> None:
        """Every broker runs, and every disk has space. Raises KafkaStartError."""
        for disk in (self.broker_disk, self.worker_disk, self.settlement_disk):
            if disk is not None:
                disk.give_space()
        for broker in range(self.plan.brokers):
            self.kafka.resume(broker)
        if self.kafka.down:
            self.kafka.restart(*self.kafka.down)

    def keep_logs(self, folder: Path) -> None:
        super().keep_logs(folder)
        for log in self.folder.glob("kafka/broker-*/server-0.log"):
            shutil.copy(log, folder / f"{log.parent.name}.log")

    def close(self) -> None:
        if hasattr(self, "watch"):
            self.watch.stop()
        self.silence()
        for broker in range(len(self.kafka.pids)):  # its data is not wanted: no need to wait for a clean end
            self.kafka.kill(broker)
        super().close()
        self.proxy.stop()
        self._exits.close()

    def silence(self) -> None:
        """End the shops, the customers and the partners, too."""
        for shop in self.shops:
            shop.stop(0)
        self._clients.close()
        self._partners.close()
        super().silence()

    def _publish_settings(self) -> None:
        super()._publish_settings()
        agreed = agreements(self.plan.pool_names, APART, _now_ms())
        self._publish([(POOL_CONFIG.name, change) for change in agreed])

    def _servers_of(self, slot: Slot) -> str:
        return self.proxy.bootstrap_servers if slot is self.proxied else self.bootstrap_servers

    # --- the connectors ---------------------------------------------------------------------------------

    def _shop_pools(self) -> list[str]:
        return self.plan.pool_names[1 : 1 + _SHOPS]

    def _more_stores(self) -> Mapping[str, Sequence[str]]:
        return {pool: (f"hook-{n}", f"drop-{n}") for n, pool in enumerate(self._shop_pools())}

    def _configure_connectors(self) -> str:
        """Write the settings that the product's command is started with; where the webhooks are."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        stores = []
        for n, pool in enumerate(self._shop_pools()):
            hook = {"kind": "webhook", "secret_env": "TORTURE_SECRET"}
            folder = str(self.folder / f"drop-{n}")
            drop = {"kind": "drop_folder", "folder": folder, "settle_ms": 20, "scan_interval_s": 1.0}
            stores += [
                {"id": f"{name}-{n}", "name": name, "pool": pool, "connectors": [options]}
                for name, options in (("hook", hook), ("drop", drop))
            ]
        self._configure(
            self.connectors, self.folder / "connectors", http={"webhook_port": port, "connectors_port": 0},
            pools=[{"id": pool, "name": pool} for pool in (*self._shop_pools(), COLLECTED)], stores=stores,
            partners=self.pickups.settings,
        )  # fmt: skip
        return f"http://127.0.0.1:{port}"

    def _configure_agents(self) -> None:
        """They tick no pool: time would go on when all else has come to rest."""
        pools = [{"id": pool, "name": pool, "clock": "data"} for pool in (*self.plan.pool_names, *APART)]
        http = {"agents_port": 0}
        self._configure(self.agents, self.folder / "agents", http=http, pools=pools, partners=self.pickups.settings)

    def _configure(self, slot: Slot, data_dir: Path, **sections: object) -> None:
        """Write the settings that the product's command of this name is started with."""
        settings = {
            "data_dir": str(data_dir), "partitions": self.plan.partitions,
            "kafka": {"bootstrap_servers": self.bootstrap_servers}, **sections,
        }  # fmt: skip
        path = self.folder / f"{slot.instance}.json"
        path.write_text(json.dumps(settings))
        slot.command = [sys.executable, "-m", "tests.proof.torture.host", slot.instance, str(path)]

    def shops_of(self, url: str) -> list[SendingShop]:
        found: list[SendingShop] = []
        for n in range(len(self._shop_pools())):
            found.append(WebhookShop(url, f"hook-{n}", self.notebook, self._seed))
            found.append(FolderShop(self.folder / f"drop-{n}", f"drop-{n}", self.notebook, self._seed))
        return found

    @property
    def under_way(self) -> int:
        """What shops have sent and do not know to be taken."""
        return sum(shop.under_way for shop in self.shops)

    def stop_clients(self, deadline_s: float) -> list[str]:
        """Let shops and customers come to the end of what they have begun. What went wrong. Raises TimeoutError."""
        self.contest.finish(deadline_s)
        self._clients.close()
        self.pickups.finish(deadline_s)
        wrong = [f"{shop.store}: not taken in time" for shop in self.shops if not shop.stop(deadline_s)]
        return wrong + [one for shop in self.shops for one in shop.wrong]

    # --- settlement and restock -------------------------------------------------------------------------

    def _positions(self, slot: Slot) -> dict[int, int]:
        """Partition → offset of the journal's next page for settlement, by its database, or for restock."""
        if slot is self.settlement:
            return self.settled.positions()
        return {n: offset for (_, n), offset in self._restock_group.committed().items()}

    def unread_pages(self, slot: Slot) -> dict[int, int]:
        """Partition → offset of the journal's last page, where settlement, or restock, has not all pages."""
        positions, servers, partitions = self._positions(slot), self.bootstrap_servers, self.plan.partitions
        pages = patiently(lambda: read_topics(servers, [POOL_JOURNAL.name], partitions, positions))
        return {page.partition: page.offset for page in pages}

    def wait_read(self, slot: Slot, pages: Mapping[int, int], patience_s: float) -> None:
        """Until settlement, or restock, has these pages."""

        def left() -> int:
            positions = self._positions(slot)
            return sum(max(0, offset + 1 - positions.get(n, 0)) for n, offset in pages.items())

        try:
            wait_none_left(f"the journal's pages before {slot.instance}", left, patience_s)
        except TooSlowError as error:
            raise TooSlowError(f"{error}\n{last_words(slot)}") from error

    def wait_all_settled(self, patience_s: float) -> None:
        """Until the settlement database has all that the follower has, and others were told of it."""
        table = Table(self.follower_table)
        try:
            wanted = table.pools()
        finally:
            table.close()

        def unposted() -> int:
            heads = self.settled.heads()
            return sum(abs(wanted.get(pool, 0) - heads.get(pool, 0)) for pool in wanted.keys() | heads.keys())

        wait_none_left("the journal's entries before settlement", unposted, patience_s)
        servers = self.bootstrap_servers
        wait_none_left("pools that settlement tells of", lambda: len(self.settled.unpublished(servers)), patience_s)

    def wait_told(self, patience_s: float) -> None:
        """Until partners have what the pool's topics say, which nobody changes any more."""
        lacking: list[str] = []
        self.pickups.catch_up()

        def left() -> int:
            lacking[:] = self.pickups.untold(lacking or None)
            return len(lacking or self.pickups.untold())

        wait_none_left("what partners are to be told", left, patience_s)

    # --- the follower -----------------------------------------------------------------------------------

    @property
    def follower_table(self) -> Path:
        return self.follower.folder / "journal.sqlite"

    def journal_ends(self) -> dict[int, int]:
        """Partition → offset after the journal's last record."""
        return {at: end for (_, at), end in self._journal.ends().items()}

    def follower_behind(self, ends: Mapping[int, int]) -> int:
        """Offsets before `ends` that the follower has not come to."""
        table = Table(self.follower_table)
        try:
            reached = table.positions()
        finally:
            table.close()
        return sum(max(0, end - reached.get(n, 0)) for n, end in ends.items())

    def wait_follower(self, ends: Mapping[int, int], patience_s: float) -> None:
        """Until it has come so far."""
        wait_none_left("the journal's records before the follower", lambda: self.follower_behind(ends), patience_s)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
