"""Who may see what: tokens, grants, bands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonshelf.desks.api_tokens import digest_of, opens, token_parts
from commonshelf.web.callers import Caller
from streams.directory.bands import band_of, shown_to_public

NOW_MS = 1_000_000
SECRET, BEFORE = "the-secret", "the-one-before"


def key(**more):
    return {
        "key_id": "k1", "label": "a key", "store": "mill", "scopes": ["shelves:read"], "digest": digest_of(SECRET),
        "previous_digest": None, "previous_until_ms": 0, "created_at_ms": 0, "expires_at_ms": None,
        "revoked_at_ms": None, **more,
    }  # fmt: skip


def grant(**more):
    return {
        "grant": "g", "store": "bakery", "to_stores": ["mill"], "to_keys": [], "purpose": "a test", "from_ms": 0,
        "until_ms": NOW_MS + 1, "ended_at_ms": None, **more,
    }  # fmt: skip


def test_a_secret_opens_its_key():
    assert opens(key(), SECRET, NOW_MS)
    assert not opens(key(), "another", NOW_MS)


def test_a_digest_opens_nothing():
    assert not opens(key(), digest_of(SECRET), NOW_MS)


def test_the_secret_before_works_until_its_time_is_over():
    rotated = key(previous_digest=digest_of(BEFORE), previous_until_ms=NOW_MS)
    assert opens(rotated, BEFORE, NOW_MS - 1)
    assert not opens(rotated, BEFORE, NOW_MS)
    assert opens(rotated, SECRET, NOW_MS)


@pytest.mark.parametrize("ended", ["expires_at_ms", "revoked_at_ms"])
def test_a_key_that_is_over_opens_to_nobody(ended):
    assert opens(key(**{ended: NOW_MS + 1}), SECRET, NOW_MS)
    assert not opens(key(**{ended: NOW_MS}), SECRET, NOW_MS)


@pytest.mark.parametrize(
    "text", ["", "cs", "cs_", "cs_k1", "cs_k1_", "xx_k1_s", "cs__s", "cs_k1_\u00e9", "cs_k1_" + "x" * 200]
)
def test_what_is_no_token_has_no_parts(text):
    assert token_parts(text) is None


def test_a_secret_may_hold_the_letter_that_parts_it():
    assert token_parts("cs_k1_a_b_c") == ("k1", "a_b_c")


def test_a_store_sees_its_own_numbers_and_no_other_s():
    sees = Caller("k1", "riverside", key()).sees_numbers("riverside", [], NOW_MS)
    assert [sees(store) for store in ("mill", "bakery")] == [True, False]


@pytest.mark.parametrize(
    ("more", "is_seen"),
    [
        ({}, True),
        ({"to_stores": [], "to_keys": ["k1"]}, True),
        ({"to_stores": ["corner"]}, False),
        ({"from_ms": NOW_MS + 1, "until_ms": NOW_MS + 2}, False),
        ({"until_ms": NOW_MS}, False),
        ({"ended_at_ms": NOW_MS}, False),
        ({"ended_at_ms": NOW_MS + 1}, True),
    ],
)
def test_a_grant_opens_numbers_to_whom_it_names_while_it_holds(more, is_seen):
    sees = Caller("k1", "riverside", key()).sees_numbers("riverside", [grant(**more)], NOW_MS)
    assert sees("bakery") == is_seen


def test_a_grant_to_no_store_opens_nothing_to_services():
    service = Caller("k2", "riverside", key(key_id="k2", store=None))
    assert not service.sees_numbers("riverside", [grant()], NOW_MS)("bakery")


def test_a_key_sees_nothing_in_another_pool():
    other = Caller("k1", "riverside", key()).sees_numbers("lake", [grant()], NOW_MS)
    assert not other("mill")
    assert not other("bakery")


def test_a_key_without_the_scope_sees_no_numbers():
    caller = Caller("k1", "riverside", key(scopes=["orders:write"]))
    assert not caller.sees_numbers("riverside", [grant()], NOW_MS)("mill")


def test_a_scope_is_for_the_key_s_own_pool_and_store():
    caller = Caller("k1", "riverside", key())
    assert caller.may("shelves:read", "riverside", "mill")
    assert not caller.may("shelves:read", "riverside", "bakery")
    assert not caller.may("shelves:read", "lake", "mill")
    assert not caller.may("tasks:read", "riverside", "mill")
    assert not Caller("10.0.0.1").may("shelves:read", "riverside", "mill")


def test_callers_are_one_audience_by_the_same_key_alone():
    keys = [key(), key(key_id="k2"), key(store=None), key(scopes=["shelves:read", "orders:read"])]
    callers = [Caller(one["key_id"], pool, one) for one in keys for pool in ("riverside", "lake")]
    audiences = {caller.audience for caller in (*callers, Caller("10.0.0.1"))}
    assert len(audiences) == len(callers) + 1
    assert Caller("k1", "riverside", key()).audience in audiences
    assert Caller("10.0.0.1").audience == Caller("10.0.0.2").audience


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**9))
def test_a_band_says_no_more_than_on_which_side_of_two_lines_a_number_is(available_milli, low_below_milli):
    band = band_of(available_milli, low_below_milli)
    assert (band == "out") == (available_milli <= 0)
    assert (band == "in") == (available_milli >= low_below_milli)


@pytest.mark.parametrize(
    ("listing", "is_shown"),
    [
        (None, False),
        ({"is_listed": True, "shows_bands": False, "categories": None}, False),
        ({"is_listed": False, "shows_bands": True, "categories": None}, False),
        ({"is_listed": True, "shows_bands": True, "categories": None}, True),
        ({"is_listed": True, "shows_bands": True, "categories": ["Bread"]}, True),
        ({"is_listed": True, "shows_bands": True, "categories": []}, False),
    ],
)
def test_everybody_sees_bands_of_what_a_store_shows_alone(listing, is_shown):
    assert shown_to_public(listing, "Bread") == is_shown
