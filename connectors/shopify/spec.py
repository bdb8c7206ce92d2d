"""Shopify as an installed connector."""

from typing import Annotated, Literal, Self

from pydantic import model_validator

from connectors.installed import ConnectorType
from connectors.vendor.options import VendorOptions
from schemas.models.base import Text
from schemas.models.forms import text_like


class ShopifyOptions(VendorOptions):
    """One location of a Shopify shop."""

    kind: Literal["shopify"] = "shopify"
    shop: Annotated[str, text_like("corner-shop.myshopify.com", r"^[a-z0-9][a-z0-9-]*\.myshopify\.com$")]
    """The shop's own domain at Shopify, as in grocer-7.myshopify.com."""
    client_id: Text | None = None
    """Of a Dev Dashboard app installed in the shop: with it and its client secret the connector gets its own tokens."""
    location_id: Annotated[str, text_like("655441491", "^[0-9]{1,20}$", coerce_numbers_to_str=True)] | None = None
    """Of this store, where the shop has several; `connect discover` lists them."""
    online_orders: bool = False
    """With location_id: orders of the web shop are this store's, too. One store of a shop may say so."""

    write_back: bool = False
    """Reserve at Shopify what the pool holds of this store's goods, so that the web shop does not sell them."""

    @model_validator(mode="after")
    def _has_a_token(self) -> Self:
        has_token = bool(self.token_env or self.token_file)
        if self.client_id is not None and has_token:
            raise ValueError("name client_id, whose tokens the connector gets itself, or a lasting token, not both")
        if self.client_id is not None and not self.webhook_secrets():
            raise ValueError("with client_id name the app's client secret in secret_env or secret_file")
        if self.client_id is None and not has_token:
            raise ValueError(
                "shopify needs client_id and secret_file, the client id and secret of a Dev Dashboard app; "
                "or token_file, the lasting token of a custom app made before 2026"
            )
        return self


CONNECTOR = ConnectorType(
    "shopify", "Shopify POS: orders, refunds, inventory levels.", ShopifyOptions, "connectors.shopify.client:make"
)
