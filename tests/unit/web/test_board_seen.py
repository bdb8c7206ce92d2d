"""The widget that any page may frame, and as much of an order as a store with a part in it sees."""

import pytest

from commonshelf.web.callers import Caller
from commonshelf.web.orders_seen import hears, seen_part
from tests.support.board import POOL, example, hostile_pool, sign_in, visiting

WIDGET, ORDER = f"/pool/{POOL}/widget", f"/pool/{POOL}/orders/R-1042"
RESERVED = ("/", WIDGET.replace("widget", "search"), "/signin", f"/pool/{POOL}/store/anna")


@pytest.fixture
def pool():
    return hostile_pool("Anna & Co")


def test_the_widget_alone_may_be_framed_and_runs_no_script(pool):
    with visiting(pool) as client:
        answer = client.get(f"{WIDGET}?q=milk")
        policies = [client.get(path).headers["content-security-policy"] for path in RESERVED]
        script = client.get("/board/widget.js")
    assert "frame-ancestors *" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert all("frame-ancestors 'none'" in policy for policy in policies)
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"


def test_the_widget_shows_an_operator_what_everybody_sees(pool):
    pool.add_shelf("milk-1l", "anna", 7_531_000)
    pool.rows["stores"]["carl"]["name"] = "Secret Carl"
    del pool.rows["listings"]["carl"]
    with visiting(pool) as client:
        public = client.get(f"{WIDGET}?q=milk").text
        sign_in(client, pool.add_key("k1", None))
        assert client.get(f"{WIDGET}?q=milk").text == public
    assert "in stock" in public
    assert "7,531" not in public
    assert "7531" not in public
    assert "Secret Carl" not in public


def test_a_store_that_shows_itself_to_nobody_has_no_page_for_everybody(pool):
    del pool.rows["listings"]["carl"]
    with visiting(pool) as client:
        answer = client.get(f"/pool/{POOL}/store/carl")
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            f"/signin?next=%2Fpool%2F{POOL}%2Fstore%2Fcarl",
        )
        sign_in(client, pool.add_key("k1", "anna"))
        assert client.get(f"/pool/{POOL}/store/carl").status_code == 200


def test_a_store_with_a_part_in_an_order_sees_no_decision_and_no_other_store(pool):
    with visiting(pool) as client:
        sign_in(client, pool.add_key("k1", "anna"))
        part = client.get(ORDER).text
        sign_in(client, pool.add_key("k2", None))
        whole = client.get(ORDER).text
    assert ("Why so" in part, "Why so" in whole) == (False, True)
    assert ("Anna &amp; Co bert" in part, "Anna &amp; Co bert" in whole) == (False, True)


def caller(store):
    return Caller("k1", POOL, {"key_id": "k1", "store": store})


def test_of_an_order_a_part_is_the_store_s_own_lines_holds_slots_and_doings():
    event = example("orders.events.v1") | {"order": "R-1", "slots": [{"store": "anna"}, {"store": "bert"}]}
    event["holds"] = [{"line_id": "1", "store": "anna"}, {"line_id": "2", "store": "bert"}]
    event["lines"] = [
        {"line_id": "1", "declined_by": [{"store": "carl"}]}, {"line_id": "2", "declined_by": []},
        {"line_id": "3", "declined_by": [{"store": "anna"}, {"store": "bert"}]},
    ]  # fmt: skip
    part = seen_part(caller("anna"), event)
    assert part["lines"] == [
        {"line_id": "1", "declined_by": []}, {"line_id": "3", "declined_by": [{"store": "anna"}]},
    ]  # fmt: skip
    assert ([hold["store"] for hold in part["holds"]], part["slots"]) == (["anna"], [{"store": "anna"}])
    assert (part["decision"], part["detail"]) == (None, "")
    assert seen_part(caller(None), event) is event
    assert seen_part(caller("anna"), event | {"order": "api-k1-R-1"})["decision"] == event["decision"]
    heard = [hears(caller("anna"), event | {"store": store}) for store in ("anna", None, "bert")]
    assert heard == [True, True, False]
