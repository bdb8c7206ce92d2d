"""Shopify as an installed connector."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from connectors.installed import ConnectorType
from connectors.vendor.options import VendorOptions


class ShopifyOptions(VendorOptions):
    """One location of a Shopify shop."""

    kind: Literal["shopify"] = "shopify"
    shop: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*\.myshopify\.com$")]
    """The shop's own domain at Shopify, as in grocer-7.myshopify.com."""
    location_id: Annotated[str, Field(pattern="^[0-9]{1,20}$", coerce_numbers_to_str=True)] | None = None
    """Of this store, where the shop has several; `connect discover` lists them."""
    online_orders: bool = False
    """With location_id: orders of the web shop are this store's, too. One store of a shop may say so."""

    write_back: bool = False
    """Reserve at Shopify what the pool holds of this store's goods, so that the web shop does not sell them."""

    @model_validator(mode="after")
    def _has_a_token(self) -> Self:
        if not (self.token_env or self.token_file):
            raise ValueError("shopify needs token_env or token_file: the Admin API access token of an app of the shop")
        return self


CONNECTOR = ConnectorType(
    "shopify", "Shopify POS: orders, refunds, inventory levels.", ShopifyOptions, "connectors.shopify.client:make"
)
