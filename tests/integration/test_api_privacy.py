"""No caller finds a number that it has no grant for: every kind of caller, every page, also by asking twice."""

import json
import re
import threading
import time

import pytest

from commonshelf.config.publishing import publish_settings
from schemas.models.config import ConfigChange, PoolSettings
from tests.support.api_pool import ALL, ON_HAND
from tests.support.waiting import until

HELD_MILLI = 4_321
"""Of the mill's MILK, for an order: a number that nothing else has, either."""
ASKED = {
    "sku": "sku=MILK&sku=TEA", "near": "near=52.5,13.4", "is_live": "is_live=false", "is_open": "is_open=false",
    "limit": "limit=200",
}  # fmt: skip


@pytest.fixture(scope="module")
def pool(api, api_pool):
    """The pool, with an order that holds goods of the mill."""
    service = api.client(api.key(api_pool.name, *ALL))
    terms = api_pool.terms(quantity_milli=HELD_MILLI, store="mill")
    api_pool.order = service.post(
        f"/pools/{api_pool.name}/orders", json=terms, headers={"Idempotency-Key": "held"}
    ).json()["order"]
    hook = {"url": "https://hooks.invalid/x", "kinds": ["order", "task", "band"]}
    api_pool.webhook = service.post(f"/pools/{api_pool.name}/webhooks", json=hook).json()["webhook"]
    until(lambda: api.views.shelf(api_pool.name, "MILK", "mill")["held_milli"] == HELD_MILLI)
    return api_pool


@pytest.fixture(scope="module")
def pages(api, pool):
    """Every page that can be read, as its address."""
    document = api.client().get("/openapi.json").json()
    values = {
        "pool": pool.name, "order": pool.order, "code": "unknown_pool", "request_id": "0" * 32,
        "webhook": pool.webhook,
    }  # fmt: skip
    found = []
    for path, operations in document["paths"].items():
        if "get" not in operations or (path.endswith("/events") and "order" not in path):
            continue
        named = path.format_map(values | {"store": "{store}", "task": "{task}"})
        taken = {parameter["name"] for parameter in operations["get"].get("parameters", ())}
        query = "&".join(ASKED[name] for name in sorted(taken & ASKED.keys()))
        found += [
            f"{named.format(store=store, task=task)}?{query}"
            for store in (ON_HAND if "{store}" in named else [""])
            for task in (_tasks(api, pool) if "{task}" in named else [""])
        ]
    return found


def _tasks(api, pool):
    return [task["task"] for store in ON_HAND for task in api.views.tasks(pool.name, store, is_live=False)] or ["none"]


def secrets_of(*stores):
    """Whatever tells how much these stores have: as the answers would write it."""
    numbers = {ON_HAND[store] for store in stores}
    if "mill" in stores:
        numbers |= {HELD_MILLI, ON_HAND["mill"] - HELD_MILLI}
    return re.compile("|".join(rf"\b{number}\b" for number in numbers))


def found_by(client, pages, numbers):
    return {page: numbers.findall(text) for page in pages if numbers.search(text := client.get(page).text)}


def read(client, pool):
    basket = {"lines": [{"sku": "MILK", "quantity_milli": ON_HAND["mill"] - 1}]}
    return client.post(f"/pools/{pool.name}/availability/basket", json=basket)


def test_there_are_pages_to_look_at_and_their_owner_finds_its_numbers(api, pool, pages):
    mill = api.client(api.key(pool.name, *ALL, store="mill"))
    assert len(pages) > 30
    assert len(found_by(mill, pages, secrets_of("mill"))) >= 2


def test_the_public_finds_no_number(api, pool, pages):
    assert found_by(api.client(), pages, secrets_of(*ON_HAND)) == {}


def test_a_service_finds_no_number_but_of_orders(api, pool, pages):
    service = api.client(api.key(pool.name, *ALL))
    found = found_by(service, pages, secrets_of(*ON_HAND))
    assert {page for page in found if "/orders" not in page} == {}.keys()
    assert {number for numbers in found.values() for number in numbers} <= {str(HELD_MILLI)}


@pytest.mark.parametrize("store", ["corner", "bakery"])
def test_a_store_finds_no_number_of_another(api, pool, pages, store):
    client = api.client(api.key(pool.name, *ALL, store=store))
    assert found_by(client, pages, secrets_of(*ON_HAND.keys() - {store})) == {}


def test_a_key_without_the_scope_finds_no_number_of_its_own_store(api, pool, pages):
    client = api.client(api.key(pool.name, "orders:write", store="corner"))
    assert found_by(client, pages, secrets_of("corner")) == {}


def test_a_key_of_another_pool_finds_no_number(api, pool, pages):
    other = f"{pool.name}-b"
    change = ConfigChange(pool=other, recorded_at_ms=pool.now_ms, origin="test", change=PoolSettings(name="Another"))
    publish_settings(pool.options, pool.partitions, [change])
    until(lambda: api.views.settings(other) is not None)
    client = api.client(api.key(other, *ALL))
    assert found_by(client, pages, secrets_of(*ON_HAND)) == {}


def test_a_grant_opens_one_store_s_numbers_until_it_ends(api, pool, pages):
    corner = api.client(api.key(pool.name, *ALL, store="corner"))
    path = f"/pools/{pool.name}/stores/bakery/shelves"
    assert corner.get(path).status_code == 403
    now_ms = time.time_ns() // 1_000_000
    api.grant(pool.name, "bakery", ("corner",), from_ms=now_ms, until_ms=now_ms + 1_500)
    assert corner.get(path).json()["shelves"][0]["on_hand_milli"] == ON_HAND["bakery"]
    assert found_by(corner, pages, secrets_of("mill")) == {}
    until(lambda: corner.get(path).status_code == 403)


def test_a_basket_says_nothing_of_how_much_there_is(api, pool):
    """Asked for more and more, who sees bands alone hears always the same."""
    service = api.client(api.key(pool.name, *ALL))
    path = f"/pools/{pool.name}/availability/basket"
    answers = {
        service.post(path, json={"lines": [{"sku": "TEA", "quantity_milli": milli}]}).json()["stores"][0]["has"]
        for milli in (1, 50_000, 10_000_000)
    }
    assert answers == {"all"}


def test_asking_twice_tells_nothing_of_a_sale_between(api, pool):
    """What goes within a band leaves every public answer as it was, to the byte, and no live stream speaks of it."""
    public, corner = api.client(), api.client(api.key(pool.name, *ALL, store="corner"))
    path, heard, listening = f"/pools/{pool.name}/availability?sku=MILK", [], threading.Event()

    def listen():
        with public.stream("GET", f"/pools/{pool.name}/events") as stream:
            for line in stream.iter_lines():
                listening.set()
                heard.append(line)
                if "out" in line:
                    return

    before = public.get(path)
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert listening.wait(60)
    pool.sell("mill", 1_000)  # what it shows is not in bands
    pool.sell("corner", 1_000)
    own = f"/pools/{pool.name}/stores/corner/shelves"
    until(lambda: corner.get(own).json()["shelves"][0]["on_hand_milli"] == ON_HAND["corner"] - 1_000)
    after = public.get(path)
    assert (after.content, after.headers["ETag"]) == (before.content, before.headers["ETag"])
    pool.sell("corner", ON_HAND["corner"])
    thread.join(60)
    told = [json.loads(line.removeprefix("data: ")) for line in heard if line.startswith("data: {")]
    assert {one["store"] for one in told} == {"corner"}
    assert [one["band"] for one in told][-1] == "out"
    assert all(set(one) == {"sku", "store", "band"} for one in told)
