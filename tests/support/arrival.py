"""A reference arrival app in this process, the pool's side of it, and messages as the pool would send them."""

import json
import threading
from contextlib import contextmanager

import httpx
import uvicorn

from connectors.arrival.reference.app import Partner, ReferenceApp
from connectors.arrival.reference.links import counter_path, customer_path
from connectors.arrival.reference.store import Appointments
from connectors.http.secrets import Secrets
from connectors.http.signature import HEADER, sign
from connectors.specs import SecretSource
from tests.support.waiting import until

SECRET = "a-secret-of-the-app-front-desk"
PARTNER = "front-desk"
NOON_S = 1_790_078_400
CODE = "K7QXN3PA"


def message(sequence=1, order="R-1042", **more):
    """An appointment at noon, ready, as the pool tells it."""
    return {
        "id": f"{order}-{sequence}", "sequence": sequence, "kind": "appointment", "pool": "riverside", "order": order,
        "store": "mill", "status": "ready", "change": "ready", "store_name": "The mill",
        "place": {"id": "mill", "name": "The mill", "latitude_e6": 52_500_000, "longitude_e6": 13_400_000},
        "window": {"from": "2026-09-22T12:00:00+02:00", "until": "2026-09-22T12:15:00+02:00"},
        "deadline": "2026-09-22T18:00:00+02:00", "is_late": False, "needs_code": True, "wrong_codes": 0,
        "lines": [
            {"line": "1", "sku": "milk-1l", "name": "Milk 1 l", "quantity_milli": 2_000, "unit": "each"},
            {"line": "2", "sku": "plums", "name": "Plums", "quantity_milli": 485, "unit": "kg"},
        ],
        "customer": None, "time_zone": "Europe/Berlin", **more,
    }  # fmt: skip


def came(state="arrived", at="2026-09-22T11:58:00+02:00", **more):
    return {"customer": {"state": state, "at": at, **more}}


class Desk:
    """The app, and what it reports. answers: status and JSON, or an exception, by kind of report."""

    def __init__(self, folder, monkeypatch):
        monkeypatch.setenv("FRONT_DESK_SECRET", SECRET)
        self.appointments = Appointments(folder / "app.sqlite3")
        self.reports, self.answers, self.now_s = [], {}, NOON_S
        secrets = Secrets([SecretSource(env="FRONT_DESK_SECRET")])
        partner = Partner(PARTNER, secrets, self.appointments, self.send)
        self.app = ReferenceApp({PARTNER: partner}, lambda: self.now_s).app

    def send(self, key, body):
        report = json.loads(body)
        assert report["id"] == key
        self.reports.append(report)
        answer = self.answers.get(report["kind"], (200, {"outcome": "accepted"}))
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer[0], json=answer[1])

    def put(self, *messages):
        for one in messages:
            self.appointments.put(one, self.now_s)

    def customer(self, order="R-1042", code=CODE):
        return customer_path(SECRET.encode(), PARTNER, order, code)

    def counter(self, place="mill"):
        return counter_path(SECRET.encode(), PARTNER, place)

    def hook(self, body, secret=SECRET, at_s=None):
        headers = {HEADER: sign(secret.encode(), body, at_s or self.now_s), "Content-Type": "application/json"}
        return "/hooks/front-desk", headers

    def serving(self):
        return serving(self.app)


@contextmanager
def serving(app):
    """The address of an app, on a real port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, "the app")
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def posted(client, path, fields):
    """The answer to a form that is sent."""
    return client.post(path, data=fields, follow_redirects=False)


def appointment_row(pool, order, **more):
    """An AppointmentRow of an order at the mill."""
    return {
        "pool": pool, "order": order, "store": "mill", "place": "mill", "status": "booked", "change": "booked",
        "slot_ms": 1_000, "is_late": False, "window_from_ms": 1_000, "window_until_ms": 901_000,
        "booked_until_ms": 901_000, "deadline_ms": 901_000, "customer": "", "customer_at_ms": 0, "eta_ms": 0,
        "code_digest": None, "wrong_codes": [], "reports": [], "reports_forgotten_ms": 0,
        "booked_at_ms": 1, "ready_at_ms": 0, "ended_at_ms": 0, "forget_at_ms": 0, "position": 1, **more,
    }  # fmt: skip
