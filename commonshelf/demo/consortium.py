"""A demo's consortium as the settings and records that the front door takes."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

from commonshelf.config.consistency import SettingsRecord
from commonshelf.config.settings import Exporter, Pool, Settings, Store
from commonshelf.config.web_settings import Http
from connectors.arrival.reference.links import counter_path, customer_path
from connectors.arrival.spec import Arrival
from connectors.drop_folder.spec import FolderOptions
from connectors.webhook.spec import Webhook
from schemas.models.agreement import Agreement, SettlementWindow, TransferPrice
from schemas.models.catalog import CatalogItem
from schemas.models.config import AllocationSettings, CodeMapping, ConfigChange, PickupPlace
from schemas.models.pos import Unit
from schemas.models.restock_terms import RestockSettings
from world.grocers import CURRENCY, POOL, POOL_NAME, TIME_ZONE
from world.region import MONDAY_MS, Region

ORIGIN = "demo"

WATCHED = 6
"""Items that the live view shows."""

_DROP_FOLDER_EACH = 5
_SAFETY_STOCK_EACH = 4
"""Each so manieth store keeps one unit of everything back, and lends twenty at most."""
_SECRET_ENV = "COMMONSHELF_DEMO_SECRET"  # noqa: S105  the beginning of a name
_SECRET_BYTES = 32
_APP = "front-desk"
_APP_SECRET_ENV = f"{_SECRET_ENV}_APP"
_HAND_OVERS_A_QUARTER = 20


@dataclass(frozen=True, slots=True)
class Member:
    """A store of the demo and how its till reaches us."""

    id: str
    name: str
    channel: Literal["webhook", "csv"]
    latitude_deg: float = 0.0
    longitude_deg: float = 0.0


@dataclass(frozen=True)
class Consortium:
    """A pool, its members, what is declared beside them, and the names of its items by SKU."""

    pool: Pool
    members: tuple[Member, ...]
    records: tuple[SettingsRecord, ...]
    item_names: dict[str, str]
    watched: tuple[str, ...]
    """SKUs that the live view shows."""
    has_pickup: bool = False
    """Customers may collect by appointment, and the reference arrival app shows it."""
    app_secret: str = field(init=False, repr=False, default_factory=lambda: secrets.token_hex(_SECRET_BYTES))
    """A fresh secret of the arrival app."""
    secrets: dict[str, str] = field(init=False, repr=False)
    """A fresh webhook secret for each store that posts, by store."""

    def __post_init__(self) -> None:
        fresh = {member.id: secrets.token_hex(_SECRET_BYTES) for member in self.members if member.channel == "webhook"}
        object.__setattr__(self, "secrets", fresh)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(member.id for member in self.members)

    def settings(self, data_dir: Path, *, exporter: bool = False) -> Settings:
        """For `Stack`: everything below `data_dir`, on free ports."""
        stores = tuple(self._store(at, member, data_dir) for at, member in enumerate(self.members))
        return Settings(
            data_dir=data_dir.absolute(),
            http=Http.on_free_ports(),
            exporter=Exporter(enabled=exporter),
            pools=(self.pool,),
            stores=stores,
            partners=(Arrival(id=_APP, pool=self.pool.id, secret_env=(_APP_SECRET_ENV,)),) if self.has_pickup else (),
        )

    def customer_path(self, order: str, code: str) -> str:
        """The path of a customer's page at the arrival app."""
        return customer_path(self.app_secret.encode(), _APP, order, code)

    def counter_path(self, place: str) -> str:
        """The path of the page of a place's counter at the arrival app."""
        return counter_path(self.app_secret.encode(), _APP, place)

    def processes_env(self) -> dict[str, str]:
        """The webhook secrets, for the connectors' process. They exist nowhere else than in the two processes."""
        names = self._secret_names()
        app = {_APP_SECRET_ENV: self.app_secret} if self.has_pickup else {}
        return app | {names[store]: secret for store, secret in self.secrets.items()}

    def drop_folder(self, data_dir: Path, store: str) -> Path:
        return data_dir.absolute() / "drop" / store

    def _secret_names(self) -> dict[str, str]:
        return {member.id: f"{_SECRET_ENV}_{at}" for at, member in enumerate(self.members)}

    def _store(self, at: int, member: Member, data_dir: Path) -> Store:
        connector: Webhook | FolderOptions
        if member.channel == "webhook":
            connector = Webhook(kind="webhook", secret_env=(self._secret_names()[member.id],))
        else:
            # Our exports are renamed into place, so nothing needs to settle.
            connector = FolderOptions(kind="drop_folder", folder=self.drop_folder(data_dir, member.id), settle_ms=0)
        is_careful = at % _SAFETY_STOCK_EACH == _SAFETY_STOCK_EACH - 1
        return Store(
            id=member.id,
            name=member.name,
            pool=self.pool.id,
            contribution="cap:20" if is_careful else "share:1000",
            safety_stock_units=Decimal(int(is_careful)),
            latitude_deg=Decimal(str(member.latitude_deg)),
            longitude_deg=Decimal(str(member.longitude_deg)),
            connectors=(connector,),
        )


def consortium_of(region: Region, now_ms: int, week_min: int = 1) -> Consortium:
    """The generated region: every fifth store exports files, the rest post.

    week_min: minutes in which a week of the shops passes, after which they settle.
    """
    members = tuple(
        Member(grocer.id, grocer.name, channel_of(at), grocer.latitude_deg, grocer.longitude_deg)
        for at, grocer in enumerate(region.grocers)
    )
    # Villages lie further apart than a town's shops.
    terms = AllocationSettings(max_distance_m=20_000)
    moves = RestockSettings(move_max_distance_m=20_000, move_minor_per_trip=100)
    pool = Pool(id=POOL, name=POOL_NAME, currency=CURRENCY, time_zone=TIME_ZONE, allocation=terms, restock=moves)
    names = {item.sku: item.name for item in region.items}
    popular = sorted(region.items, key=lambda item: -item.popularity)[:WATCHED]
    records = (*_catalog(region, now_ms), *_places(members, now_ms), _agreement(now_ms, week_min))
    return Consortium(pool, members, records, names, tuple(item.sku for item in popular), has_pickup=True)


def channel_of(at: int) -> Literal["webhook", "csv"]:
    """Every fifth store has the old till software that writes files."""
    return "csv" if at % _DROP_FOLDER_EACH == _DROP_FOLDER_EACH - 1 else "webhook"


def mappings(pool: str, codes: Iterable[tuple[str, str]], now_ms: int) -> Iterator[ConfigChange]:
    """The settings that give codes (code, SKU) a meaning in the whole pool."""
    for code, sku in codes:
        yield ConfigChange(pool=pool, recorded_at_ms=now_ms, origin=ORIGIN, change=CodeMapping(code=code, sku=sku))


def _places(members: Iterable[Member], now_ms: int) -> Iterator[ConfigChange]:
    """Each store's own counter."""
    for member in members:
        place = PickupPlace(
            place=member.id, name=member.name, stores=(member.id,), hand_overs_per_slot=_HAND_OVERS_A_QUARTER,
            preparation_ms=0, preparation_per_line_ms=0,
        )  # fmt: skip
        yield ConfigChange(pool=POOL, recorded_at_ms=now_ms, origin=ORIGIN, change=place)


def _agreement(now_ms: int, week_min: int) -> ConfigChange:
    """The same in each run: what was agreed is not changed."""
    agreement = Agreement(
        version=1, effective_from_ms=MONDAY_MS, currency=CURRENCY, tax="added", handling_fee_minor=50,
        transfer_price=TransferPrice(kind="cost_plus", permille=100),
        window=SettlementWindow(every="minutes", minutes=week_min, time_zone=TIME_ZONE),
    )  # fmt: skip
    return ConfigChange(pool=POOL, recorded_at_ms=now_ms, origin=ORIGIN, change=agreement)


def _catalog(region: Region, now_ms: int) -> Iterator[SettingsRecord]:
    for item in region.items:
        yield CatalogItem(
            pool=POOL,
            sku=item.sku,
            gtin=f"0{item.gtin13}" if item.gtin13 else None,
            name=item.name,
            category=item.category,
            unit=Unit(item.unit),
            pack_milli=item.pack_milli,
            cost_minor=item.cost_minor,
            price_minor=item.price_minor,
            tax_permille=item.tax_permille,
            shelf_life_days=item.shelf_life_days,
            supplier=item.supplier,
            recorded_at_ms=now_ms,
        )
    yield from mappings(POOL, ((item.code, item.sku) for item in region.items if item.plu), now_ms)
