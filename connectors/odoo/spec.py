"""Odoo as an installed connector."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from connectors.installed import ConnectorType
from connectors.vendor.options import VendorOptions
from schemas.models.base import Text


class OdooOptions(VendorOptions):
    """The points of sale of one store in an Odoo database, and the location of its stock."""

    kind: Literal["odoo"] = "odoo"
    database: Text | None = None
    """Where the server has several; needed with login."""
    login: Text | None = None
    """Of the key's user. With it Odoo 16 to 18 are read, by JSON-RPC; without, 19 and newer, by JSON-2."""
    config_ids: Annotated[tuple[int, ...], Field(min_length=1, max_length=100)]
    """Ids of the store's points of sale (pos.config); `connect discover` lists them."""
    stock_location_id: int | None = None
    """Of the store's stock, its inner locations included: brings receipts, adjustments and levels, too."""
    returns_restocked: bool = True
    """Whether returned goods go back to the shelf: Odoo takes them back to stock."""

    @model_validator(mode="after")
    def _odoo_is_whole(self) -> Self:
        if not self.base_url:
            raise ValueError("odoo needs base_url: the address of the server, such as https://anna.odoo.com")
        if not (self.token_env or self.token_file):
            raise ValueError("odoo needs token_env or token_file: an API key of a user who may read Point of Sale")
        if self.login is not None and self.database is None:
            raise ValueError("odoo needs database beside login: JSON-RPC names it in each request")
        if self.webhook_secrets():
            raise ValueError("odoo sends no webhooks: leave the secret out; the poll brings everything")
        return self


CONNECTOR = ConnectorType(
    "odoo", "Odoo 16+: Point of Sale orders, stock moves and levels.", OdooOptions, "connectors.odoo.client:make"
)
