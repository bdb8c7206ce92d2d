"""A pool whose customers collect by appointment, or have it brought; its stores, an arrival app and a carrier.

The app and the carrier are those that come along, each behind a trap. They post what they know to do, by what they were
told: some of it twice, codes that are wrong, and the same again until it has an outcome.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
from confluent_kafka import Producer

from connectors.arrival.reference.app import Partner, ReferenceApp
from connectors.arrival.reference.store import Appointments
from connectors.carriers.reference.app import ReferenceCarrier
from connectors.carriers.reference.store import Deliveries
from connectors.http.secrets import Secrets
from connectors.http.signature import HEADER, sign
from connectors.specs import SecretSource
from messaging.followed import FollowedTables
from messaging.journal import JournalEntry
from messaging.publisher import PublishError
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import AllocationSettings, ConfigChange, PickupPlace, PoolSettings, StoreSettings
from schemas.models.pos import StockReport
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.models.ticks import Tick
from schemas.partition import partition_of
from schemas.pickup_code import code_digest
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_REQUESTS,
    PICKUP_APPOINTMENTS,
    POOL_CONFIG,
    POOL_TASKS,
    POOL_TICKS,
    POS_STOCK,
)
from tests.proof.faults.auditor import Audit
from tests.proof.torture.clients import SECRET
from tests.proof.torture.collected import (
    LIVE,
    QUARTER_MS,
    STANDING_TASKS,
    Posted,
    Room,
    Row,
    check_appointments,
    check_posted,
    check_room,
    check_told,
    untold_appointments,
    untold_deliveries,
)
from tests.support.arrival import serving
from tests.support.carrier import REFERENCE
from tests.support.partner_trap import Mood, PartnerTrap
from tests.support.waiting import PATIENCE_S

POOL: Final = "collected"
APP, CARRIER = "tortured-app", "tortured-bikes"
STORES: Final = ("corner", "hill", "mill")
_SKUS: Final = ("jam", "tea")
_LANE: Final = "lane"
ROOM: Final = {**dict.fromkeys(STORES, Room(1)), _LANE: Room(1, 2)}
REQUEST_TIMEOUT_S: Final = 1
"""Of the calls to the partners."""
_SLOW_S: Final = 1.5
_STANDING_MAX: Final = 25
_HOUR_MS: Final = 3_600_000
_ASK_AGAIN_S: Final = 3.0
_POST_TIMEOUT_S: Final = 5.0
_TOPICS: Final = {
    ConfigChange: POOL_CONFIG.name, CatalogItem: CATALOG_ITEMS.name, StockReport: POS_STOCK.name, Tick: POOL_TICKS.name,
    OrderRequest: ORDERS_REQUESTS.name, FulfilmentReport: FULFILMENT_REPORTS.name,
}  # fmt: skip


class Pickups:
    """The pool and all who act in it, each in a thread, until `finish`."""

    def __init__(self, bootstrap_servers: str, partitions: int, folder: Path, seed: int) -> None:
        self.posted: list[Posted] = []
        self._partitions = partitions
        self._chance = random.Random(f"{seed}/pickups")
        self._producer = Producer({
            "bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 0, "log_level": 2,
            "message.timeout.ms": 600_000,
        })  # fmt: skip
        followed = (PICKUP_APPOINTMENTS.name, POOL_TASKS.name)
        self._tables = FollowedTables({"bootstrap.servers": bootstrap_servers}, followed, POOL, partitions)
        self._lock = threading.Lock()
        self._asked_at_s: dict[str, float] = {}
        self._number = 0
        self._connectors_url = ""
        self._is_over, self._is_closed = threading.Event(), threading.Event()
        self._failures: list[BaseException] = []
        self._exits = ExitStack()
        self._appointments = Appointments(folder / "arrival-app.sqlite3")
        self._deliveries = Deliveries(folder / "carrier.sqlite3")
        (folder / "partners-secret").write_text(SECRET)
        secrets = Secrets([SecretSource(file=folder / "partners-secret")])
        app = ReferenceApp({APP: Partner(APP, secrets, self._appointments, _nobody_asks)}).app
        carrier = ReferenceCarrier(CARRIER, secrets, self._deliveries).app
        self.app, self.carrier = (self._trapped(server) for server in (app, carrier))
        self._threads = [self._thread(what) for what in (self._shop, self._customers, self._couriers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._is_closed.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        self._tables.close()
        self._exits.close()

    @property
    def settings(self) -> list[dict[str, object]]:
        """Of both partners, as processes are told them."""
        common = {"pool": POOL, "secret_env": "TORTURE_SECRET", "request_timeout_s": REQUEST_TIMEOUT_S}
        return [
            {"id": APP, "kind": "arrival", "url": f"{self.app.url}/hooks/{APP}", **common},
            {"id": CARRIER, "kind": "carrier", "url": f"{self.carrier.url}/hooks/{CARRIER}", **common},
        ]

    def start(self, connectors_url: str) -> None:
        """Publish the settings and the goods, and begin. Raises TimeoutError."""
        self._connectors_url = connectors_url
        self._furnish()
        for thread in self._threads:
            thread.start()

    def turn(self, mood: Mood) -> None:
        """Both partners are like that from now on."""
        for trap in (self.app, self.carrier):
            trap.turn(mood)

    @property
    def hits(self) -> int:
        """Calls that met a mood."""
        return self.app.hits + self.carrier.hits

    def finish(self, deadline_s: float) -> None:
        """Ask nothing more, and wait for the outcome of what was posted. Raises what a thread raised, TimeoutError."""
        self._is_over.set()
        deadline = time.monotonic() + deadline_s
        for thread in self._threads[1:]:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._failures:
            raise self._failures[0]
        if any(thread.is_alive() for thread in self._threads[1:]):
            raise TimeoutError(f"a message of a partner has no outcome after {deadline_s:.0f} s")
        if self._producer.flush(max(0.0, deadline - time.monotonic())):
            raise TimeoutError("not all requests of customers were acknowledged")

    def catch_up(self) -> None:
        """Know the pool's topics to their ends. Raises PublishError."""
        with self._lock:
            self._tables.close()
            self._tables.changes(0)

    def rows(self) -> tuple[dict[str, Row], list[Row]]:
        """Appointments by order/store, and tasks, as the pool's topics have them."""
        with self._lock:
            appointments = dict(self._tables.table(PICKUP_APPOINTMENTS.name))
            tasks = list(self._tables.table(POOL_TASKS.name).values())
        return {key.partition("/")[2]: row for key, row in appointments.items()}, tasks

    def untold(self, only: Sequence[str] | None = None) -> list[str]:
        """Items, of these, of which a partner has something else than the topics say."""
        appointments, tasks = self.rows()
        if only is not None:
            names = set(only)
            appointments = {name: row for name, row in appointments.items() if name in names}
        told_app = {item for item, _ in list(self.app.told)}
        told_carrier = {item for item, _ in list(self.carrier.told)}
        found = untold_appointments(appointments, tasks, self._known, told_app.__contains__)
        of_carrier = [task for task in tasks if only is None or task["task"] in names]
        return found + untold_deliveries(of_carrier, self._deliveries.messages(), told_carrier.__contains__)

    def _known(self, order: str, store: str) -> Row | None:
        return next((one for one in self._appointments.of_order(order) if one["store"] == store), None)

    # --- the pool ---------------------------------------------------------------------------------------

    def _trapped(self, app: Any) -> PartnerTrap:
        url = self._exits.enter_context(serving(app))
        return self._exits.enter_context(PartnerTrap(url, _SLOW_S, self._chance))

    def _thread(self, what: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                what()
            except BaseException as error:  # told by `finish`
                self._failures.append(error)

        return threading.Thread(target=run, name=f"pickups {what.__name__}", daemon=True)

    def _furnish(self) -> None:
        now_ms = _now_ms()
        terms = AllocationSettings(min_confidence_permille=0, slot_minutes_max=15)
        changes: list[Any] = [PoolSettings(name="Collected", allocation=terms)]
        many = {"orders_at_once_max": 9_999, "orders_per_day_max": 9_999}
        changes += [StoreSettings(store=store, name=store, **many) for store in STORES]
        no_time = {"preparation_ms": 0, "preparation_per_line_ms": 0}
        changes += [
            PickupPlace(
                place=place, name=place, stores=STORES if place == _LANE else (place,),
                hand_overs_per_slot=room.in_a_slot, shelf_orders_max=room.in_an_hour, **no_time,
            )
            for place, room in ROOM.items()
        ]  # fmt: skip
        for change in changes:
            event = ConfigChange(pool=POOL, recorded_at_ms=now_ms, origin="torture", change=change)
            self._say(event, event.key)
        for sku in _SKUS:
            money = {"cost_minor": 123, "tax_permille": 200, "price_minor": 245}
            item = CatalogItem(pool=POOL, sku=sku, name=sku, recorded_at_ms=now_ms, **money)
            self._say(item, item.key)
        if self._producer.flush(PATIENCE_S):
            raise TimeoutError("the settings were not acknowledged")
        for store in STORES:
            lines = [{"line_id": sku, "code": f"sku:{sku}", "quantity_milli": 10**9} for sku in _SKUS]
            self._say(StockReport.model_validate({
                "source": {"system": "torture", "id": f"opening-{store}"}, "pool": POOL, "store": store,
                "occurred_at_ms": now_ms, "recorded_at_ms": now_ms, "kind": "received", "lines": lines,
            }))  # fmt: skip

    def _say(self, event: Any, key: str = POOL) -> None:
        topic = _TOPICS[type(event)]
        value = topic_codec(topic).encode(event.to_avro())
        self._producer.produce(topic, value, key, partition_of(POOL, self._partitions))
        self._producer.poll(0)

    # --- customers who order, and stores that pick ------------------------------------------------------

    def _shop(self) -> None:
        while not self._is_closed.is_set():
            try:
                with self._lock:
                    self._tables.changes(0)
            except PublishError:  # Kafka does not answer
                self._is_closed.wait(1.0)
                continue
            if not self._is_over.is_set():
                self._say(Tick(pool=POOL, at_ms=_now_ms(), origin="torture"))
                appointments, tasks = self.rows()
                self._pick(task for task in tasks if task["kind"] == "pick" and task["status"] in STANDING_TASKS)
                is_carried = sum(task["kind"] == "hand_over" and task["status"] in STANDING_TASKS for task in tasks)
                if sum(row["status"] in LIVE for row in appointments.values()) + is_carried < _STANDING_MAX:
                    self._place()
            self._is_closed.wait(0.3)

    def _place(self) -> None:
        """An order, mostly confirmed at once; what is not expires."""
        chance, now_ms = self._chance, _now_ms()
        self._number += 1
        order = f"R-{self._number}"
        terms: dict[str, Any] = {
            "preferred_store": chance.choice(STORES), "deadline_ms": now_ms + 2 * _HOUR_MS, "hold_ttl_ms": 10_000,
            "lines": [{"line_id": sku, "sku": sku, "quantity_milli": 1_000} for sku in _SKUS[: chance.randint(1, 2)]],
        }  # fmt: skip
        if chance.random() < 0.3:
            terms |= {"mode": "delivery", "address_ref": REFERENCE, "geohash": "u33db"}
        else:
            from_ms = now_ms - now_ms % QUARTER_MS + chance.randint(0, 3) * QUARTER_MS
            wish = {"from_ms": from_ms, "until_ms": from_ms + QUARTER_MS, "place": chance.choice((None, None, _LANE))}
            terms |= {"mode": "pickup", "pickup": {**wish, "code_digest": code_digest(POOL, order, _code(order))}}
        asked = [("placed", terms)]
        asked += [("confirmed", None)] if chance.random() < 0.9 else []
        for kind, told in asked:
            self._say(OrderRequest.model_validate({
                "pool": POOL, "order": order, "kind": kind, "key": f"{order}/{kind}", "recorded_at_ms": now_ms,
                "origin": "torture", "terms": told,
            }))  # fmt: skip

    def _pick(self, tasks: Any) -> None:
        """Picks are claimed, and done, the first line of some not found; asked again while nothing comes of it."""
        for task in tasks:
            kind = "claimed" if task["status"] == "open" else "done"
            if task["status"] == "claimed" and random.Random(task["task"]).random() < 0.1:
                kind = "short"
            name, now_s = f"{task['task']}/{kind}", time.monotonic()
            if now_s - self._asked_at_s.get(name, 0.0) < _ASK_AGAIN_S:
                continue
            self._asked_at_s[name] = now_s
            first, now_ms = task["lines"][0], _now_ms()
            missing = [{"line_id": first["line_id"], "quantity_milli": 1_000, "reason": "damaged"}]
            self._say(FulfilmentReport.model_validate({
                "pool": POOL, "store": task["store"], "report_id": name, "kind": kind, "task": task["task"],
                "occurred_at_ms": now_ms, "recorded_at_ms": now_ms, "origin": "torture",
                "lines": missing if kind == "short" else [],
            }))  # fmt: skip

    # --- what the partners post -------------------------------------------------------------------------

    def _customers(self) -> None:
        chance = random.Random(self._chance.random())
        while not self._is_over.wait(0.05):
            found = [one for place in ROOM for one in self._appointments.at_place(place)]
            if not found:
                continue
            one = chance.choice(found)
            about: dict[str, object] = {"order": one["order"], "store": one["store"]}
            deed, is_wrong = chance.random(), False
            if deed < 0.05:
                told = {"kind": "cancelled", "order": one["order"]}
            elif one["status"] == "ready" and deed < 0.7:
                is_wrong = one["wrong_codes"] < 4 and chance.random() < 0.2  # the fifth locks it
                told = {"kind": "handed_over", **about, "code": "another" if is_wrong else _code(str(one["order"]))}
            elif deed < 0.85:
                told = {"kind": "on_the_way", **about, "eta": _iso(time.time() + 600)}
            else:
                told = {"kind": "arrived", **about}
            self._post(APP, told, chance, must_fail=is_wrong)

    def _couriers(self) -> None:
        chance = random.Random(self._chance.random())
        while not self._is_over.wait(0.2):
            standing = self._deliveries.standing(int(time.time()))
            if not standing:
                continue
            one = chance.choice(standing)
            kinds = (
                ("scanned_out",) if one["status"] == "requested" else ("failed", "delivered", "delivered", "returned")
            )
            self._post(CARRIER, {"kind": chance.choice(kinds), "task": one["task"]}, chance, must_fail=False)

    def _post(
        self, partner: str, message: Mapping[str, object], chance: random.Random, *, must_fail: bool
    ) -> None:  # fmt: skip
        """The same until it has an outcome, some of it once more after that."""
        name = f"{chance.getrandbits(64):016x}"
        body = json.dumps({"id": name, **message}).encode()
        url = f"{self._connectors_url}/partners/{partner}"
        for _ in range(2 if chance.random() < 0.2 else 1):
            while (outcome := _outcome(url, body)) is None:
                if self._is_closed.wait(0.2):
                    return
            self.posted.append(Posted(f"{partner}/{name}", str(message["kind"]), outcome, must_fail))


def check_pickups(audit: Audit, entries: Sequence[JournalEntry], pickups: Pickups) -> tuple[int, int]:
    """Room, appointments, what partners posted and what they have. How many appointments there were, and messages."""
    pickups.catch_up()
    appointments, _ = pickups.rows()
    check_room(audit, POOL, entries, ROOM)
    check_appointments(audit, POOL, entries, appointments)
    check_posted(audit, POOL, entries, pickups.posted)
    audit.wrong_rows += audit.find("items of which a partner has something else than topics say", pickups.untold())
    for name, trap in ((APP, pickups.app), (CARRIER, pickups.carrier)):
        check_told(audit, trap.told, name)
    return len(appointments), len(pickups.app.told) + len(pickups.carrier.told)


def _outcome(url: str, body: bytes) -> str | None:
    """`accepted`, or why not; None while there is none."""
    headers = {"Content-Type": "application/json", HEADER: sign(SECRET.encode(), body, int(time.time()))}
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=_POST_TIMEOUT_S)
        told = answer.json()
    except (httpx.TransportError, ValueError):
        return None
    if told.get("outcome") == "accepted":
        return "accepted"
    return str(told["reason"]) if told.get("outcome") == "refused" else None


def _nobody_asks(key: str, body: bytes) -> httpx.Response:
    raise AssertionError(f"nobody opens a page here: {key} {body!r}")


def _code(order: str) -> str:
    return f"code of {order}"


def _iso(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at_s))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
