"""Loyverse as an installed connector."""

from typing import Literal, Self

from pydantic import model_validator

from connectors.installed import ConnectorType
from connectors.vendor.options import RenewalOptions
from schemas.models.base import Text


class LoyverseOptions(RenewalOptions):
    """One store of a Loyverse account."""

    kind: Literal["loyverse"] = "loyverse"
    store_id: Text | None = None
    """Of this store at Loyverse, where the account has several; `connect discover` lists them."""
    returns_restocked: bool = True
    """Whether refunded goods go back to the shelf: Loyverse puts them back into stock."""

    @model_validator(mode="after")
    def _renewal_has_a_secret(self) -> Self:
        if self.client_id is not None and not self.webhook_secrets():
            raise ValueError("loyverse renews tokens with the application's client secret: name it in secret_file")
        return self


CONNECTOR = ConnectorType(
    "loyverse", "Loyverse: receipts, refunds, stock levels.", LoyverseOptions, "connectors.loyverse.client:make"
)
