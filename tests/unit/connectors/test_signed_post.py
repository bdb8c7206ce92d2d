"""Signed messages to partners that behave as real ones do: each call has the answer that belongs to it."""

import json
import random

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from connectors.contract import Unavailable
from connectors.http.post import SignedPost
from connectors.http.secrets import Secrets
from connectors.specs import SecretSource
from tests.support.arrival import serving
from tests.support.partner_trap import Mood, PartnerTrap

SLOW_S = 0.4


@pytest.fixture
def taken():
    """Numbers of the messages that the partner has taken."""
    return []


@pytest.fixture
def trap(taken):
    async def take(request):
        taken.append(json.loads(await request.body())["sequence"])
        return JSONResponse({})

    with (
        serving(Starlette(routes=[Route("/hook", take, methods=["POST"])])) as url,
        PartnerTrap(url, SLOW_S, random.Random(3)) as made,
    ):
        yield made


@pytest.fixture
def told(trap, tmp_path):
    """The numbers of so many messages that we take for told."""
    (tmp_path / "secret").write_text("a-secret-of-the-partner-of-tests")
    post = SignedPost(f"{trap.url}/hook", Secrets([SecretSource(file=tmp_path / "secret")]), SLOW_S / 2)

    def tell(count):
        found = []
        for number in range(count):
            try:
                post(f"key-{number}", json.dumps({"task": "t", "sequence": number}).encode())
            except Unavailable:
                continue
            found.append(number)
        return found

    return tell


def test_an_answer_that_comes_twice_is_not_taken_for_that_to_the_next_call(trap, taken, told):
    trap.turn(Mood.twice)
    found = told(40)
    assert found == taken
    assert 0 < len(taken) < 40


def test_what_is_answered_late_or_with_500_is_not_taken_for_told_though_the_partner_may_have_it(trap, taken, told):
    trap.turn(Mood.failing)
    assert told(20) == []
    assert 0 < len(taken) < 20
    trap.turn(Mood.slow)
    assert told(1) == []
    trap.turn(Mood.away)
    assert told(1) == []
    trap.turn(Mood.well)
    assert told(2) == [0, 1]


def test_each_call_has_a_connection_of_its_own(tmp_path):
    (tmp_path / "secret").write_text("a-secret-of-the-partner-of-tests")
    sent = []
    transport = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(204))
    SignedPost("http://app/hook", Secrets([SecretSource(file=tmp_path / "secret")]), 1, transport=transport)("k", b"{}")
    assert sent[0].headers["Connection"] == "close"
