"""`worker agents` killed at random points of calls to partners, which fail as well: each ends with the right state."""

import asyncio
import json
from contextlib import ExitStack
from random import Random

import pytest
from confluent_kafka import Producer
from starlette.responses import Response

from commonshelf.desks.connector_positions import stored_partner_calls
from connectors.arrival.reference.app import Partner, ReferenceApp
from connectors.arrival.reference.store import Appointments
from connectors.carriers.reference.app import ReferenceCarrier
from connectors.carriers.reference.store import Deliveries
from connectors.http.secrets import Secrets
from connectors.specs import SecretSource
from messaging.client_options import producer_options
from schemas.codec import topic_codec
from schemas.partition import partition_of
from schemas.statuses import ENDED_APPOINTMENT
from schemas.topics import PICKUP_APPOINTMENTS, POOL_TASKS
from tests.support.agents import Agents, agents_settings
from tests.support.arrival import appointment_row, serving
from tests.support.carrier import delivery_row
from tests.support.waiting import PATIENCE_S, until

KILLS = 24
ITEMS = 6
CALLS_MAX = 5
"""A process is killed at one of its first calls."""
BEFORE, AFTER = "before", "after"
"""A partner that answers 500 has not the message, or has it all the same."""
FAILS = 0.1
POINTS = ("before the partner has it", "before the answer", "after the answer")
LATE_S = 0.03
"""Outcomes are stored within so long after an answer: the kill comes within it."""
TOLD_AS = {"open": "requested", "claimed": "out", "done": "delivered", "refused": "returned", "cancelled": "cancelled"}
NEXT = {"open": ("open", "claimed", "cancelled"), "claimed": ("claimed", "done", "refused")}
PARTNERS = """
[[partners]]
id = "app"
kind = "arrival"
url = "{app}/hooks/app"
secret_file = "secret"
[[partners]]
id = "bikes"
kind = "carrier"
url = "{bikes}/hooks/bikes"
secret_file = "secret"
"""


class Trap:
    """Stands before a partner's server, and notes each call: it kills the caller at the one that was chosen, and
    answers 500 to others, before the partner has them or after.
    """

    def __init__(self, app, town):
        self._app, self._town = app, town

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            part = await receive()
            if part["type"] == "http.disconnect":  # killed as it was sending
                return
            body, more = body + part.get("body", b""), part.get("more_body", False)
        headers = dict(scope["headers"])
        self._town.note(json.loads(body), headers[b"idempotency-key"])
        point = self._town.point_of_this_call()
        if point == POINTS[0]:
            self._town.agents.kill()
            return

        failure = None if point else self._town.failure()
        if failure == BEFORE:
            await Response(status_code=500)(scope, receive, send)
            return

        async def hear():
            return {"type": "http.request", "body": body, "more_body": False}

        async def answer(message):
            if point == POINTS[1]:
                self._town.agents.kill()
            if failure == AFTER and message["type"] == "http.response.start":
                message = {**message, "status": 500}
            await send(message)

        await self._app(scope, hear, answer)
        if point == POINTS[2]:
            await asyncio.sleep(self._town.random.uniform(0, LATE_S))
            self._town.agents.kill()


class Town:
    """A pool's topics as the test fills them, an arrival app and a carrier as servers, and agents that call both."""

    def __init__(self, kafka, partitions, pool, folder):
        self.random = Random(7)
        self.pool, self._options = pool, kafka.options
        self._partition = partition_of(pool, partitions)
        self._producer = Producer(producer_options(kafka.options))
        self.rows, self.calls, self._left = {}, {}, None
        self._point = ""
        self.is_away, self.refused = False, 0
        (folder / "secret").write_bytes(b"a-secret-of-both-partners-of-tests")
        secrets = Secrets([SecretSource(file=folder / "secret")])
        self.appointments, self.deliveries = Appointments(folder / "app.sqlite3"), Deliveries(folder / "bikes.sqlite3")
        app = ReferenceApp({"app": Partner("app", secrets, self.appointments, self.refuse_reports)}).app
        bikes = ReferenceCarrier("bikes", secrets, self.deliveries).app
        self._servers = ExitStack()
        urls = {
            name: self._servers.enter_context(serving(Trap(one, self)))
            for name, one in {"app": app, "bikes": bikes}.items()
        }
        config = folder / "shelf.toml"
        config.write_text(agents_settings(kafka, partitions, pool, PARTNERS.format(**urls)))
        self.agents = Agents(config, folder / "log")

    def refuse_reports(self, key, body):
        raise AssertionError("nobody reports here")

    def close(self):
        self.agents.close()
        self._servers.close()
        self.appointments.close()
        self.deliveries.close()

    def change_some(self, count):
        """So many changes of appointments and deliveries, new ones and ended ones too, on the pool's topics."""
        for _ in range(count):
            number = self.random.randrange(len(self.rows) + ITEMS)  # some of those that are there, and some new ones
            if number % 2:
                self._change_appointment(f"o{number}")
            else:
                self._change_delivery(f"hand-over-{number}-1")
        self._producer.flush(PATIENCE_S)

    def _change_appointment(self, order):
        row = self.rows.get(order)
        if row is not None and row["status"] in ENDED_APPOINTMENT:
            return
        status = "booked" if row is None else self.random.choice(("booked", "ready", "handed_over", "cancelled"))
        from_ms = 900_000 * self.random.randrange(1, 90)
        new = {"status": status, "window_from_ms": from_ms, "window_until_ms": from_ms + 900_000}
        self._put(PICKUP_APPOINTMENTS.name, f"{order}/mill", order, appointment_row(self.pool, order, **new))

    def _change_delivery(self, task):
        row = self.rows.get(task)
        if row is not None and row["status"] not in NEXT:
            return
        status = "open" if row is None else self.random.choice(NEXT[row["status"]])
        lines = [{"line_id": "1", "sku": "MILK", "quantity_milli": 1_000 * self.random.randrange(1, 90)}]
        self._put(POOL_TASKS.name, task, task, delivery_row(self.pool, task, status=status, lines=lines))

    def _put(self, topic, key, name, row):
        self.rows[name] = row
        self._producer.produce(topic, topic_codec(topic).encode(row), f"{self.pool}/{key}", self._partition)

    def choose_point(self):
        """The process that is started next dies at a call, and there at a point, both drawn."""
        self._left, self._point = self.random.randrange(CALLS_MAX) + 1, self.random.choice(POINTS)
        return self._point

    def spare(self):
        self._left = None

    def point_of_this_call(self):
        if self._left is None:
            return None
        self._left -= 1
        return self._point if self._left == 0 else None

    def failure(self):
        if self.is_away:
            self.refused += 1
            return BEFORE
        return self.random.choice((BEFORE, AFTER)) if self.random.random() < FAILS else None

    def note(self, message, key):
        item = message.get("task") or message["order"]
        self.calls.setdefault((item, message["sequence"]), set()).add((key, json.dumps(message, sort_keys=True)))

    def wrong(self):
        """The items of which a partner has not what the topics say; one that ended untold may be missing."""
        return [name for name, row in self.rows.items() if not self._is_right(name, row)]

    def _is_right(self, name, row):
        was_told = any(item == name for item, _ in list(self.calls))
        if "task" in row:
            known = self.deliveries.messages().get(name)
            if known is None:
                return not was_told and row["status"] not in NEXT
            return (known["status"], known["manifest"]) == (TOLD_AS[row["status"]], row["lines"])
        known = self.appointments.of_order(name)
        if not known:
            return not was_told and row["status"] in ENDED_APPOINTMENT
        return known[0]["status"] == row["status"] and known[0]["window"]["from"].startswith(_time(row))

    def goes_on(self):
        """When all has been told, there is more to tell."""
        if not self.wrong():
            self.change_some(1)

    def is_recorded(self):
        found = [row for row in stored_partner_calls(self._options) if row["pool"] == self.pool]
        return bool(found) and all(row["pending"] is None for row in found)


def _time(row):
    hours, minutes = divmod(row["window_from_ms"] // 60_000, 60)
    return f"1970-01-0{1 + hours // 24}T{hours % 24:02}:{minutes:02}"


@pytest.fixture
def town(kafka, topics, pool_name, tmp_path):
    made = Town(kafka, topics, pool_name, tmp_path)
    yield made
    made.close()


def test_killed_between_calls_and_their_records_no_partner_ends_with_a_wrong_state(town):
    died = set()
    for _ in range(KILLS):
        town.change_some(2 * CALLS_MAX)
        died.add(town.choose_point())
        town.agents.start()
        until(lambda: town.agents.is_gone() or town.goes_on(), "the kill")
        town.agents.wait()
    assert died == set(POINTS)
    town.change_some(3 * CALLS_MAX)  # nobody calls meanwhile: only the newest of each is told
    town.spare()
    town.is_away = True
    town.agents.start()
    until(lambda: town.refused, "a call to partners that are away")
    town.is_away = False
    until(lambda: town.wrong() == [], "the right state at both partners")
    until(town.is_recorded, "the record of all calls")
    assert [call for call, told in town.calls.items() if len(told) > 1] == [], "one number, one key, one content"
