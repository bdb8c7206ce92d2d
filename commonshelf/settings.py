"""What an operator can set, as one frozen object, read once at the edge.

`load` in `commonshelf.settings_sources` makes it and tells where each value came from. Secrets are never values
here: a setting names the environment variable or the file that holds one, and `commonshelf.credentials` reads it
where it is used. So this object may be printed, logged and handed to a child process as a file.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from connectors.specs import CSV_FIELDS, FileKind
from schemas.models import Contribution, ContributionKind, Name, PoolSettings, StoreSettings, Text, Unit

DEFAULT_CONFIG_FILE = Path("commonshelf.toml")
LEDGER_GROUP = "commonshelf-pool"
"""Consumer group of the pool's workers."""

_DAY_MS = 86_400_000
_MILLI = 1000
_E6 = 1_000_000


def _locate(path: Path, info: ValidationInfo) -> Path:
    """Relative paths are relative to the folder of the file that names them."""
    base: Path = (info.context or {}).get("base", Path())
    return (base / path.expanduser()).absolute()


def _known_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # it raises each of them, by the kind of nonsense
        raise ValueError(f"{name!r} is no time zone; write an IANA name like Europe/Berlin") from None
    return name


def parse_contribution(text: str) -> Contribution:
    """share:PERMILLE, cap:UNITS or fixed:UNITS. Raises ValueError that says so."""
    kind, _, amount = text.partition(":")
    try:
        value = Decimal(amount) * (1 if kind == "share" else _MILLI)
        contribution = Contribution(kind=ContributionKind(kind), value=int(value))
    except (ArithmeticError, ValueError):
        contribution, value = None, Decimal(0)
    if contribution is None or contribution.value != value or (kind == "share" and value > 1000):
        raise ValueError(
            "write share:PERMILLE with 0 to 1000, cap:UNITS or fixed:UNITS, for example share:800 or cap:5"
        )
    return contribution


def _checked_contribution(text: str) -> str:
    parse_contribution(text)
    return text


FilePath = Annotated[Path, AfterValidator(_locate)]
TimeZone = Annotated[str, AfterValidator(_known_time_zone)]
Port = Annotated[int, Field(ge=0, le=65_535)]
EnvName = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
ContributionText = Annotated[str, AfterValidator(_checked_contribution)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kafka(_Section):
    """An embedded Kafka, or an existing cluster when `bootstrap_servers` names one."""

    bootstrap_servers: Text | None = None
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: Text | None = None
    sasl_password_env: EnvName = "COMMONSHELF_KAFKA_SASL_PASSWORD"  # noqa: S105  a name
    sasl_password_file: FilePath | None = None
    ca_file: FilePath | None = None
    client_certificate_file: FilePath | None = None
    client_key_file: FilePath | None = None
    embedded_brokers: Literal[1, 3] = 1
    embedded_port: Port = 0
    embedded_heap_mb: Annotated[int, Field(ge=128, le=65_536)] | None = None

    @property
    def is_embedded(self) -> bool:
        return self.bootstrap_servers is None

    @model_validator(mode="after")
    def _sasl_is_whole(self) -> Self:
        uses_sasl = self.security_protocol.startswith("SASL")
        if uses_sasl and not (self.sasl_mechanism and self.sasl_username):
            raise ValueError(f"{self.security_protocol} needs sasl_mechanism and sasl_username beside it")
        if self.sasl_mechanism and not uses_sasl:
            raise ValueError("sasl_mechanism needs security_protocol SASL_SSL or SASL_PLAINTEXT beside it")
        if self.is_embedded and self.security_protocol != "PLAINTEXT":
            raise ValueError(
                "security_protocol is for an existing cluster; name it in bootstrap_servers, or drop the line"
            )
        return self


class Http(_Section):
    """Where our pages answer. A port of 0 picks a free one at each start."""

    host: Text = "127.0.0.1"
    port: Port = 8080
    webhook_host: Text = "127.0.0.1"
    webhook_port: Port = 8081
    agents_port: Port = 8082
    ledger_port: Port = 8083
    """Of the first ledger worker; each further one counts up from it."""


class Ledger(_Section):
    """The workers that keep the books."""

    workers: Annotated[int, Field(ge=1, le=64)] = 1
    batch_age_ms: Annotated[int, Field(ge=1, le=10_000)] = 20
    batch_records: Annotated[int, Field(ge=1, le=100_000)] = 8_000


class Agents(_Section):
    """The worker that talks to the outside and keeps the clock."""

    tick_interval_ms: Annotated[int, Field(ge=100, le=3_600_000)] = 1_000


class Pool(_Section):
    """A pool of stores: the unit of consistency."""

    id: Name
    name: Text
    currency: Currency = "EUR"
    time_zone: TimeZone = "UTC"
    late_limit_days: Annotated[int, Field(ge=1, le=400)] = 7
    future_skew_s: Annotated[int, Field(ge=0, le=86_400)] = 300
    clock: Literal["wall", "data"] = "wall"
    """`data`: a replay of old data publishes this pool's ticks itself, on the data's own clock."""
    catalog_files: tuple[FilePath, ...] = ()

    def declared(self) -> PoolSettings:
        """As the pool's own record in pool.config.v1."""
        return PoolSettings(
            name=self.name,
            currency=self.currency,
            time_zone=self.time_zone,
            late_limit_ms=self.late_limit_days * _DAY_MS,
            future_skew_ms=self.future_skew_s * 1000,
        )


class CsvFolder(_Section):
    """A folder into which a till drops its exports. The options are those of `connectors.specs.CsvFolderSpec`."""

    kind: Literal["csv_folder"]
    folder: FilePath
    columns: dict[str, str] = {}
    """Header in the till's file → our column, where the names differ from the usual ones."""
    file_kinds: dict[str, FileKind] = {}
    """How a file's name begins → what it holds, besides the usual prefixes."""
    time_format: Text | None = None
    decimal_mark: Literal["auto", ".", ","] = "auto"
    default_unit: Unit = Unit.each
    settle_ms: Annotated[int, Field(ge=0, le=600_000)] = 1_000
    scan_interval_s: Annotated[int, Field(ge=1, le=3_600)] = 60

    @model_validator(mode="after")
    def _columns_are_known(self) -> Self:
        for header, column in self.columns.items():
            if column not in CSV_FIELDS:
                raise ValueError(f"columns maps {header!r} to {column!r}; use one of {', '.join(CSV_FIELDS)}")
        return self


class Webhook(_Section):
    """A signed webhook at /webhooks/v1/STORE. Two secrets are active while one replaces the other."""

    kind: Literal["webhook"]
    secret_env: Annotated[tuple[EnvName, ...], Field(max_length=2)] = ()
    secret_file: Annotated[tuple[FilePath, ...], Field(max_length=2)] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_or_a_list(cls, raw: object) -> object:
        if not isinstance(raw, dict):
            return raw
        return {k: [v] if k in ("secret_env", "secret_file") and isinstance(v, str) else v for k, v in raw.items()}

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        if not self.secret_env and not self.secret_file:
            raise ValueError('a webhook needs secret_env = "NAME_OF_A_VARIABLE" or secret_file = "PATH"')
        return self


Connector = Annotated[CsvFolder | Webhook, Field(discriminator="kind")]


class Store(_Section):
    """A member store and how its till reaches us."""

    id: Name
    name: Text
    pool: Name = ""
    """May be left out when there is one pool."""
    open: bool = True
    reports_sales: bool = True
    contribution: ContributionText = "share:1000"
    safety_stock_units: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=3)] = Decimal(0)
    latitude_deg: Annotated[Decimal, Field(ge=-90, le=90)] = Decimal(0)
    longitude_deg: Annotated[Decimal, Field(ge=-180, le=180)] = Decimal(0)
    time_zone: TimeZone | None = None
    """Of the times in its files; the pool's when left out."""
    code_files: tuple[FilePath, ...] = ()
    """CSV files with the columns code and sku: what this store's own codes mean."""
    connectors: tuple[Connector, ...] = ()

    def declared(self) -> StoreSettings:
        """As the store's record in pool.config.v1."""
        return StoreSettings(
            store=self.id,
            name=self.name,
            open=self.open,
            reports_sales=self.reports_sales,
            contribution=parse_contribution(self.contribution),
            safety_stock_milli=int(self.safety_stock_units * _MILLI),
            latitude_e6=round(self.latitude_deg * _E6),
            longitude_e6=round(self.longitude_deg * _E6),
        )


class Settings(_Section):
    """Everything that can be set, checked as a whole."""

    data_dir: FilePath = Field(Path(".commonshelf"), validate_default=True)
    """Kafka's data (when embedded), the workers' caches, logs, runtime.json."""
    partitions: Annotated[int, Field(ge=1, le=1_000)] = 12
    """Of every topic; fixed for the life of a cluster, for it decides where a pool lives."""
    kafka: Kafka = Kafka()
    http: Http = Http()
    ledger: Ledger = Ledger()
    agents: Agents = Agents()
    pools: tuple[Pool, ...] = ()
    stores: tuple[Store, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _only_pool_is_meant(cls, raw: object) -> object:
        """A store without a pool belongs to the only one."""
        if not isinstance(raw, dict):
            return raw
        pools, stores = raw.get("pools"), raw.get("stores")
        if not (isinstance(pools, list) and isinstance(stores, list)):
            return raw
        if len(pools) != 1 or not isinstance(pools[0], dict):
            return raw
        only = {"pool": pools[0].get("id")}
        return raw | {"stores": [only | store if isinstance(store, dict) else store for store in stores]}

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        pools = [pool.id for pool in self.pools]
        _refuse_twice("pools", pools)
        # A webhook's path names the store alone, so ids are unique over all pools.
        _refuse_twice("stores", [store.id for store in self.stores])
        for store in self.stores:
            if store.pool not in pools:
                known = ", ".join(pools) or "none is declared"
                raise ValueError(f"store {store.id} names the pool {store.pool!r}, which is not declared ({known})")
        return self

    def pool(self, pool_id: str) -> Pool:
        """Raises KeyError for a pool that is not declared."""
        for pool in self.pools:
            if pool.id == pool_id:
                return pool
        raise KeyError(pool_id)

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def kafka_dir(self) -> Path:
        """The embedded Kafka's data."""
        return self.data_dir / "kafka"

    def state_dir(self, child: str) -> Path:
        """A child's own cache or progress files."""
        return self.data_dir / "state" / child


def _refuse_twice(what: str, ids: list[str]) -> None:
    twice = {one for one in ids if ids.count(one) > 1}
    if twice:
        raise ValueError(f"{what}: the id {min(twice)} is given twice; each needs its own")
