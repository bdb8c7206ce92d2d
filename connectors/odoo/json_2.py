"""Odoo 19 and newer, by its JSON-2 API: POST /json/2/<model>/<method>, with the key as a bearer's."""

from collections.abc import Mapping
from typing import Any

from connectors.contract import AccessRefused, Unavailable
from connectors.http.client import ApiToken, NotFound, TokenAuth, api_client, call
from connectors.odoo.spec import OdooOptions

Record = Mapping[str, Any]
CONTEXT = {"lang": "en_US", "active_test": False}
"""Units by their English names; archived products, too."""


class Json2:
    """One database, as the key's user may read it."""

    def __init__(self, options: OdooOptions, token: ApiToken) -> None:
        self._options = options
        headers = {"X-Odoo-Database": options.database} if options.database else {}
        self._http = api_client(
            str(options.base_url), TokenAuth(token, prefix="bearer "), timeout_s=options.request_timeout_s,
            headers=headers,
        )  # fmt: skip

    def ask(self, model: str, method: str, **params: Any) -> list[Record]:
        """The records that a method gives. Raises Unavailable, AccessRefused."""
        try:
            found = call(self._http, "POST", f"/json/2/{model}/{method}", json={**params, "context": CONTEXT})
        except NotFound as error:
            where = self._options.base_url
            raise AccessRefused(
                f"no {model} at {where}; is it Odoo 19 or newer, with Point of Sale? For Odoo 16 to 18 set login"
            ) from error
        return records_of(model, found)

    def close(self) -> None:
        self._http.close()


def records_of(model: str, found: object) -> list[Record]:
    """Raises Unavailable for what is no list of records."""
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Unavailable(f"Odoo's answer for {model} is not a list of records", 60)
    return found
