"""The API's edge, without a Kafka: limits, bodies, problem documents, and views that are not ready."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from commonshelf.config.settings import Settings
from commonshelf.config.web_settings import Api
from commonshelf.web.api.app import BODY_MAX_BYTES
from commonshelf.web.api.context import allow
from commonshelf.web.api.problems import KINDS, ProblemError, kind_of, rejections
from commonshelf.web.app import make_app
from commonshelf.web.callers import Caller
from commonshelf.web.views.pool_views import PoolViews
from messaging.publisher import Publisher
from schemas.generate.__main__ import DOCS

NOWHERE = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}


@pytest.fixture
def ask(tmp_path: Path):
    """Asks in a row, of a server whose views never become ready."""

    def asked(*requests, **limits):
        async def run():
            settings = Settings(api=Api(**limits))
            with Publisher(NOWHERE, 1) as publisher:
                app = make_app(settings, PoolViews(NOWHERE, tmp_path, 1), publisher)
                transport = httpx.ASGITransport(app, raise_app_exceptions=False)
                async with httpx.AsyncClient(transport=transport, base_url="http://localhost/v1") as client:
                    return [await client.request(method, path, **more) for method, path, more in requests]

        return asyncio.run(run())

    return asked


def problem(answer, code):
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["code"], told["status"]) == (code, answer.status_code)
    assert told["to_do"]
    return told


def test_a_caller_over_its_limit_is_told_when_to_come_again(ask):
    first, second, third = ask(*[("GET", "/problems", {})] * 3, public_requests_per_minute=2)
    assert [first.headers["RateLimit-Remaining"], second.headers["RateLimit-Remaining"]] == ["1", "0"]
    problem(third, "rate_limited")
    assert 0 < int(third.headers["Retry-After"]) <= 60
    assert third.headers["RateLimit-Limit"] == "2"


def test_guessing_keys_counts_against_the_limit(ask):
    wrong = {"headers": {"Authorization": "Bearer guessed"}}
    *guesses, last = ask(*[("GET", "/problems", wrong)] * 2, ("GET", "/problems", {}), public_requests_per_minute=2)
    assert [problem(one, "key_unknown")["status"] for one in guesses] == [401, 401]
    assert guesses[0].headers["WWW-Authenticate"] == "Bearer"
    problem(last, "rate_limited")


def test_what_is_not_served_is_a_problem_document_too(ask):
    nothing, method = ask(("GET", "/nothing", {}), ("DELETE", "/problems", {}))
    problem(nothing, "not_found")
    problem(method, "method_not_allowed")
    assert "GET" in method.headers["Allow"]


def test_the_topics_are_described_beside_the_api(ask):
    (told,) = ask(("GET", "/asyncapi.json", {}))
    assert told.json() == json.loads((DOCS / "asyncapi.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("is_told", [True, False], ids=["its length is told", "it comes in pieces"])
def test_a_body_that_is_too_large_is_not_read(ask, is_told):
    content = b"x" * (BODY_MAX_BYTES + 1)

    async def pieces():
        yield content[:1000]
        yield content[1000:]

    # Without a key nothing of it is looked at, but for its size.
    (answer,) = ask(("POST", "/pools/riverside/availability/basket", {"content": content if is_told else pieces()}))
    problem(answer, "body_too_large")


def test_views_that_are_not_ready_are_told_so(ask):
    (answer,) = ask(("GET", "/pools/riverside/directory", {}))
    problem(answer, "not_ready")
    assert answer.headers["Retry-After"]


def test_a_form_that_is_not_asked_for_is_told_with_its_place(ask):
    (answer,) = ask(("GET", "/problems", {"headers": {"Authorization": "Basic abc"}}))
    problem(answer, "key_unknown")


def test_a_query_parameter_that_is_misspelt_is_told(ask):
    (answer,) = ask(("GET", "/problems?categroy=Bread", {}))
    assert "categroy" in problem(answer, "invalid_request")["detail"]


def test_an_answer_that_the_caller_has_is_not_sent_again(ask):
    (first,) = ask(("GET", "/problems", {}))
    (again,) = ask(("GET", "/problems", {"headers": {"If-None-Match": first.headers["ETag"]}}))
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


def test_a_page_of_another_name_is_not_answered(ask):
    (answer,) = ask(("GET", "/problems", {"headers": {"Host": "attacker.example"}}))
    assert answer.status_code == 421


def test_no_other_site_may_read_the_answers(ask):
    (answer,) = ask(("GET", "/problems", {"headers": {"Origin": "https://attacker.example"}}))
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_code_says_what_to_do():
    for code in {*KINDS, *rejections()}:
        kind = kind_of(code)
        assert kind.title
        assert kind.to_do


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (("webhooks:write", "riverside", None), "made for shelves:read; a new one can have more"),
        (("shelves:read", "lake", None), "of pool riverside, not of lake"),
        (("shelves:read", "riverside", "bakery"), "of store mill, not of bakery"),
    ],
)
def test_a_key_is_told_what_it_lacks(asked, why):
    key = {"key_id": "k1", "label": "a key", "store": "mill", "scopes": ["shelves:read"]}
    with pytest.raises(ProblemError) as refused:
        allow(Caller("k1", "riverside", key), *asked)
    assert why in refused.value.detail
