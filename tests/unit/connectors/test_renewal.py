"""Each vendor's own way to a new token, through its client: as its documentation has it, field by field."""

import os
import time

import pytest

from connectors.contract import AccessRefused
from connectors.http.signature import SignatureRefused
from connectors.installed import installed, type_of
from connectors.specs import ConnectorSpec
from tests.support.connectors import GROCER, delivery, tools
from tests.support.rigs.lightspeed import LightspeedRig
from tests.support.rigs.loyverse import LoyverseRig
from tests.support.rigs.rig import Order
from tests.support.rigs.shopify import ShopifyRig
from tests.support.rigs.square import SquareRig
from tests.support.token_giver import TokenGiver
from tests.support.vendor_server import Answer, VendorServer

SECRET = "webhook-secret-of-grocer-7"
"""The rigs sign webhooks with it: the client secret, of vendors that sign with that."""
REFRESH = {"grant_type": "refresh_token", "client_id": "APP"}
DAY_S = 86_400


def square(folder):
    (folder / "client-secret").write_text("client-secret-of-the-app")
    giver = TokenGiver(
        "/oauth2/token", {**REFRESH, "client_secret": "client-secret-of-the-app"}, is_form=False, rotates=False
    )
    return SquareRig, giver, {"client_secret_file": folder / "client-secret"}


def square_pkce(_folder):
    return SquareRig, TokenGiver("/oauth2/token", REFRESH, is_form=False), {}


def lightspeed(_folder):
    return LightspeedRig, TokenGiver("/api/1.0/token", {**REFRESH, "client_secret": SECRET}), {}


def loyverse(_folder):
    return LoyverseRig, TokenGiver("/oauth/token", {**REFRESH, "client_secret": SECRET}), {}


WITH_AGE = [square, square_pkce, lightspeed]
RENEWED = [*WITH_AGE, loyverse]


@pytest.fixture(params=RENEWED, ids=lambda each: each.__name__)
def renewed(request, tmp_path):
    rig_class, giver, options = request.param(tmp_path)
    rig = rig_class(token=giver.token)
    for name, text in (("token", giver.token), ("refresh", giver.refresh), ("secret", SECRET)):
        (tmp_path / name).write_text(text)
    with VendorServer(lambda asked: giver.answer(asked) or rig.answer(asked)) as server:
        raw = {
            "kind": rig.kind, "token_file": tmp_path / "token", "refresh_token_file": tmp_path / "refresh",
            "client_id": "APP", "secret_file": tmp_path / "secret", "base_url": server.url,
        }  # fmt: skip
        yield rig, giver, server, vendor_of(raw | rig.options() | options)


def vendor_of(raw):
    options = installed()[0][raw["kind"]].options.model_validate(raw)
    return type_of(options).make(ConnectorSpec(GROCER, options), tools(None)).vendor


def test_a_token_that_is_refused_is_renewed(renewed, tmp_path):
    rig, giver, _, vendor = renewed
    rig.token = "access-token-number-1"
    assert vendor.check()
    rig.token = "access-token-number-2"
    assert vendor.check()
    assert (len(giver.given), (tmp_path / "token").read_text()) == (2, "access-token-number-2")
    assert (tmp_path / "refresh").read_text() == giver.refresh


@pytest.mark.parametrize("renewed", WITH_AGE, indirect=True, ids=lambda each: each.__name__)
def test_a_token_is_renewed_before_it_ends(renewed, tmp_path):
    rig, giver, server, vendor = renewed
    os.utime(tmp_path / "token", (0, time.time() - 7 * DAY_S - 60))
    rig.token = "access-token-number-1"
    assert vendor.check()
    assert giver.given == ["access-token-number-1"]
    assert [request.path for request in server.requests].index(giver.path) == 0, "not after a refusal"


def test_without_a_new_token_check_says_what_to_do(renewed):
    rig, giver, _, vendor = renewed
    rig.token, giver.refresh = "access-token-number-1", "somebody-spent-it"
    with pytest.raises(AccessRefused, match="put both its tokens into their files"):
        vendor.check()


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("square", {"location_id": "L"}, "token_env or token_file"),
        ("square", {"location_id": "L", "token_file": "t", "client_id": "A"}, "both client_id and refresh_token_file"),
        ("square", {"location_id": "L", "token_env": "T", "client_id": "A", "refresh_token_file": "r"},
         "needs token_file"),
        ("square", {"location_id": "L", "token_file": "t", "client_secret_file": "s"}, "client_id"),
        ("square", {"location_id": "L", "token_file": "t", "client_id": "A", "refresh_token_file": "r",
                    "client_secret_file": "s", "client_secret_env": "S"}, "not in both"),
        ("lightspeed", {"domain_prefix": "a", "token_file": "t", "client_id": "A", "refresh_token_file": "r"},
         "client secret"),
        ("loyverse", {"token_file": "t", "client_id": "A", "refresh_token_file": "r"}, "client secret"),
        ("shopify", {"shop": "a.myshopify.com"}, "Dev Dashboard"),
        ("shopify", {"shop": "a.myshopify.com", "client_id": "A"}, "client secret"),
        ("shopify", {"shop": "a.myshopify.com", "client_id": "A", "secret_file": "s", "token_file": "t"}, "not both"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_told(kind, options, reason):
    with pytest.raises(ValueError, match=reason):
        installed()[0][kind].options.model_validate({"kind": kind} | options)


def test_doctor_looks_for_every_secret(tmp_path):
    raw = {
        "kind": "square", "location_id": "L", "token_file": tmp_path / "token", "client_id": "A",
        "refresh_token_file": tmp_path / "refresh", "client_secret_env": "CLIENT_SECRET",
    }  # fmt: skip
    sources = installed()[0]["square"].options.model_validate(raw).secret_sources()
    assert [(each.file and each.file.name) or each.env for each in sources] == ["token", "refresh", "CLIENT_SECRET"]


@pytest.fixture
def dashboard(tmp_path):
    """A Shopify shop with an app of the Dev Dashboard: its client secret, no token."""
    (tmp_path / "secret").write_text(SECRET)
    wanted = {"grant_type": "client_credentials", "client_id": "APP", "client_secret": SECRET}
    giver = TokenGiver("/admin/oauth/access_token", wanted, refresh=None)
    rig = ShopifyRig(token="access-token-number-1")
    with VendorServer(lambda asked: giver.answer(asked) or rig.answer(asked)) as server:
        raw = {"kind": "shopify", "client_id": "APP", "secret_file": tmp_path / "secret", "base_url": server.url}
        yield rig, giver, server, vendor_of(raw | rig.options())


def test_an_app_of_shopifys_dev_dashboard_gets_its_own_tokens(dashboard, tmp_path):
    rig, giver, _, vendor = dashboard
    assert "grocer-7.myshopify.com" in vendor.check()
    rig.token = "access-token-number-2"
    assert vendor.check()
    assert len(giver.given) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["secret"], "tokens of a day are kept nowhere"
    rig.record(Order("A1"))
    (page,) = (page for feed in vendor.feeds() if feed.name == "orders" for page in feed.read(0))
    assert len(page.translated.events) == 1


def test_its_webhooks_are_signed_with_the_client_secret(dashboard):
    rig, _, _, vendor = dashboard
    order = Order("A1")
    rig.record(order)
    vendor.verify(delivery(rig.notice(order)))
    rig.secret = b"secret-of-some-other-app"
    with pytest.raises(SignatureRefused):
        vendor.verify(delivery(rig.notice(order)))


def test_an_app_that_shopify_does_not_know_is_told_what_to_compare(dashboard):
    _, giver, _, vendor = dashboard
    giver.wanted, giver.refused = {}, Answer({"error": "app_not_installed"}, 400)
    with pytest.raises(AccessRefused, match=r"compare client_id .* installed in grocer-7\.myshopify\.com"):
        vendor.check()
