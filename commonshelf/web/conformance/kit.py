"""The conformance kit: runs the clauses of docs/api.md against any implementation of the API, and tells of each.

One contract lets a shop's software join several consortia: who passes here can be asked by any client of the API.
Clauses run in order and may use what one before has found; an order that is placed is cancelled again.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

_DEADLINE_MS = 6 * 3_600_000
_ANSWER_S = 20.0
_PAUSE_S = 0.2
_HOOK = "https://hooks.invalid/commonshelf"
"""A name that is never anybody's (RFC 2606)."""
_SECRET_LETTERS = 32
PROBLEM = "application/problem+json"


class Failed(Exception):
    """An implementation does not keep a clause; the text says what was found."""


class Skipped(Exception):
    """A clause cannot be tried; the text says why."""


class Result(NamedTuple):
    """The outcome of a clause."""

    clause: str
    about: str
    outcome: str
    """pass, fail or skip."""
    found: str


@dataclass
class Trial:
    """An implementation under trial. public: asks without a key; member: with a service's key that may order."""

    public: httpx.Client
    member: httpx.Client
    pool: str
    sku: str = ""
    store: str = ""
    order: dict[str, Any] = field(default_factory=dict)
    placed_by: str = ""
    webhook: dict[str, Any] = field(default_factory=dict)

    def terms(self, quantity_milli: int = 1_000) -> dict[str, Any]:
        return {
            "mode": "pickup", "preferred_store": self.store, "deadline_ms": int(time.time() * 1000) + _DEADLINE_MS,
            "lines": [{"line_id": "1", "sku": self.sku, "quantity_milli": quantity_milli}],
        }  # fmt: skip

    def path(self, *parts: str) -> str:
        return "/".join(("/pools", self.pool, *parts))


Check = Callable[[Trial], None]
_CLAUSES: list[tuple[str, str, Check]] = []


def _clause(name: str) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        _CLAUSES.append((name, (check.__doc__ or "").strip(), check))
        return check

    return add


def run(trial: Trial) -> Iterator[Result]:
    """Each clause's result, as it is known."""
    for name, about, check in _CLAUSES:
        try:
            check(trial)
        except Failed as failed:
            yield Result(name, about, "fail", str(failed))
        except Skipped as skipped:
            yield Result(name, about, "skip", str(skipped))
        except (httpx.HTTPError, ValueError, KeyError, TypeError, IndexError) as error:
            yield Result(name, about, "fail", f"{type(error).__name__}: {error}")
        else:
            yield Result(name, about, "pass", "")


def clauses() -> list[str]:
    """The names of all clauses, in order."""
    return [name for name, _, _ in _CLAUSES]


def _expect(answer: httpx.Response, *statuses: int) -> Any:
    if answer.status_code not in statuses:
        raise Failed(f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}, not {statuses}")
    return answer.json() if answer.content else None


def _check(holds: object, otherwise: str) -> None:
    if not holds:
        raise Failed(otherwise)


def _problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    _expect(answer, status)
    kind = answer.headers.get("content-type", "").partition(";")[0]
    _check(kind == PROBLEM, f"an error is {kind or 'of no type'}, not {PROBLEM}")
    told: dict[str, Any] = answer.json()
    for name in ("type", "title", "status", "code"):
        _check(name in told, f"a problem document lacks {name}")
    _check(told["status"] == answer.status_code, "a problem's status is not the answer's")
    return told


@_clause("document")
def _document(trial: Trial) -> None:
    """The API describes itself at /openapi.json, in OpenAPI 3.1."""
    told = _expect(trial.public.get("/openapi.json"), 200)
    _check(str(told.get("openapi", "")).startswith("3.1"), f"openapi is {told.get('openapi')!r}")


@_clause("directory")
def _directory(trial: Trial) -> None:
    """Everybody can read who takes part."""
    told = _expect(trial.public.get(trial.path("directory")), 200)
    _check(told["pool"] == trial.pool and isinstance(told["stores"], list), "pool and stores are not as documented")


@_clause("key-asked-for")
def _key_asked_for(trial: Trial) -> None:
    """What is for members is told to need a key."""
    _problem(trial.public.get(trial.path("orders")), 401)


@_clause("key-unknown")
def _key_unknown(trial: Trial) -> None:
    """A key that is none is refused, on public pages as well."""
    wrong = {"Authorization": "Bearer cs_000000000000_none"}
    _problem(trial.public.get(trial.path("directory"), headers=wrong), 401)


@_clause("unknown-pool")
def _unknown_pool(trial: Trial) -> None:
    """A pool that is not there is a problem document with a code."""
    told = _problem(trial.member.get(f"/pools/{uuid.uuid4().hex}/directory"), 404)
    _check(told["code"] == "unknown_pool", f"the code is {told['code']!r}, not 'unknown_pool'")


@_clause("limits")
def _limits(trial: Trial) -> None:
    """Answers tell what is left of the caller's limit."""
    headers = trial.public.get(trial.path("directory")).headers
    for name in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"):
        _check(headers.get(name, "").isdigit(), f"{name} is {headers.get(name)!r}")


@_clause("etag")
def _etag(trial: Trial) -> None:
    """What the caller has already is not sent again."""
    first = trial.public.get(trial.path("directory"))
    _check(first.headers.get("etag"), "there is no ETag")
    again = trial.public.get(trial.path("directory"), headers={"If-None-Match": first.headers["etag"]})
    _check((again.status_code, again.content) == (304, b""), f"If-None-Match was answered {again.status_code}")


@_clause("pages")
def _pages(trial: Trial) -> None:
    """Pages of items follow each other by their cursor, each item once, in order."""
    found, cursor = [], None
    for _ in range(10):
        told = _expect(trial.member.get(trial.path("items"), params=_page(cursor)), 200)
        found += [item["sku"] for item in told["items"]]
        cursor = told["next"]
        if cursor is None:
            break
    _check(found, "there is no item")
    _check(found == sorted(set(found)), "items come twice, or not in order")


def _page(cursor: str | None) -> dict[str, str | int]:
    return {"limit": 5} if cursor is None else {"limit": 5, "cursor": cursor}


@_clause("availability")
def _availability(trial: Trial) -> None:
    """Members see at which stores items are, in bands."""
    skus = [trial.sku] if trial.sku else _skus(trial)
    for at in range(0, len(skus), 50):
        told = _expect(trial.member.get(trial.path("availability"), params={"sku": skus[at : at + 50]}), 200)
        for item in told["items"]:
            bands = {store["band"] for store in item["stores"]}
            _check(bands <= {"in", "low", "out"}, f"bands are {bands}")
            for store in item["stores"]:
                if store["band"] == "in" and not trial.store:
                    trial.sku, trial.store = item["sku"], store["store"]
    if not trial.store:
        raise Skipped("no store has enough of an item to order it; name one with --sku")


def _skus(trial: Trial) -> list[str]:
    items = trial.member.get(trial.path("items"), params={"limit": 200}).json()["items"]
    return [item["sku"] for item in items]


@_clause("no-numbers")
def _no_numbers(trial: Trial) -> None:
    """Nobody without a key sees numbers."""
    _ordered(trial)
    told = _expect(trial.public.get(trial.path("availability"), params={"sku": trial.sku}), 200)
    shown = [store["numbers"] for item in told["items"] for store in item["stores"]]
    _check(all(numbers is None for numbers in shown), "numbers are shown without a key")


@_clause("idempotency-key-asked-for")
def _idempotency_key_asked_for(trial: Trial) -> None:
    """An order without an Idempotency-Key is not taken."""
    _ordered(trial)
    _problem(trial.member.post(trial.path("orders"), json=trial.terms()), 422)


@_clause("place")
def _place(trial: Trial) -> None:
    """An order is answered with what is held, or with 202 and where the answer will be."""
    _ordered(trial)
    trial.placed_by = uuid.uuid4().hex
    trial.order = _placed(trial, trial.placed_by, trial.terms())
    held = sum(hold["quantity_milli"] for hold in trial.order["holds"])
    unfilled = sum(line["unfilled_milli"] for line in trial.order["lines"])
    _check(held + unfilled == 1_000, f"of 1000 thousandths {held} are held and {unfilled} unfilled")
    _check(isinstance(trial.order["position"], int), "there is no position")


@_clause("idempotent")
def _idempotent(trial: Trial) -> None:
    """The same request under the same Idempotency-Key is the same order; another content is refused."""
    order = _standing(trial)
    key, terms = uuid.uuid4().hex, trial.terms()
    first, again = _placed(trial, key, terms), _placed(trial, key, terms)
    _check(first["order"] == again["order"], "the same request again is another order")
    other = trial.member.post(trial.path("orders"), json={**terms, "may_split": False}, headers=_key(key))
    _problem(other, 409)
    _check(first["order"] != order["order"], "another request is the same order")
    _cancelled(trial, first["order"])


@_clause("fresh")
def _fresh(trial: Trial) -> None:
    """Who waits for the position of an answer reads what it did."""
    order = _standing(trial)
    fresh = {"consistency": "fresh", "position": order["position"]}
    told = _expect(trial.member.get(trial.path("orders", order["order"]), params=fresh), 200)
    _check(told["order"] == order["order"] and told["position"] >= order["position"], "the order is older than asked")


@_clause("refused")
def _refused(trial: Trial) -> None:
    """What cannot be is a problem with its reason as code."""
    _standing(trial)
    terms = trial.terms() | {"lines": [{"line_id": "1", "sku": uuid.uuid4().hex, "quantity_milli": 1_000}]}
    told = _problem(trial.member.post(trial.path("orders"), json=terms, headers=_key(uuid.uuid4().hex)), 409)
    _check(told["code"] == "unknown_sku", f"the code is {told['code']!r}, not 'unknown_sku'")


@_clause("cancel")
def _cancel(trial: Trial) -> None:
    """A cancelled order has ended, and holds nothing."""
    order = _cancelled(trial, _standing(trial)["order"])
    _check((order["status"], order["outcome"]) == ("ended", "cancelled"), f"it is {order['status']} {order['outcome']}")
    _check(not order["holds"], "goods are held for it still")


@_clause("live")
def _live(trial: Trial) -> None:
    """Changes can be followed as server-sent events."""
    with trial.member.stream("GET", trial.path("events")) as stream:
        kind = stream.headers.get("content-type", "").partition(";")[0]
        _check((stream.status_code, kind) == (200, "text/event-stream"), f"it is {stream.status_code} {kind}")


@_clause("subscribe")
def _subscribe(trial: Trial) -> None:
    """A subscription is answered with its secret, and is told how it fares."""
    made = _subscription(trial)
    _check(len(made.get("secret", "")) >= _SECRET_LETTERS, "there is no secret of some length")
    shown = _expect(trial.member.get(trial.path("webhooks", made["webhook"])), 200)
    _check((shown["url"], shown["kinds"]) == (_HOOK, ["band"]), "it is not the subscription that was asked for")
    _check("failing_since_ms" in shown and "places" in shown, "how it fares is not told")


@_clause("secret-once")
def _secret_once(trial: Trial) -> None:
    """A secret is shown when it is made, and never again; a new one is another."""
    made = _subscription(trial)
    shown = trial.member.get(trial.path("webhooks", made["webhook"])).text
    _check(made["secret"] not in shown, "the secret is shown again")
    rotated = _expect(trial.member.post(trial.path("webhooks", made["webhook"], "rotate")), 200)
    _check(rotated["secret"] != made["secret"], "the new secret is the old one")


@_clause("webhook-target")
def _webhook_target(trial: Trial) -> None:
    """Addresses of the API's own machine and network are refused."""
    for url in (
        "https://127.0.0.1/hook",
        "https://169.254.169.254/hook",
        "https://[::1]/hook",
        "https://localhost/hook",
    ):
        _problem(trial.member.post(trial.path("webhooks"), json={"url": url, "kinds": ["band"]}), 422)


@_clause("replay")
def _replay(trial: Trial) -> None:
    """What was told can be asked for again, from a place in one kind, or a time."""
    hook = trial.path("webhooks", _subscription(trial)["webhook"], "replay")
    _expect(trial.member.post(hook, json={"kind": "band", "offset": 0}), 202)
    _problem(trial.member.post(hook, json={"offset": 0}), 422)


@_clause("unsubscribe")
def _unsubscribe(trial: Trial) -> None:
    """A subscription that was ended is there no more."""
    hook = trial.path("webhooks", _subscription(trial)["webhook"])
    _expect(trial.member.delete(hook), 204)
    trial.webhook = {}
    _problem(trial.member.get(hook), 404)


def _subscription(trial: Trial) -> dict[str, Any]:
    """The kit's own subscription; its address leads nowhere."""
    if not trial.webhook:
        answer = trial.member.post(trial.path("webhooks"), json={"url": _HOOK, "kinds": ["band"]})
        if answer.status_code == httpx.codes.FORBIDDEN:
            raise Skipped("the key lacks the scope webhooks:write")
        trial.webhook = dict(_expect(answer, 201))
    return trial.webhook


def _ordered(trial: Trial) -> None:
    if not trial.store:
        raise Skipped("there is nothing to order")


def _standing(trial: Trial) -> dict[str, Any]:
    if not trial.order:
        raise Skipped("no order could be placed")
    return trial.order


def _key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def _placed(trial: Trial, key: str, terms: dict[str, Any]) -> dict[str, Any]:
    return _answered(trial, trial.member.post(trial.path("orders"), json=terms, headers=_key(key)))


def _cancelled(trial: Trial, order: str) -> dict[str, Any]:
    return _answered(trial, trial.member.post(trial.path("orders", order, "cancel"), headers=_key(uuid.uuid4().hex)))


def _answered(trial: Trial, answer: httpx.Response) -> dict[str, Any]:
    told: dict[str, Any] = _expect(answer, 200, 201, 202)
    end_s = time.monotonic() + _ANSWER_S
    while answer.status_code == httpx.codes.ACCEPTED:
        _check(time.monotonic() < end_s, f"a request that was accepted has no answer after {_ANSWER_S:g} s")
        time.sleep(_PAUSE_S)
        later = trial.member.get(httpx.URL(told["url"]).path.removeprefix(trial.member.base_url.path.rstrip("/")))
        if later.status_code == httpx.codes.OK:
            return dict(later.json())
    return told
