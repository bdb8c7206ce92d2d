"""The installed connectors: each is an entry point of the group `commonshelf.connectors`, ours included."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any, Protocol, TypeVar, cast

from connectors.context import ConnectorContext
from connectors.contract import Connector, StoreContext
from connectors.specs import ConnectorOptions, ConnectorSpec

GROUP = "commonshelf.connectors"


Factory = Callable[[Any, StoreContext, ConnectorContext], Connector]
"""Its first argument is an instance of the type's options."""


@dataclass(frozen=True, slots=True)
class ConnectorType:
    """A kind of connector, as an entry point names it.

    kind: the entry point's name, and `kind` in the settings. about: one line for `connect list`.
    factory: "package.module:callable", a Factory; imported when first used, for vendors' SDKs are slow to import.
    """

    kind: str
    about: str
    options: type[ConnectorOptions]
    factory: str

    def make(self, spec: ConnectorSpec, context: ConnectorContext) -> Connector:
        """Raises what the factory raises when the connector cannot start."""
        return cast("Factory", resolve_name(self.factory))(spec.options, spec.store, context)


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry point that cannot be used, and why."""

    name: str
    reason: str


@cache
def installed() -> tuple[Mapping[str, ConnectorType], tuple[Broken, ...]]:
    """Connector types by kind, in order of name, and the entry points that are broken."""
    return loaded(GROUP, ConnectorType)


def type_of(options: ConnectorOptions) -> ConnectorType:
    """Raises KeyError for a kind that is not installed."""
    return installed()[0][options.kind]


class HasKind(Protocol):
    """A type of something that is installed."""

    @property
    def kind(self) -> str:
        """The entry point's name."""


_Type = TypeVar("_Type", bound=HasKind)


def loaded(group: str, wanted: type[_Type]) -> tuple[Mapping[str, _Type], tuple[Broken, ...]]:
    """The entry points of a group by kind, in order of name, and those that are broken."""
    types: dict[str, _Type] = {}
    broken: list[Broken] = []
    for point in sorted(entry_points(group=group), key=lambda each: each.name):
        try:
            found = point.load()
        except Exception as error:  # noqa: BLE001  another's package must not keep ours from running
            broken.append(Broken(point.name, f"{point.value} cannot be loaded: {type(error).__name__}: {error}"))
            continue
        if not isinstance(found, wanted) or found.kind != point.name:
            broken.append(Broken(point.name, f"{point.value} is no {wanted.__name__} of the kind {point.name!r}"))
        elif point.name in types:
            broken.append(Broken(point.name, f"{point.value}: another package has a connector of that name"))
        else:
            types[point.name] = found
    return types, tuple(broken)
