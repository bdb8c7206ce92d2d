"""The API on a real Kafka and a ledger worker: keys, availability, orders, tasks, and what became of them."""

import json
import threading
import uuid

import pytest

from commonshelf.desks.access import revoke_key, rotate_key
from schemas.examples import examples
from schemas.topics import ORDERS_REQUESTS, RESTOCK_ANSWERS, RESTOCK_PROPOSALS, SETTLEMENT_STATEMENTS
from tests.support.api import HOUR_MS
from tests.support.api_pool import ALL
from tests.support.waiting import until


@pytest.fixture(scope="module")
def server(api):
    return api


@pytest.fixture(scope="module")
def pool(api_pool):
    return api_pool


@pytest.fixture(scope="module")
def service(server, pool):
    """A client of a service of the whole pool."""
    return server.client(server.key(pool.name, *ALL))


@pytest.fixture(scope="module")
def corner(server, pool):
    """A client of the corner shop."""
    return server.client(server.key(pool.name, *ALL, store="corner"))


def named(key=None):
    return {"Idempotency-Key": key or uuid.uuid4().hex}


def placed(client, pool, **terms):
    answer = client.post(f"/pools/{pool.name}/orders", json=pool.terms(**terms), headers=named())
    assert answer.status_code == 201, answer.text
    return answer.json()


def code_of(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["code"]


def test_an_order_is_answered_with_what_is_held_and_where(pool, service):
    answer = service.post(f"/pools/{pool.name}/orders", json=pool.terms(), headers=named())
    order = answer.json()
    assert (answer.status_code, order["status"], order["outcome"]) == (201, "tentative", "")
    assert [(hold["store"], hold["quantity_milli"]) for hold in order["holds"]] == [("corner", 1_500)]
    assert order["decision"]["costs"]
    assert answer.headers["Location"] == f"/v1/pools/{pool.name}/orders/{order['order']}"
    assert answer.headers["Commonshelf-Position"] == str(order["position"])
    shown = service.get(f"/pools/{pool.name}/orders/{order['order']}")
    assert shown.json() == order


def test_who_placed_an_order_reads_what_it_did(pool, service, corner):
    before = _numbers(corner, pool, "corner")["held_milli"]
    position = placed(service, pool)["position"]
    fresh = {"consistency": "fresh", "position": position}
    assert _numbers(corner, pool, "corner", **fresh)["held_milli"] == before + 1_500


def test_a_position_that_is_not_there_yet_is_told(pool, service):
    far = {"sku": "MILK", "consistency": "fresh", "position": 10**15}
    assert code_of(service.get(f"/pools/{pool.name}/availability", params=far)) == "not_yet"


def test_the_same_request_again_changes_nothing(pool, service):
    path, key = f"/pools/{pool.name}/orders", named()
    first = service.post(path, json=pool.terms(), headers=key)
    again = service.post(path, json=pool.terms(), headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = service.post(path, json=pool.terms(quantity_milli=2_000), headers=key)
    assert (other.status_code, code_of(other)) == (409, "idempotency_key_reused")
    third = service.post(path, json=pool.terms(), headers=key)
    assert third.json() == first.json()


def test_what_is_answered_as_taken_is_in_kafka(pool, service):
    order = placed(service, pool)["order"]
    assert [one["kind"] for one in pool.records(ORDERS_REQUESTS) if one["order"] == order] == ["placed"]


def test_who_does_not_wait_is_told_where_the_answer_will_be(pool, service):
    path = f"/pools/{pool.name}/orders"
    answer = service.post(path, json=pool.terms(), headers=named(), params={"wait_ms": 0})
    assert answer.status_code == 202
    url = answer.json()["url"].removeprefix("/v1")
    order = until(lambda: (told := service.get(url)).status_code == 200 and told.json())
    assert order["holds"][0]["quantity_milli"] == 1_500


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"sku": "COFFEE"}, "unknown_sku"),
        ({"store": "nowhere"}, "unknown_store"),
        ({"deadline_ms": 1}, "past_deadline"),
        ({"preferred_store": None}, "invalid_request"),
        ({"lines": []}, "invalid_request"),
    ],
)
def test_what_cannot_be_is_refused_with_a_code(pool, service, terms, code):
    answer = service.post(f"/pools/{pool.name}/orders", json=pool.terms(**terms), headers=named())
    assert code_of(answer) == code
    assert answer.json()["to_do"]


def test_an_order_is_confirmed_picked_and_followed(pool, service, corner):
    order = placed(service, pool)["order"]
    path = f"/pools/{pool.name}/orders/{order}"
    assert service.post(f"{path}/confirm", headers=named()).json()["status"] == "confirmed"
    (task,) = until(lambda: [one for one in _tasks(corner, pool) if one["order"] == order])
    reports = f"/pools/{pool.name}/stores/corner/reports"
    for kind in ("claimed", "done"):
        said, key = {"kind": kind, "task": task["task"], "worker": "ada"}, named()
        first = corner.post(reports, json=said, headers=key)
        assert first.status_code == 200, first.text
        assert first.json()["task"]["worker"] == "ada"
        again = corner.post(reports, json=said, headers=key)
        assert (again.status_code, again.json()["report"]) == (200, first.json()["report"])
    late = corner.post(reports, json={"kind": "done", "task": task["task"]}, headers=named())
    assert (late.status_code, code_of(late)) == (409, "task_ended")
    kinds = [one["kind"] for one in service.get(f"{path}/events").json()["events"]]
    assert kinds[:3] == ["allocated", "confirmed", "picked"]


def test_an_order_is_amended_and_cancelled(pool, service):
    order = placed(service, pool)["order"]
    path = f"/pools/{pool.name}/orders/{order}"
    amended = service.put(path, json=pool.terms(quantity_milli=2_500), headers=named())
    assert amended.json()["holds"][0]["quantity_milli"] == 2_500
    cancelled = service.post(f"{path}/cancel", headers=named())
    assert (cancelled.json()["status"], cancelled.json()["outcome"]) == ("ended", "cancelled")
    assert code_of(service.post(f"{path}/confirm", headers=named())) == "order_ended"
    assert order not in {one["order"] for one in service.get(f"/pools/{pool.name}/orders").json()["orders"]}


def test_a_store_sees_its_part_of_an_order_and_another_store_nothing(server, pool, service, corner):
    bakery = server.client(server.key(pool.name, *ALL, store="bakery"))
    order = placed(service, pool)["order"]
    path = f"/pools/{pool.name}/orders/{order}"
    seen = corner.get(path).json()
    assert (len(seen["holds"]), seen["decision"]) == (1, None)
    assert code_of(bakery.get(path)) == "unknown_order"
    assert code_of(bakery.post(f"{path}/cancel", headers=named())) == "unknown_order"
    assert code_of(corner.post(f"{path}/cancel", headers=named())) == "unknown_order"


def test_pages_follow_each_other_by_their_cursor(pool, service):
    for _ in range(3):
        placed(service, pool)
    path = f"/pools/{pool.name}/orders"
    whole = service.get(path, params={"limit": 200}).json()["orders"]
    found, cursor = [], None
    while cursor is not None or not found:
        page = service.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found, cursor = found + page["orders"], page["next"]
    assert found == whole
    assert code_of(service.get(path, params={"cursor": "*"})) == "invalid_request"


def test_a_basket_names_the_stores_that_have_it_the_nearest_first(pool, service):
    wish = {"lines": [{"sku": "MILK", "quantity_milli": 1_000}, {"sku": "TEA", "quantity_milli": 1_000}]}
    path = f"/pools/{pool.name}/availability/basket"
    stores = service.post(path, json=wish, params={"near": "52.502,13.4"}).json()["stores"]
    assert [(one["store"], one["has"]) for one in stores] == [("bakery", "all"), ("mill", "all"), ("corner", "all")]
    near = service.post(path, json=wish, params={"near": "52.502,13.4", "within_m": 150}).json()["stores"]
    assert [one["store"] for one in near] == ["bakery", "mill"]
    assert code_of(service.post(path, json={"lines": [{"sku": "COFFEE", "quantity_milli": 1}]})) == "unknown_item"


def test_the_public_sees_the_bands_that_a_store_shows(server, pool):
    public = server.client()
    path = f"/pools/{pool.name}/availability"
    milk, tea = public.get(path, params={"sku": ["MILK", "TEA"]}).json()["items"]
    assert [(one["store"], one["band"], one["numbers"]) for one in milk["stores"]] == [("corner", "in", None)]
    assert tea["stores"] == []
    assert [one["sku"] for one in public.get(f"/pools/{pool.name}/items").json()["items"]] == ["MILK"]


def test_the_directory_shows_who_is_listed_in_three_forms(server, pool):
    public = server.client()
    listed = public.get(f"/pools/{pool.name}/directory").json()["stores"]
    assert [one["store"] for one in listed] == ["corner", "mill"]
    points = public.get(f"/pools/{pool.name}/directory.geojson")
    assert points.headers["content-type"] == "application/geo+json"
    assert points.json()["features"][0]["geometry"]["coordinates"] == [13.4, 52.5]
    graph = public.get(f"/pools/{pool.name}/directory.jsonld").json()
    assert [one["name"] for one in graph["@graph"]] == ["Corner", "Mill"]
    feed = public.get(f"/pools/{pool.name}/directory.feed.json").json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert {"pool": pool.name, "name": "A pool", "stores": 2} in public.get("/pools").json()["pools"]


def test_a_proposal_is_answered_once(server, pool, corner):
    row = examples(RESTOCK_PROPOSALS.name)[0].value | {
        "pool": pool.name, "store": "corner", "sku": "MILK", "status": "open", "version": 7, "moves": [],
    }  # fmt: skip
    pool.put_row(RESTOCK_PROPOSALS, f"{pool.name}/corner/MILK", row)
    path = f"/pools/{pool.name}/stores/corner/proposals"
    (shown,) = until(lambda: corner.get(path).json()["proposals"])
    assert shown["buy_milli"] == row["buy_milli"]
    said = {"sku": "MILK", "version": 7, "kind": "approved", "with_moves": False}
    odd = said | {"kind": "changed", "buy_milli": row["pack_milli"] + 1}
    assert code_of(corner.post(f"{path}/answers", json=odd)) == "wrong_quantity"
    assert code_of(corner.post(f"{path}/answers", json=said | {"version": 6})) == "superseded"
    assert code_of(corner.post(f"{path}/answers", json=said | {"sku": "TEA"})) == "unknown_proposal"
    answer = corner.post(f"{path}/answers", json=said, params={"wait_ms": 0})
    assert answer.status_code == 202  # no restock worker runs here
    assert [one["kind"] for one in pool.records(RESTOCK_ANSWERS)] == ["approved"]
    taken = row | {"status": "approved", "agreed_milli": row["buy_milli"], "answered_by": "a test"}
    pool.put_row(RESTOCK_PROPOSALS, f"{pool.name}/corner/MILK", taken)
    until(lambda: server.views.proposal(pool.name, "corner", "MILK")["status"] == "approved")
    assert corner.post(f"{path}/answers", json=said).json()["status"] == "approved"
    assert code_of(corner.post(f"{path}/answers", json=said | {"kind": "refused"})) == "answered_before"


def test_a_store_reads_its_own_statements(pool, corner):
    row = examples(SETTLEMENT_STATEMENTS.name)[0].value | {"pool": pool.name, "party": "corner"}
    pool.put_row(SETTLEMENT_STATEMENTS, f"{pool.name}/corner/{row['currency']}/{row['start_ms']}", row)
    (shown,) = until(lambda: corner.get(f"/pools/{pool.name}/stores/corner/statements").json()["statements"])
    assert shown["closing_minor"] == row["closing_minor"]
    assert code_of(corner.get(f"/pools/{pool.name}/stores/mill/statements")) == "not_allowed"


def test_a_rotated_secret_works_beside_the_one_before_and_a_revoked_key_at_no_door(server, pool):
    made = server.key(pool.name, *ALL)
    rotated = rotate_key(server.connection, made.key.key_id, HOUR_MS)
    until(lambda: server.client(rotated).get("/key").status_code == 200)
    assert server.client(made).get("/key").json()["key"] == made.key.key_id
    revoke_key(server.connection, made.key.key_id)
    until(lambda: server.client(rotated).get("/key").status_code == 401)
    assert code_of(server.client(made).get("/key")) == "key_unknown"


def test_a_listener_hears_of_an_order_as_it_happens(server, pool, service):
    heard, listening = [], threading.Event()

    def listen():
        with service.stream("GET", f"/pools/{pool.name}/events", params={"kinds": "order"}) as stream:
            for line in stream.iter_lines():
                listening.set()
                if line.startswith("data: {"):
                    heard.append(json.loads(line.removeprefix("data: ")))
                if any(one.get("kind") == "cancelled" for one in heard):
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert listening.wait(60)
    order = placed(service, pool)["order"]
    until(
        lambda: {"order": order, "kind": "allocated"} in [{k: one.get(k) for k in ("order", "kind")} for one in heard]
    )
    service.post(f"/pools/{pool.name}/orders/{order}/cancel", headers=named())
    thread.join(60)
    assert not thread.is_alive()


def _numbers(client, pool, store, **more):
    answer = client.get(f"/pools/{pool.name}/availability", params={"sku": "MILK", **more}).json()
    (found,) = [one["numbers"] for one in answer["items"][0]["stores"] if one["store"] == store]
    return found


def _tasks(client, pool):
    return client.get(f"/pools/{pool.name}/stores/corner/tasks").json()["tasks"]
