"""Square as an installed connector."""

from typing import Literal, Self

from pydantic import model_validator

from connectors.installed import ConnectorType
from connectors.vendor.options import VendorOptions
from schemas.models.base import Text


class SquareOptions(VendorOptions):
    """One location of a Square merchant."""

    kind: Literal["square"] = "square"
    location_id: Text
    """Of this store at Square; `connect discover` lists them."""
    webhook_url: Text | None = None
    """The notification URL exactly as it is set at Square, which signs it."""
    returns_restocked: bool = True
    """Whether returned goods go back to the shelf: Square's orders do not say."""
    write_back: bool = False
    """Whether what the pool holds is taken out of stock there, so that Square Online does not sell it again."""
    replay_events: bool = False
    """Also read the last 28 days' events that no webhook delivered; only the application's own token may."""

    @model_validator(mode="after")
    def _square_is_whole(self) -> Self:
        if not (self.token_env or self.token_file):
            raise ValueError("square needs token_env or token_file: an access token of the merchant")
        if self.webhook_secrets() and self.webhook_url is None:
            raise ValueError("square signs the notification URL: name it in webhook_url beside the secret")
        return self


CONNECTOR = ConnectorType(
    "square", "Square: orders, returns, stock changes and counts.", SquareOptions, "connectors.square.client:make"
)
