"""Tokens that end by themselves: renewed in time, by one of many, and kept whatever kills the process."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from connectors.contract import AccessRefused, Unavailable
from connectors.http.client import PatientTransport
from connectors.http.tokens import RETRY_S, GrantedToken, RenewedToken, TokenEndpoint
from connectors.specs import SecretUnusable
from tests.support.token_giver import TokenGiver
from tests.support.vendor_server import Answer, VendorServer

ROOT = Path(__file__).parents[3]
DAY_S = 86_400
FIELDS = {"grant_type": "refresh_token", "client_id": "APP", "client_secret": "the-secret-of-the-app"}


@pytest.fixture(autouse=True)
def _no_naps(monkeypatch):
    monkeypatch.setattr(PatientTransport, "sleep", staticmethod(lambda _s: None))


@pytest.fixture
def giver():
    return TokenGiver("/token", FIELDS)


@pytest.fixture
def server(giver):
    with VendorServer(giver.answer) as server:
        yield server


class Clock:
    def __init__(self, now_s):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


def endpoint(server):
    return TokenEndpoint("Acme", server.url, "/token", 60, "authorize the application anew")


def put(folder):
    for name, text in (("token", "access-token-number-0"), ("refresh", "refresh-token-number-0")):
        (folder / name).write_text(text)
        os.utime(folder / name, (0, 0))


def renewed(server, folder, clock, renew_after_s=7 * DAY_S):
    return RenewedToken(
        endpoint(server), folder / "token", folder / "refresh", lambda: [FIELDS], renew_after_s, now_s=clock
    )


def test_a_token_is_renewed_at_its_age_and_both_are_kept(giver, server, tmp_path):
    put(tmp_path)
    clock = Clock(7 * DAY_S - 1)
    token = renewed(server, tmp_path, clock)
    assert (token.current(), giver.given) == ("access-token-number-0", [])
    clock.now_s += 2
    assert token.current() == "access-token-number-1"
    for name in ("token", "refresh"):
        assert (tmp_path / name).read_text() == f"{'access-token' if name == 'token' else 'refresh-token'}-number-1"
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".*.new"))


def test_a_renewal_ahead_of_time_that_fails_is_told_and_the_token_in_use_serves_on(giver, server, tmp_path, logged):
    put(tmp_path)
    clock = Clock(8 * DAY_S)
    token = renewed(server, tmp_path, clock)
    giver.refresh = "somebody-spent-it"
    assert [token.current(), token.current()] == ["access-token-number-0"] * 2
    assert len(server.requests) == 1, "not again at each request"
    told = logged()
    assert "authorize the application anew" in told
    assert "refresh-token-number-0" not in told
    assert "the-secret-of-the-app" not in told
    clock.now_s += RETRY_S
    giver.refresh = "refresh-token-number-0"
    assert token.current() == "access-token-number-1"


@pytest.mark.parametrize("answer", [Answer({}, 400), Answer({}, 401), Answer({}, 404), Answer([]), Answer({"x": 1}),
                                    Answer({"access_token": 7}), Answer({"access_token": ""})])  # fmt: skip
def test_an_answer_without_a_token_is_refused_with_what_to_do(server, tmp_path, answer):
    put(tmp_path)
    token = renewed(server, tmp_path, Clock(0))
    server.faults.append(answer)
    with pytest.raises(AccessRefused, match="Acme gave no new token; authorize the application anew"):
        token.replaced("access-token-number-0")


def test_a_vendor_that_is_away_is_asked_later(server, tmp_path):
    put(tmp_path)
    token = renewed(server, tmp_path, Clock(0))
    server.faults += [Answer({}, 503)] * 3
    with pytest.raises(Unavailable):
        token.replaced("access-token-number-0")
    assert token.replaced("access-token-number-0") == "access-token-number-1"


def test_of_many_that_share_the_files_one_renews(giver, server, tmp_path):
    """Two outlets of one retailer in one host, a command beside it: a refresh token serves once."""
    put(tmp_path)
    tokens = [renewed(server, tmp_path, Clock(0)) for _ in range(4)]
    found = []
    threads = [
        threading.Thread(target=lambda token=token: found.append(token.replaced("access-token-number-0")))
        for token in tokens for _ in range(3)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (giver.given, set(found)) == (["access-token-number-1"], {"access-token-number-1"})


def test_what_cannot_be_kept_is_told_before_the_refresh_token_is_spent(giver, server, tmp_path, monkeypatch):
    put(tmp_path)
    token = renewed(server, tmp_path, Clock(0))

    def full(_fd, _offset, _length):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(AccessRefused, match=r"cannot be kept in .*No space left on device"):
        token.replaced("access-token-number-0")
    assert (server.requests, giver.given) == ([], [])


def test_a_file_that_is_gone_is_told(server, tmp_path):
    put(tmp_path)
    token = renewed(server, tmp_path, Clock(0))
    (tmp_path / "refresh").unlink()
    with pytest.raises(AccessRefused, match="Acme refresh token"):
        token.replaced("access-token-number-0")
    with pytest.raises(SecretUnusable):
        renewed(server, tmp_path, Clock(0))


KILLED = """
import os, signal, sys
from pathlib import Path
from connectors.http import tokens

url, folder, step = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
done = 0

def killing(act):
    def acting(*args, **kwargs):
        global done
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        return act(*args, **kwargs)
    return acting

ask = tokens.TokenEndpoint.ask
def asked(*args):
    grant = ask(*args)
    os.write, os.ftruncate, os.fsync = map(killing, (os.write, os.ftruncate, os.fsync))
    Path.replace = killing(Path.replace)
    return grant
tokens.TokenEndpoint.ask = asked
endpoint = tokens.TokenEndpoint("Acme", url, "/token", 60, "authorize the application anew")
fields = {"grant_type": "refresh_token", "client_id": "APP", "client_secret": "the-secret-of-the-app"}
token = tokens.RenewedToken(endpoint, folder / "token", folder / "refresh", lambda: [fields], 60)
print(token.current())
"""
STEPS = 10
"""Writes, truncates, syncs and renames of both files, and the syncs of their folder."""
KEPT_AT = 4
"""Of them, the first after the new refresh token has its name."""


@pytest.mark.parametrize("step", range(STEPS + 1))
def test_a_kill_at_any_step_of_the_keeping_leaves_whole_files_and_a_token_that_serves(giver, server, tmp_path, step):
    put(tmp_path)
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), server.url, str(tmp_path), str(step)], cwd=ROOT,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert child.returncode == (-signal.SIGKILL if step < STEPS else 0), child.stderr
    kept = [(tmp_path / name).read_text() for name in ("token", "refresh")]
    assert kept[0] in ("access-token-number-0", "access-token-number-1")
    assert kept[1] in ("refresh-token-number-0", "refresh-token-number-1")
    token = RenewedToken(endpoint(server), tmp_path / "token", tmp_path / "refresh", lambda: [FIELDS], 60)
    if step < KEPT_AT:
        # The vendor took the old refresh token, and the new one is lost: the old token serves, and the log tells.
        assert kept == ["access-token-number-0", "refresh-token-number-0"]
        assert token.current() == "access-token-number-0"
        with pytest.raises(AccessRefused, match="authorize the application anew"):
            token.replaced("access-token-number-0")
        put(tmp_path)
        giver.refresh = "refresh-token-number-0"
        assert token.replaced("access-token-number-0") == "access-token-number-2"
    else:
        assert kept[1] == "refresh-token-number-1"
        newest = token.current()
        assert newest == giver.token == (tmp_path / "token").read_text()
        assert token.replaced(newest) == giver.token != newest


def granted(server, clock, *secrets):
    requests = [{"client_id": "APP", "client_secret": each} for each in secrets]
    return GrantedToken(endpoint(server), lambda: requests, clock)


@pytest.fixture
def grants(giver):
    giver.refresh, giver.wanted = None, {"client_id": "APP", "client_secret": "the-secret-of-the-app"}
    return giver


def test_a_granted_token_is_asked_for_when_needed_and_anew_an_hour_before_its_end(grants, server):
    clock = Clock(0)
    token = granted(server, clock, "the-secret-of-the-app")
    assert server.requests == []
    assert [token.current(), token.current()] == ["access-token-number-1"] * 2
    clock.now_s = DAY_S - 3_601
    assert token.current() == "access-token-number-1"
    clock.now_s = DAY_S - 3_599
    assert token.current() == "access-token-number-2"
    assert token.replaced("access-token-number-1") == "access-token-number-2"
    assert token.replaced("access-token-number-2") == "access-token-number-3"


def test_while_no_new_token_is_given_the_old_one_serves_until_its_end(grants, server):
    clock = Clock(0)
    token = granted(server, clock, "the-secret-of-the-app")
    token.current()
    grants.wanted = {"client_secret": "another"}
    clock.now_s = DAY_S - 1_800
    assert [token.current(), token.current()] == ["access-token-number-1"] * 2
    assert len(server.requests) == 2
    clock.now_s = DAY_S
    with pytest.raises(AccessRefused, match="authorize the application anew"):
        token.current()


def test_of_two_secrets_the_one_that_is_in_force_is_found(grants, server):
    token = granted(server, Clock(0), "the-secret-to-come", "the-secret-of-the-app")
    assert token.current() == "access-token-number-1"
