"""Odoo 16 to 18, by JSON-RPC: POST /jsonrpc, with the key in each request. What it gives has Odoo 19's fields.

Source: Odoo 16 to 18, "External API" and models stock.move, product.product. What Odoo 19 calls otherwise:

| Odoo 19 | before |
|---|---|
| `quantity` of a move | `quantity_done`, before 17 |
| `location_usage`, `location_dest_usage` of a move | the `usage` of its locations |
| `type` of a product: `consu` of goods, `combo` | `product` of goods, too; combos by `detailed_type`, before 18 |
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from connectors.contract import AccessRefused, Unavailable
from connectors.http.client import ApiToken, NotFound, api_client, call
from connectors.odoo.json_2 import CONTEXT, Record, records_of
from connectors.odoo.spec import OdooOptions
from connectors.vendor.fields import inner

PATH = "/jsonrpc"
_USAGES = {"location_usage": "location_id", "location_dest_usage": "location_dest_id"}
_GOODS = ["type", "=", "consu"]


class JsonRpc:
    """One database, as the key's user may read it."""

    def __init__(self, options: OdooOptions, token: ApiToken) -> None:
        self._options = options
        self._token = token
        self._http = api_client(str(options.base_url), None, timeout_s=options.request_timeout_s)
        self._numbers = count(1)
        self._major: int | None = None
        self._user: int | None = None
        self._lock = threading.Lock()

    def ask(self, model: str, method: str, **params: Any) -> list[Record]:
        """The records that a method gives, with Odoo 19's fields. Raises Unavailable, AccessRefused."""
        major = self._version()
        if model == "stock.move":
            return self._moves(major, method, params)
        if model == "product.product" and major < 18:
            return self._products(method, params)
        return self._records(model, method, params)

    def close(self) -> None:
        self._http.close()

    def _moves(self, major: int, method: str, params: Mapping[str, Any]) -> list[Record]:
        done = "quantity_done" if major < 17 else "quantity"
        wanted = [done if name == "quantity" else name for name in params["fields"] if name not in _USAGES]
        found = self._records("stock.move", method, {**params, "fields": wanted})
        if not set(_USAGES) & set(params["fields"]):
            return found
        named = {_id(move.get(place)) for move in found for place in _USAGES.values()} - {None}
        domain = [["id", "in", sorted(each for each in named if each is not None)]]
        places = self._records("stock.location", "search_read", {"domain": domain, "fields": ["usage"]})
        usage = {each.get("id"): each.get("usage") for each in places}
        return [
            {**move, "quantity": move.get(done)} | {name: usage.get(_id(move.get(at))) for name, at in _USAGES.items()}
            for move in found
        ]

    def _products(self, method: str, params: Mapping[str, Any]) -> list[Record]:
        domain = [["type", "in", ["consu", "product"]] if term == _GOODS else term for term in params["domain"]]
        asked = {**params, "domain": domain}
        if "type" in params["fields"]:
            asked["fields"] = [*params["fields"], "detailed_type"]
        found = self._records("product.product", method, asked)
        return [{**each, "type": "combo"} if each.get("detailed_type") == "combo" else each for each in found]

    def _records(self, model: str, method: str, params: Mapping[str, Any]) -> list[Record]:
        named = {**params, "context": CONTEXT}

        def ask(key: str) -> Any:
            asked: list[Any] = [self._options.database, self._user_id(key), key, model, method, [], named]
            return self._call("object", "execute_kw", asked, model)

        return records_of(model, self._with_key(ask))

    def _with_key(self, ask: Callable[[str], Any]) -> Any:
        """The answer to what `ask` asks with a key; asked again with another one when the first is refused."""
        key = self._token.current()
        try:
            return ask(key)
        except _KeyRefused:
            other = self._token.replaced(key)
            try:
                if other is not None:
                    with self._lock:
                        self._user = None
                    return ask(other)
            except _KeyRefused:
                pass
        raise AccessRefused(
            f"Odoo refuses the API key of {self._options.login} in database {self._options.database}; make a key in "
            "that user's preferences, under Account security, and put it into the token's file"
        )

    def _user_id(self, key: str) -> int:
        with self._lock:
            if self._user is None:
                asked: list[Any] = [self._options.database, self._options.login, key, {}]
                found = self._call("common", "authenticate", asked, "the user")
                if not isinstance(found, int) or isinstance(found, bool):
                    raise _KeyRefused
                self._user = found
            return self._user

    def _version(self) -> int:
        with self._lock:
            if self._major is None:
                about = self._call("common", "version", [], "the version")
                told = about.get("server_version_info") if isinstance(about, Mapping) else None
                # Online, the first part may read saas~18.
                major = str(told[0]).rpartition("~")[2] if isinstance(told, list) and told else ""
                if not major.isdecimal():
                    raise Unavailable("Odoo does not say its version", 60)
                if int(major) < 16:
                    raise AccessRefused(f"Odoo {major} is too old: 16 or newer is read")
                self._major = int(major)
            return self._major

    def _call(self, service: str, method: str, arguments: Sequence[Any], about: str) -> Any:
        params = {"service": service, "method": method, "args": arguments}
        body = {"jsonrpc": "2.0", "method": "call", "params": params, "id": next(self._numbers)}
        try:
            answer = call(self._http, "POST", PATH, json=body)
        except NotFound as error:
            raise AccessRefused(
                f"no JSON-RPC at {self._options.base_url}; is it Odoo 16 to 18? For 19 and newer leave login out"
            ) from error
        if not isinstance(answer, Mapping) or not ("result" in answer or "error" in answer):
            raise Unavailable("Odoo's answer is none of JSON-RPC", 60)
        if answer.get("error"):
            raise self._failure(inner(inner(answer, "error"), "data").get("name"), about)
        return answer.get("result")

    def _failure(self, name: object, about: str) -> Exception:
        """The failure that an error's class names. Its text is not shown: it may quote what was sent."""
        match str(name).rpartition(".")[2]:
            case "AccessDenied":
                return _KeyRefused()
            case "AccessError":
                return AccessRefused(f"Odoo lets {self._options.login} not read {about}; give that user the right")
            case "UserError":  # "Object … doesn't exist"
                return AccessRefused(f"no {about} at {self._options.base_url}; is Point of Sale installed there?")
            case "OperationalError" | "KeyError":
                return Unavailable(f"Odoo fails on {about} ({name}); is database {self._options.database} there?", 60)
        return Unavailable(f"Odoo fails on {about}: {name}", 60)


class _KeyRefused(Exception):
    """The key is not the user's, or no more."""


def _id(reference: object) -> int | None:
    found = reference[0] if isinstance(reference, list) and reference else None
    return found if isinstance(found, int) else None
