"""Lightspeed X-Series as an installed connector."""

from typing import Annotated, Literal, Self

from pydantic import model_validator

from connectors.installed import ConnectorType
from connectors.vendor.options import RenewalOptions
from schemas.models.base import Text
from schemas.models.forms import text_like


class LightspeedOptions(RenewalOptions):
    """One outlet of a Lightspeed X-Series retailer."""

    kind: Literal["lightspeed"] = "lightspeed"
    domain_prefix: Annotated[str, text_like("corner-shop", "^[a-z0-9][a-z0-9-]*$")]
    """Of the retailer: grocer in grocer.retail.lightspeed.app."""
    outlet_id: Text | None = None
    """Of this store, where the retailer has several; `connect discover` lists them."""

    @model_validator(mode="after")
    def _renewal_has_a_secret(self) -> Self:
        if self.client_id is not None and not self.webhook_secrets():
            raise ValueError("lightspeed renews tokens with the application's client secret: name it in secret_file")
        return self


CONNECTOR = ConnectorType(
    "lightspeed",
    "Lightspeed Retail X-Series (once Vend): sales, returns, inventory.",
    LightspeedOptions,
    "connectors.lightspeed.client:make",
)
