"""Addresses that webhooks may go to: of the internet, not of this machine or its network, unless settings allow it.

A subscriber chooses the address, so it must not reach what only we reach: our own pages, a cloud's metadata. The name
is looked up once, checked, and exactly that address is called; redirects are not followed.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import httpx

from schemas.models.webhooks import URL_MAX

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LookUp = Callable[[str, int], Sequence[str]]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class TargetRefused(Exception):
    """An address that webhooks do not go to; the text says why."""


def check_url(url: str, *, may_be_private: bool) -> None:
    """Raise TargetRefused for what can be told without looking up the name."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise TargetRefused("it is no address") from None
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise TargetRefused(f"an address has {URL_MAX} ASCII characters at most, and no spaces")
    if not host or parts.username is not None or parts.fragment or port == 0:
        raise TargetRefused("an address has a host, and neither a user nor a fragment")
    if parts.scheme != "https" and not (may_be_private and parts.scheme == "http"):
        raise TargetRefused("an address begins with https://")
    if may_be_private:
        return
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise TargetRefused("this machine and its network are not called")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    if not is_public(address):
        raise TargetRefused("this machine and its network are not called")


def is_public(address: Address) -> bool:
    """Whether it is of the internet, also when it is an IPv4 address in the clothes of IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _looked_up(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class PublicTransport(httpx.BaseTransport):
    """Calls only addresses of the internet: what the name is looked up to is checked, and then called itself."""

    def __init__(self, inner: httpx.BaseTransport | None = None, look_up: LookUp = _looked_up) -> None:
        self._inner = inner or httpx.HTTPTransport(retries=0)
        self._look_up = look_up

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises TargetRefused, httpx.TransportError."""
        host = request.url.host
        try:
            found = [ipaddress.ip_address(one) for one in self._look_up(host, request.url.port or 443)]
        except (OSError, ValueError) as error:
            raise httpx.ConnectError(f"{host} is not found: {error}") from error
        if not found or not all(map(is_public, found)):
            raise TargetRefused(f"{host} is of this machine or its network, which webhooks do not call")
        request.url = request.url.copy_with(host=str(found[0]))  # the header Host stays as it is
        request.extensions = {**request.extensions, "sni_hostname": host}
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()
