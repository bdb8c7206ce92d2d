"""Clover as an installed connector."""

from typing import Literal

from connectors.installed import ConnectorType
from connectors.vendor.options import RenewalOptions
from schemas.models.base import Text


class CloverOptions(RenewalOptions):
    """One Clover merchant: a Clover merchant has one store."""

    kind: Literal["clover"] = "clover"
    merchant_id: Text
    """The merchant's id (mId), 13 characters, as in the address of its dashboard."""
    returns_restocked: bool = True
    """Whether refunded goods go back to the shelf: Clover's orders do not say."""


CONNECTOR = ConnectorType(
    "clover", "Clover: orders, refunds and stock levels.", CloverOptions, "connectors.clover.client:make"
)
