"""The conformance kit passes our API, and fails one of which any clause is broken."""

import json

import httpx
import pytest

from commonshelf.web.conformance.kit import Trial, clauses, run
from tests.support.api_pool import ALL


class Broken(httpx.BaseTransport):
    """Our API, with answers that a broken one would give."""

    def __init__(self, spoil):
        self._inner = httpx.HTTPTransport()
        self._spoil = spoil

    def handle_request(self, request):
        answer = self._inner.handle_request(request)
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            self._spoil(request, answer, None)
            return answer
        answer.read()
        told = json.loads(answer.content) if answer.content else {}
        told = self._spoil(request, answer, told) or told
        content = json.dumps(told).encode() if answer.content else b""
        headers = [(name, value) for name, value in answer.headers.items() if name != "content-length"]
        return httpx.Response(answer.status_code, headers=headers, content=content)


def on(path, status=None):
    """Spoils answers under a path, of one status if one is named."""

    def of(spoil):
        def spoiled(request, answer, told):
            if path in request.url.path and status in (None, answer.status_code):
                return spoil(answer, told)
            return None

        return spoiled

    return of


def sets_status(status):
    def spoil(answer, _told):
        answer.status_code = status

    return spoil


def drops_header(name):
    def spoil(answer, _told):
        answer.headers.pop(name, None)

    return spoil


def no_problem_document(answer, _told):
    answer.headers["content-type"] = "application/json"


def numbers_for_all(_answer, told):
    for item in told["items"]:
        item["stores"].append({"store": "mill", "band": "in", "numbers": {"available_milli": 1}})


def bands_of_numbers(_answer, told):
    for item in told["items"]:
        item["stores"] = [{"store": "mill", "band": "41"}]


def every_page_is_the_first(_answer, told):
    if "items" in told and told["items"] and "category" in told["items"][0]:
        return {"items": told["items"] * 2, "next": None}
    return None


def orders_of_their_own(_answer, told):
    orders_of_their_own.count += 1
    return {**told, "order": f"{told['order'][:50]}-{orders_of_their_own.count}"}


orders_of_their_own.count = 0


def keeps_the_secret(request, answer, told):
    if answer.status_code == 201 and request.url.path.endswith("/webhooks"):
        keeps_the_secret.kept = told["secret"]
    return {**told, "secret": keeps_the_secret.kept} if request.url.path.endswith("/rotate") else None


MUTANTS = {
    "document": on("/openapi.json")(lambda _, told: {**told, "openapi": "2.0"}),
    "directory": on("/directory", 200)(lambda _, told: {**told, "pool": "another"}),
    "key-asked-for": on("/orders", 401)(sets_status(200)),
    "key-unknown": on("/directory", 401)(sets_status(200)),
    "unknown-pool": on("/directory", 404)(no_problem_document),
    "limits": on("/directory")(drops_header("RateLimit-Remaining")),
    "etag": on("/directory", 304)(sets_status(200)),
    "pages": on("/items")(every_page_is_the_first),
    "availability": on("/availability")(bands_of_numbers),
    "no-numbers": on("/availability")(numbers_for_all),
    "idempotency-key-asked-for": on("/orders", 422)(sets_status(201)),
    "place": on("/orders", 201)(lambda _, told: {**told, "holds": []}),
    "idempotent": on("/orders", 200)(orders_of_their_own),
    "fresh": on("/orders/api-", 200)(lambda _, told: {**told, "position": 1} if "position" in told else None),
    "refused": on("/orders", 409)(lambda _, told: {**told, "code": "no"}),
    "cancel": on("/cancel")(lambda _, told: {**told, "status": "confirmed"}),
    "live": on("/events", 200)(no_problem_document),
    "subscribe": on("/webhooks", 201)(lambda _, told: {**told, "secret": ""}),
    "secret-once": keeps_the_secret,
    "webhook-target": on("/webhooks", 422)(sets_status(201)),
    "replay": on("/replay", 422)(sets_status(202)),
    "unsubscribe": on("/webhooks/", 404)(sets_status(200)),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(api, api_pool):
    """Clause → what became of it, of our API or of one that is spoiled."""
    token = api.key(api_pool.name, *ALL).token

    def of(spoil=None):
        more = {"base_url": f"{api.url}/v1", "timeout": 60, "trust_env": False}
        if spoil is not None:
            more["transport"] = Broken(spoil)
        with (
            httpx.Client(**more) as public,
            httpx.Client(**more, headers={"Authorization": f"Bearer {token}"}) as member,
        ):
            return {one.clause: (one.outcome, one.found) for one in run(Trial(public, member, api_pool.name))}

    return of


def test_our_api_keeps_every_clause(outcomes):
    assert outcomes() == dict.fromkeys(clauses(), ("pass", ""))


def test_every_clause_has_an_api_that_breaks_it():
    assert MUTANTS.keys() == set(clauses())


@pytest.mark.parametrize("clause", MUTANTS)
def test_an_api_that_breaks_a_clause_fails_it(outcomes, clause):
    found = outcomes(MUTANTS[clause])
    assert found[clause][0] == "fail", found
