"""Carriers: what they are told of deliveries, with which addresses, and what their messages mean."""

import json
import re
import subprocess
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from connectors.carriers.adapter import AddressedPost
from connectors.carriers.endpoint import make
from connectors.carriers.message import delivery_state, forgotten_state
from connectors.carriers.source import Deliveries
from connectors.carriers.spec import Carrier
from connectors.carriers.translate import KINDS, translate
from connectors.context import AddressGone
from connectors.contract import AccessRefused, Unavailable
from connectors.inbound.messages import MessageRefused
from messaging.publisher import PublishFailed
from schemas.models.reports import FulfilmentReport
from tests.support.arrival import serving
from tests.support.carrier import REFERENCE, delivery_row
from tests.support.partners import SECRET, Page, Topics
from tests.support.waiting import PATIENCE_S

POOL, PARTNER, TASK = "north", "city-bikes", "hand-over-7-1"
NOW_MS = 1_772_352_900_000
NOW = "2026-03-01T08:15:00+00:00"
ADDRESS = {"name": "A. Customer", "street": "Mill Lane 3", "city": "Lich"}


def row(task=TASK, **more):
    return delivery_row(POOL, task, **more)


def give(topics, task):
    topics.put("pool.tasks.v1", f"{POOL}/{task['task']}", task)


@pytest.fixture
def topics():
    return Topics()


# What a carrier is told


def test_a_carrier_is_told_goods_store_and_times_and_of_the_customer_a_reference_alone():
    stores = {"mill": {"name": "The mill", "latitude_e6": 52_500_000, "longitude_e6": 13_400_000}}
    state = delivery_state(row(), stores, ZoneInfo("Europe/Berlin"))
    assert state.content == {
        "kind": "delivery", "pool": POOL, "task": TASK, "order": "R-1", "status": "requested", "reason": "",
        "carrier": None,
        "store": {"id": "mill", "name": "The mill", "latitude_e6": 52_500_000, "longitude_e6": 13_400_000},
        "ready_since": "2026-03-01T09:00:00+01:00", "deliver_by": "2026-03-01T10:00:00+01:00",
        "report_by": "2026-03-02T10:00:00+01:00", "geohash": "u33db", "address_ref": REFERENCE,
        "manifest": [{"line_id": "1", "sku": "MILK", "quantity_milli": 2_000}], "time_zone": "Europe/Berlin",
    }  # fmt: skip
    assert not state.is_final


@pytest.mark.parametrize(
    ("status", "told", "is_final"),
    [
        ("open", "requested", False), ("claimed", "out", False), ("done", "delivered", True),
        ("refused", "returned", True), ("cancelled", "cancelled", True), ("late", "cancelled", True),
    ],
)  # fmt: skip
def test_each_status_of_the_task_is_told_and_nothing_follows_an_end(status, told, is_final):
    state = delivery_state(row(status=status), {}, ZoneInfo("UTC"))
    assert (state.content["status"], state.is_final) == (told, is_final)
    assert forgotten_state(POOL, TASK).is_final


def test_only_deliveries_of_the_stores_that_it_carries_for_are_told(topics):
    source = Deliveries(POOL, topics.follow, Carrier.model_construct(stores=("mill",)).carries_for)
    give(topics, row())
    give(topics, row("hand-over-8-1", store="other"))
    give(topics, row("hand-over-9-1", delivery=None))
    give(topics, row("pick-9-1", kind="pick", delivery=None))
    assert source.changed() == {TASK}
    topics.put("pool.config.v1", "north/1", {"change": ("commonshelf.PoolSettings", {"time_zone": "Europe/Rome"})})
    topics.put("pool.tasks.v1", f"{POOL}/{TASK}", None)
    assert source.changed() == {TASK}
    assert (source.knows(TASK), source.state(TASK).content["status"]) == (False, "forgotten")
    topics.put("pool.tasks.v1", f"{POOL}/hand-over-9-1", None)
    assert source.changed() == set()


# The address


class Posted:
    def __init__(self, opened):
        self.sent, self.asked, self._opened = [], [], opened
        self.post = AddressedPost(lambda key, body: self.sent.append((key, json.loads(body))), self.open)

    def open(self, reference):
        self.asked.append(reference)
        if isinstance(self._opened, Exception):
            raise self._opened
        return self._opened

    def __call__(self, status):
        self.post("key-1", json.dumps({"task": TASK, "status": status, "address_ref": REFERENCE}).encode())
        return self.sent[-1][1]


@pytest.mark.parametrize("status", ["requested", "out"])
def test_what_is_to_be_delivered_is_told_with_the_address_fetched_as_it_is_sent(status):
    posted = Posted(ADDRESS)
    for _ in range(2):
        assert posted(status)["address"] == ADDRESS
    assert posted.asked == [REFERENCE, REFERENCE], "each time anew"


@pytest.mark.parametrize("status", ["delivered", "returned", "cancelled", "forgotten"])
def test_what_has_ended_is_told_without_and_the_vault_is_not_asked(status):
    posted = Posted(ADDRESS)
    assert "address" not in posted(status)
    assert posted.asked == []


def test_an_address_that_was_erased_keeps_back_none_of_the_rest():
    assert Posted(AddressGone("erased"))("requested")["address"] is None


@pytest.mark.parametrize("failure", [AccessRefused("unknown_key"), Unavailable("the vault does not answer")])
def test_without_the_vault_nothing_is_sent_and_the_call_waits(failure):
    posted = Posted(failure)
    with pytest.raises(type(failure)):
        posted("requested")
    assert posted.sent == []


def test_the_key_at_the_vault_is_named_once():
    plain = {"id": PARTNER, "url": "https://carrier.example", "secret_env": "A_SECRET"}
    assert Carrier.model_validate(plain).vault_key is None
    one = Carrier.model_validate(plain | {"vault_key_env": "A_KEY"})
    assert [source.env for source in one.secrets_to_call()] == ["A_SECRET", "A_KEY"]
    with pytest.raises(ValueError, match="not by both"):
        Carrier.model_validate(plain | {"vault_key_env": "A_KEY", "vault_key_file": "key"})


# What a carrier's messages mean


class Known:
    def __init__(self, *rows):
        self._rows = {one["task"]: one for one in rows}

    def delivery(self, task):
        return self._rows.get(task)


KNOWN = Known(
    row(), row("out", status="claimed", worker=PARTNER), row("done", status="done"), row("back", status="refused"),
    row("off", status="cancelled"), row("late", status="late"),
)  # fmt: skip


def told(**message):
    payload = {"id": "m-1", "task": TASK, "at": NOW, **message}
    return translate(POOL, PARTNER, {name: value for name, value in payload.items() if value}, KNOWN, NOW_MS)


@pytest.mark.parametrize(
    ("message", "report"),
    [
        ({"kind": "scanned_out"}, {"kind": "claimed", "task": TASK}),
        ({"kind": "delivered"}, {"kind": "done", "task": TASK}),
        ({"kind": "delivered", "task": "out"}, {"kind": "done", "task": "out"}),
        ({"kind": "failed", "task": "out"}, {"kind": "renewed", "task": "out"}),
        ({"kind": "returned", "task": "out"}, {"kind": "refused", "task": "out", "reason": "not_collected"}),
        (
            {"kind": "returned", "task": "out", "reason": "damaged"},
            {"kind": "refused", "task": "out", "reason": "damaged"},
        ),
    ],
)
def test_messages_become_reports_under_the_carrier_s_name(message, report):
    assert told(**message) == FulfilmentReport(
        pool=POOL, store="mill", report_id="city-bikes/m-1", worker=PARTNER, occurred_at_ms=NOW_MS,
        recorded_at_ms=NOW_MS, origin=PARTNER, **report,
    )  # fmt: skip


def test_a_time_ahead_of_ours_is_the_time_of_receipt():
    assert told(kind="delivered", at="2026-03-01T23:00:00Z").occurred_at_ms == NOW_MS


@pytest.mark.parametrize(
    ("message", "status", "reason", "text"),
    [
        ({"kind": "eaten"}, 422, "bad_message", "write one of scanned_out, delivered, failed, returned"),
        ({"kind": "delivered", "id": None}, 422, "bad_message", "an id of its own"),
        ({"kind": "delivered", "task": None}, 422, "bad_message", "name the task"),
        ({"kind": "delivered", "phone": "+49 30"}, 422, "bad_message", "leave it out"),
        ({"kind": "delivered", "reason": "damaged"}, 422, "bad_message", "belongs to returned"),
        ({"kind": "returned", "task": "out", "reason": "rain"}, 422, "bad_message", "not_collected, damaged, not_fo"),
        ({"kind": "delivered", "at": "soon"}, 422, "bad_message", "at:"),
        ({"kind": "scanned_out", "task": "hand-over-99-1"}, 404, "unknown_delivery", "leave the goods in the store"),
        ({"kind": "failed"}, 409, "not_scanned_out", "send scanned_out first"),
        ({"kind": "returned"}, 409, "not_scanned_out", "send scanned_out first"),
        ({"kind": "delivered", "task": "done"}, 409, "delivery_ended", "was delivered"),
        ({"kind": "delivered", "task": "back"}, 409, "delivery_ended", "was returned"),
        ({"kind": "scanned_out", "task": "off"}, 409, "delivery_ended", "bring the goods back to the store"),
        ({"kind": "delivered", "task": "late"}, 409, "delivery_ended", "bring the goods back to the store"),
    ],
)
def test_a_message_that_cannot_be_used_is_told_what_to_do(message, status, reason, text):
    with pytest.raises(MessageRefused, match=text) as refused:
        told(**message)
    assert (refused.value.status, refused.value.reason) == (status, reason)


# The page


@pytest.fixture
def page(topics, tmp_path, monkeypatch):
    monkeypatch.setenv("CARRIER_SECRET", SECRET.decode())
    topics.follow(("pool.tasks.v1",))
    give(topics, row())
    give(topics, row("hand-over-8-1", store="other"))
    options = Carrier(
        id=PARTNER, pool=POOL, url="https://carrier.example", secret_env="CARRIER_SECRET", stores=("mill",)
    )
    return Page(make, options, topics, tmp_path, monkeypatch, {"task": TASK})


def test_a_report_is_accepted_when_the_task_has_it_and_a_replay_changes_nothing(page):
    def react(event):
        give(page.topics, row(status="claimed", reports=[{"report_id": event.report_id, "recorded_at_ms": NOW_MS}]))
        page.book.look(0)

    page.kafka.react = react
    for _ in range(2):
        answered = page.post(kind="scanned_out")
        assert (answered.status_code, answered.json()) == (200, {"outcome": "accepted"})
    assert len(page.kafka.published) == 1


@pytest.mark.parametrize("task", ["hand-over-99-1", "hand-over-8-1"])
def test_scanning_out_what_was_never_given_or_is_another_carrier_s_is_refused_and_counted(page, task):
    answered = page.post(kind="scanned_out", task=task)
    assert (answered.status_code, answered.json()["reason"]) == (404, "unknown_delivery")
    assert page.kafka.published == []
    labels = {"pool": POOL, "partner": PARTNER, "kind": "scanned_out", "outcome": "unknown_delivery"}
    assert page.metrics.registry.get_sample_value("commonshelf_partner_reports_total", labels) == 1


def test_what_the_pool_refuses_is_told(page):
    page.answer_with(kind="report_refused", reason="claimed_already", detail="other-bikes has it")
    answered = page.post(kind="scanned_out")
    assert answered.status_code == 409
    assert answered.json() == {"outcome": "refused", "reason": "claimed_already", "error": "other-bikes has it"}


def test_nothing_is_acknowledged_that_kafka_has_not_and_strangers_are_refused(page):
    page.kafka.failure = PublishFailed("no broker")
    assert page.post(kind="delivered").status_code == 503
    page.kafka.failure = None
    assert page.post(secret=b"another-secret-altogether", kind="delivered").status_code == 401
    assert page.kafka.published == []


# The manual


MANUAL = (Path(__file__).parents[3] / "docs" / "carriers.md").read_text(encoding="utf-8")


def test_the_example_in_the_manual_runs(page, monkeypatch):
    (example,) = re.findall(r"```bash\n(.*?)```", MANUAL, re.DOTALL)
    give(page.topics, row("hand-over-1204-1"))
    page.look()
    monkeypatch.setenv("CITY_BIKES_SECRET", SECRET.decode())
    ((path, handler),) = page.endpoint.pages().items()
    with serving(Starlette(routes=[Route(path, handler, methods=["POST"])])) as url:
        script = example.replace("http://127.0.0.1:8081", url)
        ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert json.loads(ran.stdout)["outcome"] == "pending"
    assert [(one.kind, one.task) for one in page.kafka.published] == [("claimed", "hand-over-1204-1")]


def test_the_manual_names_all_fields_kinds_and_reasons():
    (example,) = re.findall(r'```json\n(\{"id": "5b0f.*?)```', MANUAL, re.DOTALL)
    sent = delivery_state(row(), {"mill": {"latitude_e6": 1, "longitude_e6": 1}}, ZoneInfo("UTC")).content
    shown = json.loads(example)
    assert set(shown) == {*sent, "id", "sequence", "address"}
    assert set(shown["store"]) == set(sent["store"])
    for word in (*KINDS, "unknown_delivery", "not_scanned_out", "delivery_ended", "bad_message"):
        assert f"`{word}`" in MANUAL
