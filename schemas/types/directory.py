"""The records of `schemas/records/directory`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

from schemas.types.access import AccessSetting
from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange, OpeningHours
from schemas.types.state import OffsetsRow

Band = Literal["in", "low", "out"]
"""in: there is enough.
low: there is less than the store calls low.
out: there is none to promise.
"""


class AggregateGroup(TypedDict):
    """Stores that are counted together or not at all."""

    stores: list[str]
    broken_on: int


class DirectoryPoolRow(TypedDict):
    """How far the pool's aggregates have come."""

    pool: str
    day: int


class DirectoryShelfRow(TypedDict):
    """A shelf as it was told last."""

    pool: str
    sku: str
    store: str
    available_milli: int
    band: Band | Literal[""]


class PublicAggregate(TypedDict):
    """How the shelves of a category stood at a midnight, over the stores that count towards it: at least four,
    always the same groups of them, so that whoever subtracts has three others' shelves left.
    """

    pool: str
    category: str
    day: str
    stores: int
    shelves: int
    in_stock: int
    low: int
    out: int


class PublicBand(TypedDict):
    """Whether everybody may count on an item at a store that shows so; never how many."""

    pool: str
    sku: str
    store: str
    name: str
    gtin: str | None
    category: str
    band: Band


class PublicPlace(TypedDict):
    """A place where a store hands over by appointment."""

    place: str
    name: str
    opening: list[OpeningHours]
    closed_days: list[str]


class AggregateGroupsRow(TypedDict):
    """The groups of a category."""

    pool: str
    category: str
    groups: list[AggregateGroup]


class PublicStore(TypedDict):
    """A store as it shows itself to everybody. One that shows nothing has no record."""

    pool: str
    store: str
    name: str
    is_open: bool
    latitude_e6: int
    longitude_e6: int
    opening: list[OpeningHours]
    closed_days: list[str]
    services: list[str]
    address: str | None
    url: str | None
    shows_bands: bool
    categories: list[str] | None
    places: list[PublicPlace]


DirectoryRow = (
    tuple[Literal["commonshelf.DirectoryPoolRow"], DirectoryPoolRow]
    | tuple[Literal["commonshelf.DirectoryShelfRow"], DirectoryShelfRow]
    | tuple[Literal["commonshelf.AggregateGroupsRow"], AggregateGroupsRow]
    | tuple[Literal["commonshelf.PublicStore"], PublicStore]
    | tuple[Literal["commonshelf.AccessSetting"], AccessSetting]
    | tuple[Literal["commonshelf.ConfigChange"], ConfigChange]
    | tuple[Literal["commonshelf.CatalogItem"], CatalogItem]
    | tuple[Literal["commonshelf.OffsetsRow"], OffsetsRow]
)
"""The row."""


class DirectoryStateRow(TypedDict):
    """One row of the directory's state; the changelog that restores it. Internal."""

    row: DirectoryRow
