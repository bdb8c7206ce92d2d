"""The signature scheme, held to vectors that OpenSSL computed, and to every way of bending one."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http.signature import SignatureRefused, sign, verify

SECRET = b"commonshelf-test-secret"
AT_S = 1_767_225_600
BODY = b'{"sales":[]}'
# printf '%s' "$t.$body" | openssl dgst -sha256 -hmac commonshelf-test-secret
VECTORS = [
    (AT_S, BODY, "509acc514de34efcfd6355d30949e2007fb0e9a892e847667f50e2a2ed01b580"),
    (0, b"", "1472746543cc94e90696e9fd4f5ca8c8f5b68ec5bde2c5c40476ef8fab52f888"),
    (AT_S, b"k\xc3\xa4se\x00\xff", "ceec79cfd7c8b87a82d7b08684046e88198e0c9b9b0f24ac3837915160a0085d"),
]


def header(at_s=AT_S, body=BODY, secret=SECRET):
    return sign(secret, body, at_s).encode()


def is_accepted(*headers, body=BODY, secrets=(SECRET,), now_s=AT_S):
    try:
        verify(headers, body, secrets, now_s)
    except SignatureRefused:
        return False
    return True


@pytest.mark.parametrize(("at_s", "body", "digest"), VECTORS)
def test_signatures_are_those_that_openssl_makes(at_s, body, digest):
    assert sign(SECRET, body, at_s) == f"t={at_s},v1={digest}"
    assert is_accepted(f"t={at_s},v1={digest}".encode(), body=body, now_s=at_s)


def test_no_bit_may_be_flipped():
    seeded = random.Random(20260301)
    signed, at = header(), len(f"t={AT_S}")
    accepted = 0
    for _ in range(10_000):
        where = seeded.choice(("body", "time", "signature"))
        body, bent = bytearray(BODY), bytearray(signed)
        target = body if where == "body" else bent
        span = {"body": (0, len(BODY)), "time": (2, at), "signature": (at + 4, len(signed))}[where]
        target[seeded.randrange(*span)] ^= 1 << seeded.randrange(8)
        accepted += is_accepted(bytes(bent), body=bytes(body))
    assert accepted == 0


@pytest.mark.parametrize("late_s", [-300, -1, 0, 1, 300])
def test_it_holds_for_five_minutes_either_way(late_s):
    assert is_accepted(header(), now_s=AT_S + late_s)


@pytest.mark.parametrize("late_s", [-301, 301, 86_400, -AT_S])
def test_it_does_not_hold_longer(late_s):
    assert not is_accepted(header(), now_s=AT_S + late_s)


def test_either_of_two_secrets_is_good_while_they_change():
    old, new, other = b"the-old-secret-of-grocer", b"the-new-secret-of-grocer", b"a-third-secret-of-grocer"
    accepted = [is_accepted(header(secret=each), secrets=(old, new)) for each in (old, new, other)]
    assert accepted == [True, True, False]


def test_one_of_several_signatures_is_enough():
    signed = header()
    digest = signed.partition(b"v1=")[2]
    assert is_accepted(b"t=%d,v1=%s,v1=%s" % (AT_S, b"0" * 64, digest))
    assert is_accepted(b"t=%d, v0=old, v1=%s" % (AT_S, digest))
    assert not is_accepted(b"t=%d" % AT_S + b",v1=%s" % digest * 6)


@pytest.mark.parametrize(
    "bent",
    [
        b"", b"t=,v1=", b"v1=" + b"0" * 64, b"t=%d" % AT_S, header().upper(), header().replace(b"v1", b"v2"),
        header().replace(b"t=", b"t= "), header().replace(b"t=", b"t=+"), header() + b"0", header()[:-1],
        header() + b",t=%d" % AT_S, b"t=" + b"9" * 5000 + b",v1=" + b"0" * 64, header() + b" " * 2000,
        header().replace(b"v1=", "v1=ü".encode()), b"\xff" * 100, b",,,,", header() + b",v1=",
    ],
)  # fmt: skip
def test_a_header_that_is_bent_is_refused_and_never_a_crash(bent):
    assert not is_accepted(bent)


def test_exactly_one_header_is_needed():
    assert not is_accepted()
    assert not is_accepted(header(), header())


def test_the_same_json_written_otherwise_is_another_body():
    assert not is_accepted(header(), body=b'{"sales": []}')


def test_a_refusal_names_neither_secret_nor_signature():
    with pytest.raises(SignatureRefused) as refused:
        verify([header()], b"another body", [SECRET], AT_S)
    expected = sign(SECRET, b"another body", AT_S).partition("v1=")[2]
    assert SECRET.decode() not in str(refused.value)
    assert expected not in str(refused.value)


@given(st.binary(max_size=300))
def test_no_bytes_are_a_valid_header_by_chance(bent):
    assert not is_accepted(bent)
