"""Webhooks go to addresses of the internet: a subscriber's address does not reach what only we reach."""

import ipaddress

import httpx
import pytest

from commonshelf.web.webhooks.targets import PublicTransport, TargetRefused, check_url, is_public

PRIVATE = (
    "127.0.0.1", "10.0.0.8", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
    "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1",
)  # fmt: skip
PUBLIC = ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e")


@pytest.mark.parametrize("address", PRIVATE)
def test_this_machine_and_its_network_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example", "ftp://shop.example", "http://shop.example/x", "https://", "https://user@shop.example",
        "https://user:word@shop.example", "https://shop.example/#part", "https://shop.example:0/",
        "https://shop.example:99999/", "https://localhost/x", "https://a.localhost", "https://router.local",
        "https://metadata.google.internal/", "https://127.0.0.1/x", "https://[::1]/", "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/", "https://shop.example/a b", "https://shop.example/\n", "https://sh\u00f6p.example",
        f"https://shop.example/{'x' * 500}", "https://[::1", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_an_address_that_messages_do_not_go_to_is_refused(url):
    with pytest.raises(TargetRefused):
        check_url(url, may_be_private=False)


@pytest.mark.parametrize(
    "url", ["https://shop.example/hook?for=us", "https://shop.example:8443", "https://[2606:2800::1]/"]
)
def test_an_address_of_the_internet_is_taken(url):
    check_url(url, may_be_private=False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://shop.local/", "https://10.0.0.1/"])
def test_where_settings_allow_it_subscribers_may_be_on_our_network(url):
    check_url(url, may_be_private=True)


def asked(url, *found):
    """What is called for an address whose name is looked up to these."""
    calls = []

    def answer(request):
        calls.append(request)
        return httpx.Response(200)

    transport = PublicTransport(httpx.MockTransport(answer), lambda _host, _port: found)
    with httpx.Client(transport=transport) as client:
        client.post(url)
    return calls


def test_the_address_that_was_checked_is_the_one_that_is_called():
    (call,) = asked("https://shop.example/hook", "93.184.215.14")
    assert call.url.host == "93.184.215.14"
    assert call.headers["host"] == "shop.example"
    assert call.extensions["sni_hostname"] == "shop.example"


@pytest.mark.parametrize("found", [("127.0.0.1",), ("93.184.215.14", "10.0.0.1"), ("::ffff:127.0.0.1",), ()])
def test_a_name_that_leads_to_our_network_is_not_called(found):
    with pytest.raises(TargetRefused):
        asked("https://shop.example/hook", *found)


def test_a_name_that_nobody_knows_is_a_failure_like_any_other():
    def unknown(_host, _port):
        raise OSError("no such name")

    with httpx.Client(transport=PublicTransport(look_up=unknown)) as client, pytest.raises(httpx.ConnectError):
        client.post("https://shop.example/")
