"""The reference carrier: what it keeps, in which order, and how it forgets addresses."""

import json
import time

import httpx
import pytest

from connectors.carriers.reference.store import ADDRESS_KEPT_S, Deliveries
from connectors.http.signature import HEADER, sign
from tests.support.carrier import reference_carrier
from tests.support.living_files import holds_text

CANARY = "Canary Lane 7"
NOW_S = 1_772_352_900
SECRET = b"a-secret-of-the-carrier-of-tests"


def message(sequence=1, status="requested", task="hand-over-7-1", **more):
    address = {"name": "A. Customer", "street": CANARY, "city": "Lich"} if status in ("requested", "out") else None
    return {
        "id": f"{task}-{sequence}", "sequence": sequence, "kind": "delivery", "task": task, "status": status,
        "store": {"id": "mill", "name": "The mill"}, "address": address, **more,
    }  # fmt: skip


@pytest.fixture
def kept(tmp_path):
    deliveries = Deliveries(tmp_path / "carrier.sqlite3")
    yield deliveries
    deliveries.close()


def test_a_number_that_is_not_higher_changes_nothing(kept):
    assert kept.put(message(2, "out"), NOW_S)
    assert not kept.put(message(2, "out"), NOW_S)
    assert not kept.put(message(1), NOW_S)
    assert kept.messages()["hand-over-7-1"]["status"] == "out"


@pytest.mark.parametrize("end", ["delivered", "returned", "cancelled", "forgotten"])
def test_an_address_is_erased_from_the_file_when_the_delivery_ends(kept, tmp_path, end):
    kept.put(message(), NOW_S)
    assert kept.standing(NOW_S)[0]["address"]["street"] == CANARY
    assert holds_text(tmp_path / "carrier.sqlite3", CANARY)
    kept.put(message(2, end), NOW_S)
    assert kept.standing(NOW_S) == []
    assert not holds_text(tmp_path / "carrier.sqlite3", CANARY)


def test_an_address_is_erased_after_a_set_time_whatever_becomes_of_the_delivery(kept, tmp_path):
    kept.put(message(), NOW_S)
    assert kept.standing(NOW_S + ADDRESS_KEPT_S - 1)[0]["address"] is not None
    assert kept.standing(NOW_S + ADDRESS_KEPT_S)[0]["address"] is None
    assert not holds_text(tmp_path / "carrier.sqlite3", CANARY)


def test_the_server_takes_what_is_signed_and_passes_over_what_is_not_for_it(tmp_path):
    (tmp_path / "secret").write_bytes(SECRET)
    with reference_carrier("city-bikes", tmp_path / "secret", tmp_path) as (url, deliveries):

        def post(content, secret=SECRET):
            body = json.dumps(content).encode()
            headers = {HEADER: sign(secret, body, int(time.time())), "Content-Type": "application/json"}
            return httpx.post(url, content=body, headers=headers)

        assert post(message()).json() == {"is_news": True}
        assert post(message()).json() == {"is_news": False}
        assert post({"kind": "appointment"}).status_code == 200
        assert post({"kind": "delivery"}).status_code == 400
        assert post(message(9), b"another-secret-altogether").status_code == 401
        assert deliveries.messages()["hand-over-7-1"]["status"] == "requested"
