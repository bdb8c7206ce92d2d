"""New tokens for those that end by themselves: Clover's v2/OAuth, in which a refresh token serves once."""

import os
from pathlib import Path

from connectors.clover.spec import CloverOptions
from connectors.contract import AccessRefused
from connectors.http.client import NotFound, api_client, call
from connectors.specs import SecretSource

PATH = "/oauth/v2/refresh"


class Renewal:
    """Gets a new pair of tokens and keeps both in their files. Called under the token's lock."""

    def __init__(self, options: CloverOptions, base_url: str) -> None:
        self._client_id = options.client_id
        self._token_file = Path(str(options.token_file))
        self._refresh_file = Path(str(options.refresh_token_file))
        self._base_url = base_url
        self._timeout_s = options.request_timeout_s
        self._used = options.token_source().read("Clover API token", "get it from Clover")

    def __call__(self) -> bytes:
        """The new token; that of the file, when somebody put another one there. Raises AccessRefused, Unavailable."""
        there = SecretSource(file=self._token_file).read("Clover API token", "get it from Clover")
        if there == self._used:
            there = self._renewed()
        self._used = there
        return there

    def _renewed(self) -> bytes:
        refresh = SecretSource(file=self._refresh_file).read("Clover refresh token", "install the app anew").decode()
        with api_client(self._base_url, None, timeout_s=self._timeout_s) as client:
            try:
                answer = call(client, "POST", PATH, json={"client_id": self._client_id, "refresh_token": refresh})
                token, following = answer["access_token"].encode(), answer["refresh_token"].encode()
            except (AccessRefused, NotFound, AttributeError, KeyError, TypeError) as error:
                reason = "Clover gave no new token; install the app anew, and put both its tokens into their files"
                raise AccessRefused(reason) from error
        # The refresh token first: it cannot be had again.
        _replace(self._refresh_file, following)
        _replace(self._token_file, token)
        return bytes(token)


def _replace(path: Path, content: bytes) -> None:
    """Write the file anew, readable by its owner alone, whole or not at all."""
    part = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
