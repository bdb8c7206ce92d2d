"""Clover as an installed connector."""

from typing import Literal, Self

from pydantic import model_validator

from connectors.installed import ConnectorType
from connectors.specs import FilePath
from connectors.vendor.options import VendorOptions
from schemas.models.base import Text


class CloverOptions(VendorOptions):
    """One Clover merchant: a Clover merchant has one store."""

    kind: Literal["clover"] = "clover"
    merchant_id: Text
    """The merchant's id (mId), 13 characters, as in the address of its dashboard."""
    client_id: Text | None = None
    """The app's id, where its tokens end by themselves."""
    refresh_token_file: FilePath | None = None
    """The refresh token; this file and token_file are written anew with each renewal."""
    returns_restocked: bool = True
    """Whether refunded goods go back to the shelf: Clover's orders do not say."""

    @model_validator(mode="after")
    def _clover_is_whole(self) -> Self:
        if not (self.token_env or self.token_file):
            raise ValueError("clover needs token_env or token_file: an API token of the merchant")
        if (self.refresh_token_file is None) != (self.client_id is None):
            raise ValueError("clover renews tokens with both client_id and refresh_token_file")
        if self.refresh_token_file is not None and self.token_file is None:
            raise ValueError("a token that is renewed needs token_file: it is written there")
        return self


CONNECTOR = ConnectorType(
    "clover", "Clover: orders, refunds and stock levels.", CloverOptions, "connectors.clover.client:make"
)
