"""The installed kinds of partners that the pool calls: entry points of the group `commonshelf.outbound`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pkgutil import resolve_name
from typing import Any, cast

from connectors.context import EndpointContext, PartnerContext
from connectors.contract import Connector
from connectors.installed import Broken, loaded
from connectors.outbound.contract import Adapter
from connectors.specs import PartnerOptions
from schemas.models.connectors import PartnerCall

GROUP = "commonshelf.outbound"

AdapterFactory = Callable[[Any, PartnerContext], Adapter[PartnerCall]]
EndpointFactory = Callable[[Any, EndpointContext], Connector]
"""The first argument of both is an instance of the type's options."""


@dataclass(frozen=True, slots=True)
class PartnerType:
    """A kind of partner, as an entry point names it.

    kind: the entry point's name, and `kind` in the settings. about: one line.
    adapter, endpoint: "package.module:callable", an AdapterFactory, and an EndpointFactory for what it posts to us;
    imported when first used. at_once: so many calls are made side by side.
    """

    kind: str
    about: str
    options: type[PartnerOptions]
    adapter: str
    endpoint: str
    at_once: int = 16

    def make_adapter(self, options: PartnerOptions, context: PartnerContext) -> Adapter[PartnerCall]:
        """Raises SecretUnusable."""
        return cast("AdapterFactory", resolve_name(self.adapter))(options, context)

    def make_endpoint(self, options: PartnerOptions, context: EndpointContext) -> Connector:
        """Raises SecretUnusable."""
        return cast("EndpointFactory", resolve_name(self.endpoint))(options, context)


@cache
def installed_partners() -> tuple[Mapping[str, PartnerType], tuple[Broken, ...]]:
    """Kinds of partners by name, and the entry points that are broken."""
    return loaded(GROUP, PartnerType)


def partner_type(options: PartnerOptions) -> PartnerType:
    """Raises KeyError for a kind that is not installed."""
    return installed_partners()[0][options.kind]
