"""Square as an installed connector."""

from typing import Literal, Self

from pydantic import model_validator

from connectors.installed import ConnectorType
from connectors.specs import EnvName, FilePath, SecretSource
from connectors.vendor.options import RenewalOptions
from schemas.models.base import Text


class SquareOptions(RenewalOptions):
    """One location of a Square merchant."""

    kind: Literal["square"] = "square"
    location_id: Text
    """Of this store at Square; `connect discover` lists them."""
    client_secret_env: EnvName | None = None
    """Environment variable that holds the application's secret, with client_id; none for an application of PKCE."""
    client_secret_file: FilePath | None = None
    """Or the file."""
    webhook_url: Text | None = None
    """The notification URL exactly as it is set at Square, which signs it."""
    returns_restocked: bool = True
    """Whether returned goods go back to the shelf: Square's orders do not say."""
    write_back: bool = False
    """Whether what the pool holds is taken out of stock there, so that Square Online does not sell it again."""
    replay_events: bool = False
    """Also read the last 28 days' events that no webhook delivered; only the application's own token may."""

    def client_secret(self) -> SecretSource | None:
        """The place of the application's secret."""
        if not (self.client_secret_env or self.client_secret_file):
            return None
        return SecretSource(env=self.client_secret_env, file=self.client_secret_file)

    def secret_sources(self) -> tuple[SecretSource, ...]:
        secret = self.client_secret()
        return super().secret_sources() if secret is None else (*super().secret_sources(), secret)

    @model_validator(mode="after")
    def _square_is_whole(self) -> Self:
        if self.client_secret_env and self.client_secret_file:
            raise ValueError("name the secret in client_secret_env or in client_secret_file, not in both")
        if (self.client_secret_env or self.client_secret_file) and self.client_id is None:
            raise ValueError("the application's secret is of use with its client_id and refresh_token_file alone")
        if self.webhook_secrets() and self.webhook_url is None:
            raise ValueError("square signs the notification URL: name it in webhook_url beside the secret")
        return self


CONNECTOR = ConnectorType(
    "square", "Square: orders, returns, stock changes and counts.", SquareOptions, "connectors.square.client:make"
)
