"""Lightspeed X-Series as an installed connector."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from connectors.installed import ConnectorType
from connectors.vendor.options import VendorOptions
from schemas.models.base import Text


class LightspeedOptions(VendorOptions):
    """One outlet of a Lightspeed X-Series retailer."""

    kind: Literal["lightspeed"] = "lightspeed"
    domain_prefix: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]*$")]
    """Of the retailer: grocer in grocer.retail.lightspeed.app."""
    outlet_id: Text | None = None
    """Of this store, where the retailer has several; `connect discover` lists them."""

    @model_validator(mode="after")
    def _has_a_token(self) -> Self:
        if not (self.token_env or self.token_file):
            raise ValueError("lightspeed needs token_env or token_file: a personal token of the retailer")
        return self


CONNECTOR = ConnectorType(
    "lightspeed",
    "Lightspeed Retail X-Series (once Vend): sales, returns, inventory.",
    LightspeedOptions,
    "connectors.lightspeed.client:make",
)
