"""Arrival apps: what they are told of appointments, and what their messages mean."""

import json
import re
import subprocess
import threading
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from connectors.arrival.endpoint import make
from connectors.arrival.message import appointment_state, forgotten_state
from connectors.arrival.source import Appointments
from connectors.arrival.spec import Arrival
from connectors.arrival.translate import translate
from connectors.contract import AccessRefused, Unavailable
from connectors.http.post import KEY_HEADER, SignedPost
from connectors.http.secrets import Secrets
from connectors.http.signature import HEADER, sign, verify
from connectors.inbound.messages import MessageRefused
from connectors.outbound.contract import CallRefused
from connectors.specs import SecretSource
from messaging.publisher import PublishFailed
from messaging.traces import TRACING, trace_of
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from tests.support.arrival import serving
from tests.support.partners import SECRET, Page, Topics
from tests.support.waiting import PATIENCE_S

POOL, PARTNER = "north", "front-desk"
NOW_MS = 1_772_352_900_000
NOW = "2026-03-01T08:15:00+00:00"
QUARTER_MS = 900_000


def row(order="R-1", store="mill", **more):
    return {
        "pool": POOL, "order": order, "store": store, "place": "mill", "status": "booked", "change": "booked",
        "slot_ms": NOW_MS, "is_late": False, "window_from_ms": NOW_MS, "window_until_ms": NOW_MS + QUARTER_MS,
        "booked_until_ms": NOW_MS + QUARTER_MS, "deadline_ms": NOW_MS + 8 * QUARTER_MS, "customer": "",
        "customer_at_ms": 0, "eta_ms": 0, "code_digest": None, "wrong_codes": [], "reports": [], **more,
    }  # fmt: skip


GOODS = (
    {"line_id": "1", "sku": "milk-1l", "quantity_milli": 2_000},
    {"line_id": "2", "sku": "plums", "quantity_milli": 485},
)


def book(topics, appointment):
    topics.put("pickup.appointments.v1", f"{POOL}/{appointment['order']}/{appointment['store']}", appointment)


def hand_over(topics, task, order="R-1", store="mill", status="open", reports=(), lines=()):
    value = {"task": task, "kind": "hand_over", "order": order, "store": store, "status": status}
    topics.put("pool.tasks.v1", f"{POOL}/{task}", {**value, "reports": list(reports), "lines": list(lines)})


@pytest.fixture
def topics():
    return Topics()


# What an app is told


def test_an_app_is_told_window_place_and_how_far_it_is():
    at = {"mill": {"name": "The mill", "latitude_e6": 52_500_000, "longitude_e6": 13_400_000}}
    places = {"mill": {"name": "Mill, back door"}}
    appointment = row(code_digest="(withheld)", customer="on_the_way", customer_at_ms=NOW_MS, eta_ms=NOW_MS + 60_000)
    state = appointment_state(appointment, places, at, ZoneInfo("Europe/Berlin"))
    assert state.content == {
        "kind": "appointment", "pool": POOL, "order": "R-1", "store": "mill", "status": "booked", "change": "booked",
        "store_name": "The mill",
        "place": {"id": "mill", "name": "Mill, back door", "latitude_e6": 52_500_000, "longitude_e6": 13_400_000},
        "window": {"from": "2026-03-01T09:15:00+01:00", "until": "2026-03-01T09:30:00+01:00"},
        "deadline": "2026-03-01T11:15:00+01:00", "is_late": False, "lines": [], "needs_code": True, "wrong_codes": 0,
        "customer": {
            "state": "on_the_way", "at": "2026-03-01T09:15:00+01:00", "eta": "2026-03-01T09:16:00+01:00",
        },
        "time_zone": "Europe/Berlin",
    }  # fmt: skip
    assert not state.is_final


@pytest.mark.parametrize("status", ["handed_over", "part_handed_over", "no_show", "cancelled"])
def test_nothing_follows_an_end(status):
    assert appointment_state(row(status=status), {}, {}, ZoneInfo("UTC")).is_final
    assert forgotten_state(POOL, "R-1/mill").content["order"] == "R-1"


def test_appointments_are_read_with_the_pool_s_settings_and_an_old_report_changes_no_message(topics):
    source = Appointments(POOL, topics.follow)
    book(topics, row())
    topics.put("pool.config.v1", "north/1", {"change": ("commonshelf.PoolSettings", {"time_zone": "Europe/Rome"})})
    topics.put("pool.config.v1", "north/2", {"change": ("commonshelf.PickupPlace", {"place": "mill", "name": "Door"})})
    assert source.changed() == {"R-1/mill"}
    before = source.state("R-1/mill").content
    assert (before["time_zone"], before["place"]) == ("Europe/Rome", {"id": "mill", "name": "Door"})
    book(topics, row(reports=[{"report_id": "x", "recorded_at_ms": 1}], position=9))
    assert source.changed() == {"R-1/mill"}
    assert source.state("R-1/mill").content == before
    topics.put("pickup.appointments.v1", "north/R-1/mill", None)
    assert source.changed() == {"R-1/mill"}
    assert (source.knows("R-1/mill"), source.state("R-1/mill").is_final) == (False, True)


def test_goods_that_are_ready_are_told_by_name_until_they_are_handed_over(topics):
    source = Appointments(POOL, topics.follow)
    book(topics, row(status="ready"))
    topics.put("catalog.items.v1", f"{POOL}/milk-1l", {"sku": "milk-1l", "name": "Milk 1 l", "unit": "each"})
    hand_over(topics, "hand-over-1", lines=GOODS)
    hand_over(topics, "hand-over-2", order="R-9", lines=GOODS)
    assert source.changed() == {"R-1/mill"}
    assert source.state("R-1/mill").content["lines"] == [
        {"line": "1", "sku": "milk-1l", "quantity_milli": 2_000, "name": "Milk 1 l", "unit": "each"},
        {"line": "2", "sku": "plums", "quantity_milli": 485, "name": "plums", "unit": "each"},
    ]
    hand_over(topics, "hand-over-1", status="done", lines=GOODS)
    assert source.changed() == {"R-1/mill"}
    assert source.state("R-1/mill").content["lines"] == []


# Signed messages


def signed_post(answer, monkeypatch):
    monkeypatch.setenv("APP_SECRET", SECRET.decode())
    secrets = Secrets([SecretSource(env="APP_SECRET")])
    return SignedPost("http://app/hook", secrets, 1, lambda: NOW_MS / 1000, httpx.MockTransport(answer))


def test_a_message_is_signed_and_has_its_key(monkeypatch):
    sent = []
    signed_post(lambda request: sent.append(request) or httpx.Response(204), monkeypatch)("key-1", b'{"a":1}')
    verify([sent[0].headers[HEADER].encode()], sent[0].content, [SECRET], NOW_MS / 1000)
    assert (sent[0].headers[KEY_HEADER], sent[0].content) == ("key-1", b'{"a":1}')
    assert "traceparent" not in sent[0].headers


def test_a_message_about_an_order_names_its_trace_where_orders_are_traced(monkeypatch):
    monkeypatch.setattr(TRACING, "share_permille", 1000)
    sent = []
    post = signed_post(lambda request: sent.append(request) or httpx.Response(204), monkeypatch)
    post("key-1", b'{"pool":"north","order":"R-1"}')
    assert sent[0].headers["traceparent"] == trace_of("order", "north", "R-1").traceparent


@pytest.mark.parametrize(
    ("status", "raised"),
    [(401, AccessRefused), (403, AccessRefused), (404, CallRefused), (422, CallRefused), (302, Unavailable)]
    + [(status, Unavailable) for status in (408, 429, 500, 503)],
)
def test_an_app_that_does_not_take_it_is_asked_once_and_told_apart(status, raised, monkeypatch):
    asked = []
    post = signed_post(lambda request: asked.append(request) or httpx.Response(status), monkeypatch)
    with pytest.raises(raised):
        post("key-1", b"{}")
    assert len(asked) == 1, "when to ask again is the driver's business"


# What an app's messages mean


class Known:
    def __init__(self, *rows, task=None):
        self._rows, self._task = {(one["order"], one["store"]): one for one in rows}, task

    def appointment(self, order, store):
        return self._rows.get((order, store))

    def hand_over(self, order, store):
        return self._task

    def stores(self, order):
        return frozenset(store for one, store in self._rows if one == order)


def told(known, **message):
    payload = {"id": "m-1", "order": "R-1", "store": "mill", "at": NOW, **message}
    return translate(POOL, PARTNER, {name: value for name, value in payload.items() if value}, known, NOW_MS)


def test_messages_become_reports_under_the_partner_s_name():
    known = Known(row(), task={"task": "hand-over-7-1", "lines": GOODS})
    common = {
        "pool": POOL, "store": "mill", "report_id": "front-desk/m-1", "occurred_at_ms": NOW_MS,
        "recorded_at_ms": NOW_MS, "origin": PARTNER,
    }  # fmt: skip
    assert told(known, kind="arrived") == FulfilmentReport(**common, kind="arrived", order="R-1")
    on_the_way = told(known, kind="on_the_way", eta="2026-03-01T08:40:00Z")
    assert on_the_way == FulfilmentReport(**common, kind="on_the_way", order="R-1", eta_ms=NOW_MS + 1_500_000)
    handed = told(known, kind="handed_over", code="1234")
    assert handed == FulfilmentReport(**common, kind="done", task="hand-over-7-1", code="1234")
    assert told(known, kind="cancelled", store=None) == OrderRequest(
        pool=POOL, order="R-1", kind="cancelled", key="front-desk/m-1", recorded_at_ms=NOW_MS, origin=PARTNER
    )


def test_a_part_that_was_handed_over_is_a_report_of_what_was_not():
    known = Known(row(), task={"task": "hand-over-7-1", "lines": GOODS})
    part = told(known, kind="handed_over", code="1234", lines=[{"line": "1", "quantity_milli": 500}])
    assert (part.kind, part.task, part.code, part.reason) == ("short", "hand-over-7-1", "1234", "not_collected")
    assert [(one.line_id, one.quantity_milli) for one in part.lines] == [("1", 1_500), ("2", 485)]
    whole = [{"line": one["line_id"], "quantity_milli": one["quantity_milli"]} for one in GOODS]
    assert told(known, kind="handed_over", lines=whole).kind == "done"


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("all of it", "no list of objects"), (["1"], "no list of objects"),
        ([{"line": "9", "quantity_milli": 1}], "none of the goods that are ready"),
        ([{"line": "1", "quantity_milli": 1}] * 2, "comes twice"),
        ([{"line": "1", "quantity_milli": 2_001}], "0 to 2000"),
        ([{"line": "1", "quantity_milli": "1"}], "thousandths"),
        ([{"line": "1", "quantity_milli": True}], "thousandths"),
        ([{"line": "1", "quantity_milli": 0}], "hands nothing over"),
    ],
)  # fmt: skip
def test_a_part_that_cannot_be_is_told_what_to_do(lines, text):
    known = Known(row(), task={"task": "hand-over-7-1", "lines": GOODS})
    with pytest.raises(MessageRefused, match=text) as refused:
        told(known, kind="handed_over", lines=lines)
    assert (refused.value.status, refused.value.reason) == (422, "bad_message")


def test_a_time_ahead_of_ours_is_the_time_of_receipt():
    assert told(Known(row()), kind="arrived", at="2026-03-01T23:00:00Z").occurred_at_ms == NOW_MS


@pytest.mark.parametrize(
    ("message", "status", "reason", "text"),
    [
        ({"kind": "waves"}, 422, "bad_message", "write one of on_the_way"),
        ({"kind": "arrived", "id": None}, 422, "bad_message", "an id of its own"),
        ({"kind": "arrived", "id": "x" * 101}, 422, "bad_message", "up to 100 characters"),
        ({"kind": "arrived", "phone": "+49 30"}, 422, "bad_message", "leave it out"),
        ({"kind": "arrived", "store": None}, 422, "bad_message", "name the store"),
        ({"kind": "arrived", "order": "R-2"}, 404, "unknown_appointment", "check both"),
        ({"kind": "cancelled", "order": "R-2"}, 404, "unknown_appointment", "send again"),
        ({"kind": "arrived", "order": "done"}, 409, "appointment_ended", "handed_over; place another order"),
        ({"kind": "on_the_way"}, 422, "bad_message", "write a time such as"),
        ({"kind": "on_the_way", "eta": "soon"}, 422, "bad_message", "eta"),
        ({"kind": "on_the_way", "eta": "2026-03-01T08:14:59Z"}, 422, "bad_eta", "or send arrived if that is now"),
        ({"kind": "handed_over"}, 409, "not_ready", "wait until its status is ready"),
        ({"kind": "arrived", "worker": "w" * 201}, 422, "bad_message", "worker"),
    ],
)
def test_a_message_that_cannot_be_used_is_told_what_to_do(message, status, reason, text):
    known = Known(row(), row("done", status="handed_over"))
    with pytest.raises(MessageRefused, match=text) as refused:
        told(known, **message)
    assert (refused.value.status, refused.value.reason) == (status, reason)


# The page


@pytest.fixture
def page(topics, tmp_path, monkeypatch):
    topics.follow(("pickup.appointments.v1", "pool.tasks.v1"))
    book(topics, row())
    monkeypatch.setenv("APP_SECRET", SECRET.decode())
    options = Arrival(id=PARTNER, pool=POOL, url="https://app.example", secret_env="APP_SECRET")
    return Page(make, options, topics, tmp_path, monkeypatch, {"order": "R-1", "store": "mill"})


def test_a_report_is_answered_with_what_the_pool_made_of_it_and_the_same_again_with_the_same(page):
    page.answer_with(kind="collected")
    hand_over(page.topics, "hand-over-1")
    page.look()
    for _ in range(2):
        answered = page.post(kind="handed_over", code="1")
        assert (answered.status_code, answered.json()) == (200, {"outcome": "accepted"})
    assert len(page.kafka.published) == 1


def test_a_report_on_the_customer_s_way_is_accepted_when_the_appointment_has_it(page):
    def react(event):
        book(page.topics, row(reports=[{"report_id": event.report_id, "recorded_at_ms": NOW_MS}]))
        page.book.look(0)

    page.kafka.react = react
    assert page.post(kind="arrived").json() == {"outcome": "accepted"}


@pytest.mark.parametrize(
    ("reason", "status"),
    [("wrong_code", 403), ("code_needed", 403), ("code_locked", 423), ("appointment_ended", 409), ("bad_eta", 422)],
)
def test_what_the_pool_refuses_is_told_with_what_to_do(page, reason, status):
    page.answer_with(kind="report_refused", reason=reason, detail="ask again; 4 tries are left")
    answered = page.post(kind="arrived")
    assert answered.status_code == status
    assert answered.json() == {"outcome": "refused", "reason": reason, "error": "ask again; 4 tries are left"}


def test_without_the_pool_s_word_it_is_kept_and_can_be_asked_for(page):
    answered = page.post(kind="arrived")
    assert (answered.status_code, answered.json()["outcome"]) == (202, "pending")
    page.topics.events.append({"key": "front-desk/m-1", "kind": "report_refused", "reason": "bad_eta", "detail": "no"})
    page.look()
    assert page.post(kind="arrived").json()["reason"] == "bad_eta"
    assert len(page.kafka.published) == 1


def test_nothing_is_acknowledged_that_kafka_has_not(page):
    page.kafka.failure = PublishFailed("no broker")
    answered = page.post(kind="arrived")
    assert (answered.status_code, "Retry-After" in answered.headers) == (503, True)
    page.kafka.failure = None
    assert page.post(kind="arrived").status_code == 202


def test_a_stranger_an_old_signature_and_a_changed_body_are_refused(page):
    assert page.post(secret=b"another-secret-altogether", kind="arrived").status_code == 401
    body = b'{"id": "m-1"}'
    for headers in ({}, {HEADER: sign(SECRET, body, 1)}, {HEADER: sign(SECRET, b"{}", NOW_MS // 1000)}):
        assert page.send(body, headers).status_code == 401
    assert page.kafka.published == []


def test_before_the_appointments_are_read_and_while_kafka_is_away_it_is_told_to_wait(page):
    page.topics.failure = PublishFailed("no broker")
    stop = threading.Event()
    stop.wait = lambda _: stop.set()
    page.endpoint.run(stop)
    answered = page.post(kind="arrived")
    assert (answered.status_code, answered.headers["Retry-After"]) == (503, "1")


def test_what_is_no_message_is_told_and_counted(page):
    answered = page.post(kind="waves")
    assert (answered.status_code, answered.json()["reason"]) == (422, "bad_message")
    body = b"[1]"
    assert page.send(body, {HEADER: sign(SECRET, body, int(time.time()))}).status_code == 400
    counted = page.metrics.registry.get_sample_value(
        "commonshelf_partner_reports_total",
        {"pool": POOL, "partner": PARTNER, "kind": "unknown", "outcome": "bad_message"},
    )
    assert counted == 1


def test_a_task_that_ended_is_handed_over_no_more_and_a_cancelled_order_is_forgotten(page):
    hand_over(page.topics, "hand-over-1")
    page.look()
    assert page.book.hand_over("R-1", "mill")["task"] == "hand-over-1"
    hand_over(page.topics, "hand-over-1", status="done", reports=[{"report_id": "front-desk/m-9", "recorded_at_ms": 1}])
    page.look()
    assert page.book.hand_over("R-1", "mill") is None
    assert page.book.verdict("front-desk/m-9").accepted
    page.topics.put("pickup.appointments.v1", "north/R-1/mill", None)
    page.look()
    assert (page.book.appointment("R-1", "mill"), page.book.stores("R-1")) == (None, frozenset())


def test_the_example_in_the_manual_runs(page, monkeypatch):
    manual = (Path(__file__).parents[3] / "docs" / "arrival.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```bash\n(.*?)```", manual, re.DOTALL)
    book(page.topics, row("R-1042", "corner-shop"))
    page.look()
    monkeypatch.setenv("FRONT_DESK_SECRET", SECRET.decode())
    ((path, handler),) = page.endpoint.pages().items()
    with serving(Starlette(routes=[Route(path, handler, methods=["POST"])])) as url:
        script = example.replace("http://127.0.0.1:8081", url)
        ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert json.loads(ran.stdout)["outcome"] == "pending"
    assert [(one.kind, one.order) for one in page.kafka.published] == [("arrived", "R-1042")]


def test_the_message_in_the_manual_has_the_fields_that_are_sent():
    manual = (Path(__file__).parents[3] / "docs" / "arrival.md").read_text(encoding="utf-8")
    shown = json.loads(re.search(r"```json\n(.*?)```", manual, re.DOTALL)[1])
    at = {"latitude_e6": 52_520_008, "longitude_e6": 13_404_954}
    told = row(customer="on_the_way", customer_at_ms=NOW_MS, eta_ms=NOW_MS, code_digest="(withheld)")
    sent = appointment_state(told, {}, {"mill": {"name": "The mill", **at}}, ZoneInfo("Europe/Berlin")).content
    assert shown.keys() == sent.keys() | {"id", "sequence"}
    for part in ("place", "window", "customer"):
        assert shown[part].keys() == sent[part].keys()
