"""The board's pages over a pool in memory: hostile names, forms from elsewhere, keys, and who sees what."""

import re

import pytest
from limits import RateLimitItemPerMinute
from starlette.testclient import TestClient

from commonshelf.web.board import acts, store_page
from commonshelf.web.board import sign_in as sign_in_page
from commonshelf.web.board.visitors import COOKIE, FORM_MAX_BYTES
from messaging.status_server import Status
from tests.support.board import HOSTILE, POOL, form_token, hostile_pool, sign_in, visiting

STORE, ORDERS = f"/pool/{POOL}/store/anna", f"/pool/{POOL}/orders"
PUBLIC = [
    "/",
    f"/pool/{POOL}",
    f"{STORE}",
    f"/pool/{POOL}/search?q=milk&near=anna",
    "/signin",
    "/pool/none",
    "/signin?next=x",
]
OF_STORE = [
    *PUBLIC, ORDERS, f"{ORDERS}/R-1042", f"/pool/{POOL}/items", f"/pool/{POOL}/items?q={HOSTILE}",
    f"/pool/{POOL}/item/milk-1l", f"/pool/{POOL}/till/anna", f"/pool/{POOL}/till/anna?q=milk-1l",
    f"/pool/{POOL}/till/anna?q=<script>", f"/pool/{POOL}/store/bert",
]  # fmt: skip


@pytest.fixture
def pool():
    return hostile_pool()


@pytest.fixture
def sent(monkeypatch):
    """What the acts would have published."""
    found = []
    monkeypatch.setattr(acts, "send", lambda _visit, event: found.append(event))
    monkeypatch.setattr(acts, "until", lambda _: None)
    monkeypatch.setattr(store_page, "publish_answers", lambda _connection, answers: found.extend(answers))
    monkeypatch.setattr(store_page, "until", lambda _: {"version": int(found[-1].version)})
    return found


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("key", [None, "anna", "pool"])
def test_hostile_names_are_text_on_every_page(pool, key, language):
    token = None if key is None else pool.add_key("k1", "anna" if key == "anna" else None, label=HOSTILE)
    with visiting(pool) as client:
        client.headers["accept-language"] = language
        if token is not None:
            sign_in(client, token)
        for path in PUBLIC if key is None else OF_STORE:
            answer = client.get(path)
            assert answer.status_code in (200, 404), (path, answer.status_code)
            assert "<img" not in answer.text, path
            assert "<script>" not in answer.text, path
            assert "49{0}" not in answer.text, path
            assert re.search(r"\son\w+=", re.sub(r'"[^"]*"', '""', answer.text.replace("&#34;", ""))) is None or (
                "&lt;img" in answer.text
            ), path
            policy = answer.headers["content-security-policy"]
            assert ("default-src 'none'" in policy, "unsafe" in policy) == (True, False)
            assert answer.headers["cache-control"] == "no-store"


def test_nothing_of_a_page_comes_from_outside(pool):
    with visiting(pool) as client:
        sign_in(client, pool.add_key("k1", "anna"))
        for path in OF_STORE:
            assert re.findall(r'(?:src|href|action)="(?:https?:)?//', client.get(path).text) == [], path


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
    ids=["no token", "another origin", "an opaque origin", "another site"],
)
def test_a_form_from_elsewhere_is_refused_and_does_nothing(pool, sent, headers):
    with visiting(pool) as client:
        token = sign_in(client, pool.add_key("k1", "anna"))
        form = {"task": "pick-2", "did": "done"} | ({"form_token": token} if headers else {})
        answer = client.post(f"{STORE}/task", data=form, headers=headers)
        assert (answer.status_code, sent) == (403, [])
        good = client.post(f"{STORE}/task", data=form | {"form_token": token})
        assert (good.status_code, good.headers["location"]) == (303, f"{STORE}?said=done")
    [report] = sent
    assert (report.task, report.kind, report.store, report.origin) == ("pick-2", "done", "anna", "board")


def test_a_token_of_another_visit_is_refused(pool, sent):
    key = pool.add_key("k1", "anna")
    with visiting(pool) as client:
        theirs = sign_in(client, key)
        client.cookies.clear()
        ours = sign_in(client, key)
        assert ours != theirs
        answer = client.post(f"{STORE}/task", data={"task": "pick-2", "did": "done", "form_token": theirs})
        assert (answer.status_code, sent) == (403, [])


def test_a_form_too_large_is_refused(pool, sent):
    with visiting(pool) as client:
        token = sign_in(client, pool.add_key("k1", "anna"))
        form = {"form_token": token, "task": "x" * FORM_MAX_BYTES}
        assert client.post(f"{STORE}/task", data=form).status_code == 403
    assert sent == []


def test_a_key_signs_in_with_a_cookie_that_scripts_and_other_sites_do_not_get(pool):
    token = pool.add_key("k1", "anna")
    with visiting(pool) as client:
        form = {"form_token": form_token(client, "/signin"), "key": token, "next": f"{STORE}"}
        before = client.cookies[COOKIE]
        answer = client.post("/signin", data=form)
        cookie = answer.headers["set-cookie"].lower()
        assert answer.headers["location"] == STORE
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.cookies[COOKIE] != before
        assert token not in cookie
        assert 'data-task="pick-2"' in client.get(STORE).text


@pytest.mark.parametrize("wrong", ["", "cs_k1_other", "cs_k2_s3cret", "cs_k1_s3cret ü", "x" * 300])
def test_a_key_that_is_none_is_told_and_opens_nothing(pool, wrong):
    pool.add_key("k1", "anna")
    with visiting(pool) as client:
        form = {"form_token": form_token(client, "/signin"), "key": wrong, "next": "/"}
        answer = client.post("/signin", data=form)
        assert answer.status_code == 409
        assert "This key is not known" in answer.text
        assert client.get(ORDERS).headers["location"].startswith("/signin?next=")


def test_who_tries_too_many_keys_holds_up_nobody_else(pool, monkeypatch):
    monkeypatch.setattr(sign_in_page, "_TRIES", RateLimitItemPerMinute(2))
    token = pool.add_key("k1", "anna")
    with visiting(pool) as guesser:
        member = TestClient(guesser.app, base_url=guesser.base_url, follow_redirects=False, client=("10.0.0.2", 50_000))
        for told in ["This key is not known"] * 2 + ["Too many keys are tried"]:
            form = {"form_token": form_token(guesser, "/signin"), "key": "cs_k1_guessed", "next": "/"}
            assert told in guesser.post("/signin", data=form).text
        sign_in(member, token)


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_signing_in_leads_nowhere_else(pool, path):
    with visiting(pool) as client:
        form = {"form_token": form_token(client, "/signin"), "key": pool.add_key("k1", "anna"), "next": path}
        assert client.post("/signin", data=form).headers["location"] == "/"


def test_a_key_that_is_revoked_opens_nothing_from_then_on(pool):
    with visiting(pool) as client:
        sign_in(client, pool.add_key("k1", "anna"))
        assert client.get(ORDERS).status_code == 200
        pool.rows["keys"]["k1"]["revoked_at_ms"] = 1
        assert client.get(ORDERS).status_code == 303


def test_whoever_signs_out_is_a_visitor(pool):
    with visiting(pool) as client:
        token = sign_in(client, pool.add_key("k1", "anna"))
        assert client.post("/signout", data={"form_token": token}).headers["location"] == "/?said=signed_out"
        assert client.get(ORDERS).status_code == 303


def test_a_store_s_key_does_not_act_for_another(pool, sent):
    with visiting(pool) as client:
        token = sign_in(client, pool.add_key("k1", "bert"))
        for what, form in {
            "task": {"task": "pick-2", "did": "done"},
            "map": {"code": "plu:1", "item": "milk-1l"},
        }.items():
            answer = client.post(f"{STORE}/{what}", data=form | {"form_token": token})
            assert (answer.status_code, sent) == (403, []), what
        assert "data-task" not in client.get(STORE).text
        assert client.get(f"/pool/{POOL}/ops").status_code == 403
        assert client.get(f"/pool/{POOL}/till/anna").status_code == 403


def test_a_key_without_the_scope_does_not_act(pool, sent):
    with visiting(pool) as client:
        token = sign_in(client, pool.add_key("k1", "anna", scopes=("tasks:read", "shelves:read")))
        assert 'data-task="pick-2"' in client.get(STORE).text
        answer = client.post(f"{STORE}/task", data={"task": "pick-2", "did": "done", "form_token": token})
        assert (answer.status_code, sent) == (403, [])
        assert client.get(ORDERS).status_code == 403


def test_an_order_is_shown_to_the_stores_that_have_a_part_in_it(pool):
    for store, status in {"anna": 200, "bert": 200, "carl": 403, None: 200}.items():
        with visiting(pool) as client:
            sign_in(client, pool.add_key(f"k-{store}", store))
            assert client.get(f"{ORDERS}/R-1042").status_code == status, store
            assert ("R-1042" in client.get(ORDERS).text) == (status == 200)


def test_numbers_are_shown_to_the_own_store_and_under_a_grant(pool):
    pool.rows["shelves"]["milk-1l", "carl"] |= {"on_hand_milli": 7_531_000}
    pool.rows["shelves"]["milk-1l", "anna"] |= {"on_hand_milli": 9_753_000}
    page = f"/pool/{POOL}/item/milk-1l"
    with visiting(pool) as client:
        assert client.get(page).status_code == 303
        sign_in(client, pool.add_key("k1", "anna"))
        assert [number in client.get(page).text for number in ("9753", "7531")] == [True, False]
        grant = {
            "store": "carl",
            "to_stores": ["anna"],
            "to_keys": [],
            "from_ms": 0,
            "until_ms": 2**50,
            "ended_at_ms": None,
        }
        pool.grant_rows.append(grant)
        assert "7531" in client.get(page).text
        grant["ended_at_ms"] = 1
        assert "7531" not in client.get(page).text


def test_the_public_sees_the_stores_that_show_themselves_and_no_number_of_theirs(pool):
    pool.rows["stores"]["carl"]["name"], pool.rows["stores"]["dora"]["name"] = "Secret Carl", "Quiet Dora"
    del pool.rows["listings"]["carl"]
    pool.rows["listings"]["dora"]["shows_bands"] = False
    with visiting(pool) as client:
        page, found = client.get("/").text, client.get(f"/pool/{POOL}/search?q=milk").text
        assert ("Secret Carl" in page, "Quiet Dora" in page) == (False, True)
        assert ("Secret Carl" in found, "anna" in found) == (False, True)
        assert "R-1042" not in page
        sign_in(client, pool.add_key("k1", None))
        assert "Secret Carl" in client.get("/").text
        assert "R-1042" in client.get("/").text


def test_a_proposal_is_answered_in_its_newest_version_alone(pool, sent):
    row = pool.rows["proposals"]["anna", "milk-1l"]
    row |= {"version": 7, "pack_milli": 6_000}
    with visiting(pool) as client:
        token = sign_in(client, pool.add_key("k1", "anna", label="Anna K."))
        form = {"form_token": token, "sku": "milk-1l", "says": "approved"}
        old = client.post(f"{STORE}/restock", data=form | {"version": "6"})
        assert (old.status_code, sent) == (409, [])
        split = client.post(f"{STORE}/restock", data=form | {"version": "7", "says": "changed", "units": "8"})
        assert (split.status_code, "whole packs" in split.text, sent) == (409, True, [])
        client.post(f"{STORE}/restock", data=form | {"version": "7", "says": "changed", "units": "12,0"})
        assert client.post(f"{STORE}/restock", data=form | {"version": "7"}).status_code == 303
    changed, approved = sent
    assert (changed.kind, changed.buy_milli, changed.by, approved.kind) == ("changed", 12_000, "Anna K.", "approved")


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"did": "short", "reason": "not_found"}, "Say how many are missing"),
        ({"did": "short", "reason": "not_found", "missing-1": "two"}, "is not a number such as 2 or 0.5"),
        ({"did": "short", "reason": "not_found", "missing-1": "1.500"}, "may be 1.5 or 1500: write one of these"),
        ({"did": "short", "reason": "not_found", "missing-1": "-2"}, "is not a number"),
        ({"did": "short", "reason": "{nonsense}", "missing-1": "1"}, "reason"),
        ({"did": "burn"}, "This button is not known"),
    ],
)
def test_a_report_that_cannot_be_is_told_and_not_sent(pool, sent, form, told):
    with visiting(pool) as client:
        token = sign_in(client, pool.add_key("k1", "anna"))
        answer = client.post(f"{STORE}/task", data=form | {"form_token": token, "task": "pick-2"})
        assert (answer.status_code, told in answer.text, sent) == (409, True, [])


def test_what_is_missing_is_told_line_by_line(pool, sent):
    with visiting(pool) as client:
        token = sign_in(client, pool.add_key("k1", "anna"))
        form = {"did": "short", "reason": "damaged", "missing-1": "0,5", "missing-2": ""}
        client.post(f"{STORE}/task", data=form | {"form_token": token, "task": "pick-2"})
    [report] = sent
    assert (report.kind, report.reason, [(line.line_id, line.quantity_milli) for line in report.lines]) == (
        "short", "damaged", [("1", 500)],
    )  # fmt: skip


def test_a_page_says_so_while_the_tables_are_read_for_the_first_time(pool):
    pool.status = Status.unless("pool.config.v1 is being read")
    with visiting(pool) as client:
        answer = client.get("/")
    assert (answer.status_code, answer.headers["refresh"]) == (503, "2")
    assert "has just started" in answer.text


def test_words_in_the_address_say_nothing_on_the_page(pool):
    with visiting(pool) as client:
        assert "You owe me" not in client.get("/?said=You owe me").text
        assert "The order is placed." in client.get("/?said=placed").text


def test_a_store_with_only_a_part_in_an_order_cannot_change_it_and_who_placed_it_can(pool, sent, monkeypatch):
    monkeypatch.setattr(acts, "until", lambda _: {"kind": "cancelled"})
    order = f"{ORDERS}/R-1042"
    with visiting(pool) as client:
        token = sign_in(client, pool.add_key("k1", "anna"))
        assert 'value="cancelled"' not in client.get(order).text
        assert client.post(order, data={"form_token": token, "did": "cancelled"}).status_code == 403
        assert sent == []
        token = sign_in(client, pool.add_key("k2", None))
        assert 'value="cancelled"' in client.get(order).text
        assert client.post(order, data={"form_token": token, "did": "cancelled"}).status_code == 303
    assert [(one.order, one.kind) for one in sent] == [("R-1042", "cancelled")]
