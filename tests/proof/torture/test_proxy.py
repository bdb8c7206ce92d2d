"""The proxy finds a request in any pieces, lets it through, and holds its answer."""

import socket
import struct
import threading

import pytest

from tests.proof.torture.proxy import Proxy, Requests
from tests.support.waiting import PATIENCE_S


def request(key: int, body: bytes = b"") -> bytes:
    return struct.pack(">ihhi", 8 + len(body), key, 7, 1) + body


def heard(connection: socket.socket) -> bytes:
    """What comes; nothing once the connection has ended, in whichever way."""
    try:
        return connection.recv(100)
    except ConnectionError:
        return b""


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 10_000])
def test_requests_are_found_in_whatever_pieces_they_come(size):
    stream = request(22, b"x" * 300) + request(0, b"y" * 70) + request(26) + request(28, b"z")
    requests = Requests()

    found = [key for at in range(0, len(stream), size) for key in requests.keys(stream[at : at + size])]

    assert found == [22, 0, 26, 28]


@pytest.fixture
def echo():
    """A server that answers what it gets; its port, and what it got."""
    got = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                while piece := connection.recv(65_536):
                    got.extend(piece)
                    connection.sendall(piece)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], got
        thread.join(PATIENCE_S)


@pytest.fixture
def client(echo):
    """A proxy before the server, and a connection through it."""
    proxy = Proxy(1)
    proxy.start([echo[0]])
    with socket.create_connection(("127.0.0.1", proxy.ports[0]), PATIENCE_S) as connection:
        yield proxy, connection
    proxy.stop()


def test_the_awaited_request_gets_through_and_its_answer_only_when_all_is_clear(echo, client):
    proxy, connection = client
    passed = proxy.await_request(26)
    connection.sendall(request(0))
    assert connection.recv(100) == request(0)
    assert not passed.done()

    connection.sendall(request(26))
    assert passed.result(PATIENCE_S) == 0
    connection.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.recv(100)
    assert bytes(echo[1]) == request(0) + request(26)

    proxy.clear()
    connection.settimeout(PATIENCE_S)
    assert connection.recv(100) == request(26)


def test_an_answer_can_be_lost_with_its_connection(client):
    proxy, connection = client
    passed = proxy.await_request(26)
    connection.sendall(request(26))
    passed.result(PATIENCE_S)

    proxy.lose_answer()
    proxy.clear()

    assert heard(connection) == b""


@pytest.mark.parametrize("way", ["requests", "answers"])
def test_what_was_held_comes_when_all_is_clear(echo, client, way):
    proxy, connection = client
    proxy.hold(way)
    connection.sendall(request(0))
    connection.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.recv(100)
    assert bytes(echo[1]) == (b"" if way == "requests" else request(0))

    proxy.clear()
    connection.settimeout(PATIENCE_S)
    assert connection.recv(100) == request(0)
