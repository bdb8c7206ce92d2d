"""The token of a vendor's client: one that lasts, or one that is renewed with a refresh token."""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import cast

from connectors.http.client import ApiToken, Token
from connectors.http.tokens import Fields, RenewedToken, TokenEndpoint
from connectors.vendor.options import RenewalOptions


def api_token(
    options: RenewalOptions,
    what: str,
    endpoint: TokenEndpoint,
    renew_after_s: float = float("inf"),
    secrets: Callable[[], Sequence[bytes]] = tuple,
    also: Fields = MappingProxyType({"grant_type": "refresh_token"}),
) -> ApiToken:
    """The token that `options` name. Raises SecretUnusable.

    what: the token's name in messages. renew_after_s: its age when it is renewed; of a vendor that asks not to count on
    a token's life, only its refusal tells. secrets: the application's, of which
    one may be replacing the other; none for a vendor that asks for none. also: sent with each request.
    """
    if options.refresh_token_file is None or options.token_file is None:
        return Token(options.token_source(), what)
    client_id = cast("str", options.client_id)

    def requests() -> Sequence[Fields]:
        known = {**also, "client_id": client_id}
        return [{**known, "client_secret": secret.decode()} for secret in secrets()] or [known]

    return RenewedToken(endpoint, options.token_file, options.refresh_token_file, requests, renew_after_s)
