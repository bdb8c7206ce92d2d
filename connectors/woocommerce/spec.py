"""WooCommerce as an installed connector."""

from typing import Literal, Self

from pydantic import model_validator

from connectors.installed import ConnectorType
from connectors.vendor.options import VendorOptions


class WooCommerceOptions(VendorOptions):
    """One WooCommerce shop, which sells one store's goods."""

    kind: Literal["woocommerce"] = "woocommerce"
    write_back: bool = False
    """Whether what the pool holds is taken off the shop's stock by orders on hold, so that it is not sold again."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not (self.token_env or self.token_file):
            raise ValueError("woocommerce needs token_env or token_file: CONSUMER_KEY:CONSUMER_SECRET of its API")
        if self.base_url is None:
            raise ValueError("woocommerce needs base_url: the shop's address, as in https://grocer.example")
        return self


CONNECTOR = ConnectorType(
    "woocommerce",
    "WooCommerce: orders, refunds, stock levels.",
    WooCommerceOptions,
    "connectors.woocommerce.client:make",
)
