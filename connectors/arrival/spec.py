"""Arrival apps as an installed kind of partner."""

from typing import Annotated, Literal

from pydantic import Field

from connectors.partners import PartnerType
from connectors.specs import PartnerOptions, WebAddress


class Arrival(PartnerOptions):
    """An app of customers and counters, told of the appointments of a pool."""

    kind: Literal["arrival"] = "arrival"
    url: WebAddress | None = None
    """Where it takes our messages; when left out the stack runs the reference app."""
    public_url: WebAddress | None = None
    """The address by which customers reach the reference app; that of this machine when left out."""
    request_timeout_s: Annotated[int, Field(ge=1, le=60)] = 5
    """Of one message to the app."""

    @property
    def is_hosted(self) -> bool:
        return self.url is None


PARTNER = PartnerType(
    "arrival", "An app of customers and counters: it is told of appointments, and reports who came.", Arrival,
    "connectors.arrival.adapter:make", "connectors.arrival.endpoint:make",
)  # fmt: skip
