"""The whole API under requests that schemathesis makes of its OpenAPI document: what is answered is documented.

With every check that schemathesis has. A live stream has no end: it is asked in test_api.
"""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from prometheus_client import CollectorRegistry
from schemathesis import GenerationMode

from commonshelf.config.settings import Settings
from commonshelf.web.api.app import make_api
from commonshelf.web.views.pool_views import PoolViews
from tests.support.api_pool import ALL

LIVE = "/pools/{pool}/events"
DOCUMENT = make_api(PoolViews({}, Path("nowhere"), 1), None, Settings(), CollectorRegistry()).openapi()
OPERATIONS = [
    (method.upper(), path) for path, operations in DOCUMENT["paths"].items() for method in operations if path != LIVE
]
CONFIG = {
    "checks": {
        # Terms of an order have rules across their fields, which JSON Schema does not say; the answer says which.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "304", "401", "403", "404", "409", "422", "503"]},
    }
}
KNOWN = {"store": ["corner", "mill"], "sku": ["MILK"], "code": ["unknown_pool"]}


@pytest.fixture(scope="module")
def described(api, api_pool):
    """The document that is served, with the names of what is there; nobody waits for a position that never comes."""
    document = api.client().get("/openapi.json").json()
    document["servers"] = [{"url": f"{api.url}/v1"}]
    known = KNOWN | {"pool": [api_pool.name]}
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in known:
                    parameter["examples"] = {value: {"value": value} for value in known[parameter["name"]]}
                if parameter["name"] == "consistency":
                    parameter["schema"] = {"type": "string", "enum": ["eventual"]}
                if parameter["name"] == "wait_ms":
                    parameter["schema"]["maximum"] = 1_000
    loaded = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(CONFIG))
    loaded.config.update(base_url=f"{api.url}/v1")
    return loaded


@pytest.fixture(scope="module")
def key(api, api_pool):
    return api.key(api_pool.name, *ALL).token


def subscribed(api, api_pool):
    """A key, and a webhook of its own."""
    token = api.key(api_pool.name, *ALL).token
    hook = {"url": "https://hooks.invalid/x", "kinds": ["order", "task"]}
    return token, api.client(token).post(f"/pools/{api_pool.name}/webhooks", json=hook).json()["webhook"]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_asked_is_answered_as_documented(api, described, key, api_pool, method, path, mode):
    operation = described[path][method]
    has_input = "{" in path or operation.query or operation.body or operation.headers
    if mode is GenerationMode.NEGATIVE and not has_input:
        return  # there is nothing to be wrong

    token, webhook = subscribed(api, api_pool) if "{webhook}" in path else (key, None)

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None, database=None)
    def ask(case):
        if mode is GenerationMode.POSITIVE and "pool" in case.path_parameters:
            case.path_parameters["pool"] = api_pool.name  # most names are of no pool, and such an answer says little
        if mode is GenerationMode.POSITIVE and webhook is not None:
            case.path_parameters["webhook"] = webhook
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"})

    ask()
