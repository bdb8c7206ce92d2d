"""The reference arrival app: who may see what, what is shown, and what is reported."""

import json
import re
import sqlite3

import pytest
from starlette.testclient import TestClient

from connectors.arrival.reference.links import new_code
from connectors.arrival.reference.store import Appointments
from connectors.contract import Unavailable
from tests.support.arrival import CODE, NOON_S, SECRET, Desk, came, message, posted


@pytest.fixture
def desk(tmp_path, monkeypatch):
    made = Desk(tmp_path, monkeypatch)
    yield made
    made.appointments.close()


@pytest.fixture
def client(desk):
    return TestClient(desk.app)


def form_of(page, kind, **more):
    """The fields of the page's first form of a kind."""
    for text in re.findall(r"<form.*?</form>", page, re.DOTALL):
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))
        if fields.get("kind") == kind:
            return fields | more
    raise AssertionError(f"no form {kind} in {page}")


def test_a_signed_message_is_kept_and_an_older_one_changes_nothing(desk, client):
    for sequence, status, is_news in ((2, "ready", True), (1, "booked", False), (2, "ready", False)):
        body = json.dumps(message(sequence, status=status)).encode()
        path, headers = desk.hook(body)
        answer = client.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"is_news": is_news})
    assert [one["status"] for one in desk.appointments.of_order("R-1042")] == ["ready"]


def test_what_is_not_signed_is_too_old_or_no_message_is_refused_and_what_is_for_others_is_passed_over(desk, client):
    body = json.dumps(message()).encode()
    for path, headers in (desk.hook(body, secret="another-secret-altogether"), desk.hook(body, at_s=NOON_S - 301)):
        assert client.post(path, content=body, headers=headers).status_code == 401
    for text, status in ((b'{"kind": "appointment"}', 400), (b"{", 400), (b'{"kind": "manifest"}', 200)):
        path, headers = desk.hook(text)
        assert client.post(path, content=text, headers=headers).status_code == status
    path, headers = desk.hook(body)
    assert client.post("/hooks/other", content=body, headers=headers).status_code == 404
    assert desk.appointments.of_order("R-1042") == []


def test_what_was_acknowledged_is_there_after_a_restart(desk, tmp_path):
    desk.put(message())
    again = Appointments(tmp_path / "app.sqlite3")
    assert [one["order"] for one in again.of_order("R-1042")] == ["R-1042"]
    again.close()


def test_ended_appointments_are_dropped_after_days_and_forgotten_ones_at_once(desk, tmp_path):
    desk.put(message(order="old", status="handed_over"), message(order="gone"))
    desk.put({"order": "gone", "store": "mill", "sequence": 2, "status": "forgotten"})
    desk.now_s += 4 * 86_400
    desk.put(message())
    with sqlite3.connect(tmp_path / "app.sqlite3") as db:
        assert db.execute("SELECT customer_order FROM appointment").fetchall() == [("R-1042",)]


def test_the_customer_sees_window_place_map_and_code(desk, client):
    desk.put(message(change="moved", is_late=True))
    page = client.get(desk.customer()).text
    for shown in (
        "Tuesday 22 September",
        "12:00\u201312:15",
        "The mill",
        "mlat=52.5",
        CODE,
        "<svg viewBox",
        "a new one",
        "are late",
    ):
        assert shown in page
    assert "needs" not in page


def test_a_page_is_shown_for_its_whole_link_alone(desk, client):
    desk.put(message(), message(order="R-2"))
    link, other = desk.customer(), desk.customer("R-2")
    wrong = [
        link[:-1], link.replace(CODE, "AAAAAAAA"), link.replace("R-1042", "R-2"), link.replace("customer", "counter"),
        f"{link.rsplit('/', 1)[0]}/{other.rsplit('/', 1)[1]}", link.replace("front-desk", "other"), "/", "/x",
    ]  # fmt: skip
    assert [client.get(one).status_code for one in wrong] == [404] * len(wrong)
    assert client.get(link).status_code == 200
    assert client.get(desk.customer("R-9")).status_code == 404


def test_pages_bring_nothing_from_outside_and_leave_nothing_behind(desk, client):
    desk.put(message())
    for path in (desk.customer(), desk.counter()):
        answer = client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action")
        assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert not re.search(r'(src|href)="(https?:)?//(?!www\.openstreetmap\.org/\?mlat)', answer.text)
        assert not re.search(r"<script(?! src)|<style| style=| on\w+=", answer.text)
    assert client.get("/style.css").headers["content-type"].startswith("text/css")
    assert client.get("/refresh.js").status_code == 200


def test_nothing_that_a_message_says_is_taken_for_html(desk, client):
    desk.put(message(store_name="<b>", place={"id": "mill", "name": "<script>alert(1)</script>"}))
    for path in (desk.customer(), desk.counter()):
        assert "<script>alert" not in client.get(path).text


@pytest.mark.parametrize(
    ("kind", "more", "reported"),
    [
        ("on_the_way", {"minutes": "20"}, {"store": "mill", "eta": "2026-09-22T12:20:00+00:00"}),
        ("arrived", {}, {"store": "mill"}),
        ("cancelled", {}, {}),
    ],
)
def test_the_customer_reports_by_a_form_and_is_told_that_it_is_known(desk, client, kind, more, reported):
    desk.put(message())
    fields = form_of(client.get(desk.customer()).text, kind, **more)
    answer = posted(client, desk.customer(), fields)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{desk.customer()}?said={kind}")
    common = {"id": fields["id"], "kind": kind, "order": "R-1042", "at": "2026-09-22T12:00:00+00:00"}
    assert desk.reports == [common | reported]
    assert 'role="status"' in client.get(answer.headers["location"]).text


def test_the_queue_stands_by_who_came_first_then_who_comes_next(desk, client):
    desk.put(
        message(order="later"), message(order="second", **came(at="2026-09-22T11:59:00+02:00")),
        message(order="way", **came("on_the_way", eta="2026-09-22T12:10:00+02:00")), message(order="first", **came()),
        message(order="early", window={"from": "2026-09-22T11:00:00+02:00", "until": "2026-09-22T11:15:00+02:00"}),
        message(order="gone", status="handed_over"), message(order="there", place={"id": "lane", "name": "Lane"}),
    )  # fmt: skip
    desk.now_s = NOON_S - 2 * 3600 + 300
    page = client.get(desk.counter()).text
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["first", "second", "way", "early", "later"]
    assert re.findall(r"here for (\d+) min", page) == ["7", "6"]
    assert "arrives at 12:10" in page


def test_the_counter_hands_over_against_the_code_and_what_is_refused_is_told(desk, client):
    desk.put(message())
    fields = form_of(client.get(desk.counter()).text, "handed_over", code=f" {CODE} ")
    desk.answers["handed_over"] = 403, {"outcome": "refused", "reason": "wrong_code", "error": "it is wrong; 4 left"}
    refused = posted(client, desk.counter(), fields)
    assert (refused.status_code, "It is wrong; 4 left." in refused.text) == (409, True)
    desk.answers.clear()
    assert posted(client, desk.counter(), fields).headers["location"].endswith("?said=handed_over")
    assert desk.reports[-1]["code"] == CODE


def part_form(page, **more):
    """The fields of the form by which a part is handed over, quantities as they stand there."""
    [text] = [one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if 'name="goods"' in one]
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))
    return fields | dict(re.findall(r'name="(line-\d+)" value="([^"]*)"', text)) | more


def test_the_counter_hands_over_a_part_line_by_line(desk, client):
    desk.put(message(needs_code=False))
    page = client.get(desk.counter()).text
    assert re.findall(r"(Milk 1 l, of 2|Plums, of 0.485 kg)", page) == ["Milk 1 l, of 2", "Plums, of 0.485 kg"]
    assert posted(client, desk.counter(), part_form(page, **{"line-1": "1", "line-2": "0,2"})).status_code == 303
    assert desk.reports[-1]["lines"] == [
        {"line": "1", "quantity_milli": 1_000},
        {"line": "2", "quantity_milli": 200},
    ]


@pytest.mark.parametrize(
    "more", [{"line-1": "3"}, {"line-1": "-1"}, {"line-1": "one"}, {"goods": "x"}, {"line-2": "0.4851"}]
)
def test_a_part_that_is_more_than_there_is_or_of_other_goods_is_refused(desk, client, more):
    desk.put(message())
    fields = part_form(client.get(desk.counter()).text, code=CODE)
    assert posted(client, desk.counter(), fields | more).status_code == 422
    desk.put(message(2, lines=[]))
    assert posted(client, desk.counter(), fields).status_code == 422
    assert desk.reports == []


def test_goods_that_are_not_picked_cannot_be_handed_over(desk, client):
    desk.put(message(status="booked"))
    assert "handed_over" not in client.get(desk.counter()).text


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Unavailable("down"), "Nothing is lost: try again"),
        ((409, {"reason": "appointment_ended", "error": "x"}), "has ended already"),
        ((422, {"reason": "bad_eta", "error": "eta is in the past"}), "Eta is in the past."),
    ],
)
def test_a_report_that_fails_is_told_with_what_to_do(desk, client, answer, text):
    desk.put(message())
    desk.answers["arrived"] = answer
    told = posted(client, desk.customer(), form_of(client.get(desk.customer()).text, "arrived"))
    assert (told.status_code, text in told.text, 'role="alert"' in told.text) == (409, True, True)


def test_a_report_whose_outcome_comes_later_says_so(desk, client):
    desk.put(message())
    desk.answers["arrived"] = 202, {"outcome": "pending"}
    told = posted(client, desk.customer(), form_of(client.get(desk.customer()).text, "arrived"))
    assert told.headers["location"].endswith("?said=pending")


def test_a_form_that_is_not_the_page_s_is_refused(desk, client):
    desk.put(message())
    good = form_of(client.get(desk.customer()).text, "on_the_way", minutes="15")
    for bad in (
        {**good, "minutes": "7"}, {**good, "kind": "handed_over"}, {**good, "id": ""}, {"kind": "arrived"},
        {**good, "id": "x" * 5_000},
    ):  # fmt: skip
        assert posted(client, desk.customer(), bad).status_code == 422
    counter = {"id": "1", "kind": "handed_over", "order": "R-9", "store": "mill"}
    assert posted(client, desk.counter(), counter).status_code == 422
    assert desk.reports == []


def test_who_sends_too_many_forms_is_told_to_wait(desk, client, monkeypatch):
    desk.put(message())
    fields = form_of(client.get(desk.customer()).text, "arrived")
    statuses = {posted(client, desk.customer(), fields).status_code for _ in range(120)}
    assert statuses <= {303, 429}


def test_codes_are_drawn_from_forty_bits_and_stand_in_no_file(desk, client, tmp_path):
    assert len({new_code() for _ in range(1_000)}) == 1_000
    assert all(re.fullmatch("[A-Z2-7]{8}", new_code()) for _ in range(100))
    desk.put(message())
    client.get(desk.customer())
    posted(client, desk.counter(), form_of(client.get(desk.counter()).text, "handed_over", code=CODE))
    desk.appointments.close()
    for file in tmp_path.iterdir():
        assert CODE.encode() not in file.read_bytes()
        assert SECRET.encode() not in file.read_bytes()
