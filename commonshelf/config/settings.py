"""The settings that an operator can make, as one frozen object, read once at the edge.

`load` in `commonshelf.config.sources` makes it and tells where each value came from. Secrets are never values
here: a setting names the environment variable or the file that holds one, and `commonshelf.config.credentials` reads it
where it is used. So this object may be printed, logged and handed to a child process as a file.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, Union
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SerializeAsAny, model_validator

from commonshelf.config.ports import port_clash
from commonshelf.config.web_settings import Api, Http, Port, Section, Webhooks
from connectors.installed import installed
from connectors.partners import installed_partners
from connectors.specs import ConnectorOptions, EnvName, FilePath, PartnerOptions, clash, partner_clash
from schemas.models.base import CLOCK_STEP_MAX_MS, Name, Text, TimeZone
from schemas.models.config import (
    Contribution,
    ContributionKind,
    OpeningHours,
    PoolSettings,
    StoreSettings,
)
from schemas.models.forms import text_like
from schemas.models.human_units import record_fields
from schemas.models.terms import PoolTerms, StoreTerms

DEFAULT_CONFIG_FILE = Path("commonshelf.toml")

_MILLI = 1000
_BROKER_HOST = "127.0.0.1"


def parse_contribution(text: str) -> Contribution:
    """A contribution from share:PERMILLE, cap:UNITS or fixed:UNITS. Raises ValueError that says so."""
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


def contribution_text(contribution: Contribution) -> str:
    """The text that `parse_contribution` reads as `contribution`."""
    kind = contribution.kind
    amount = Decimal(contribution.value) / (1 if kind is ContributionKind.share else _MILLI)
    return f"{kind}:{amount.normalize():f}"


def _checked_contribution(text: str) -> str:
    parse_contribution(text)
    return text


def _number(value: object) -> object:
    """A variable's text as the number that a list of allowed ones is compared with."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


ContributionText = Annotated[str, AfterValidator(_checked_contribution)]


class Kafka(Section):
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
    embedded_brokers: Annotated[Literal[1, 3], BeforeValidator(_number)] = 1
    embedded_port: Port = 0
    embedded_heap_mb: Annotated[int, Field(ge=128, le=65_536)] | None = None

    replicas: Annotated[int, Field(ge=1, le=9)] | None = None
    """Of every topic; when left out as many as embedded brokers, and 3 on an existing cluster."""

    @property
    def topic_replicas(self) -> int:
        if self.replicas is not None:
            return self.replicas
        return self.embedded_brokers if self.is_embedded else 3

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


class Ledger(Section):
    """The workers that keep the books."""

    workers: Annotated[int, Field(ge=1, le=64)] = 1
    batch_age_ms: Annotated[int, Field(ge=1, le=10_000)] = 20
    batch_records: Annotated[int, Field(ge=1, le=100_000)] = 20_000
    transaction_timeout_ms: Annotated[int, Field(ge=1_000, le=60_000)] = 5_000
    """How long Kafka lets a batch's transaction be open; the worker's other limits of time follow from it."""
    columnar: bool = True
    """Take plain sales many at once, with the same outcome."""


class Agents(Section):
    """The worker that talks to the outside and keeps the clock."""

    tick_interval_ms: Annotated[int, Field(ge=100, le=CLOCK_STEP_MAX_MS)] = 1_000


class Exporter(Section):
    """The process that shows the figures of pools and stores to Prometheus."""

    enabled: bool = False


class Tracing(Section):
    """Traces of sales and orders by OpenTelemetry: headers everywhere, spans from the exporter."""

    share_permille: Annotated[int, Field(ge=0, le=1_000)] = 0
    """Of sales and of orders; 0 for none."""


class Directory(Section):
    """The process that writes for partners what everybody may know: stores, bands, aggregates."""

    enabled: bool = False


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "postgresql" or (not parts.hostname and "host=" not in parts.query):
        raise ValueError("write postgresql://USER@HOST:PORT/DATABASE")
    if parts.password is not None or "password" in parse_qs(parts.query):
        raise ValueError("the password belongs into the variable or the file named beside it, not into the address")
    return url


class Database(Section):
    """A file in data_dir, or PostgreSQL when `database_url` names one."""

    database_url: Annotated[Text, AfterValidator(_without_password)] | None = None
    password_env: EnvName
    password_file: FilePath | None = None


class Vault(Database):
    """The place of exact addresses."""

    password_env: EnvName = "COMMONSHELF_VAULT_PASSWORD"  # noqa: S105  a name
    sweep_interval_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    """How often the agents erase what has expired."""


class Settlement(Database):
    """The place of what stores owe each other."""

    password_env: EnvName = "COMMONSHELF_SETTLEMENT_PASSWORD"  # noqa: S105  a name


_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _minutes_of(span: str) -> tuple[int, int]:
    """Minutes since midnight at which a span such as 09:00-18:30 begins and ends."""
    opens, closes = (int(hour) * 60 + int(minute) for hour, minute in (part.split(":") for part in span.split("-")))
    return opens, closes


def _span_of_a_day(span: str) -> str:
    opens, closes = _minutes_of(span)
    if not opens < closes <= 1440:
        raise ValueError(f"{span!r} must end after it begins; hours over midnight are two spans")
    return span


def opening_hours(by_day: Mapping[Weekday, Iterable[str]]) -> tuple[OpeningHours, ...]:
    """Spans such as 09:00-18:30, by weekday, as records have them."""
    return tuple(
        OpeningHours(weekday=_WEEKDAYS.index(day) + 1, opens_minute=opens, closes_minute=closes)
        for day, spans in sorted(by_day.items(), key=lambda one: _WEEKDAYS.index(one[0]))
        for opens, closes in map(_minutes_of, spans)
    )


OpeningSpan = Annotated[
    str,
    text_like("09:00-18:30", r"^([01][0-9]|2[0-4]):[0-5][0-9]-([01][0-9]|2[0-4]):[0-5][0-9]$"),
    AfterValidator(_span_of_a_day),
]


class _Entry(Section):
    id: Name


class Pool(PoolTerms, _Entry):
    """A pool of stores: the unit of consistency."""

    clock: Literal["wall", "data"] = "wall"
    """`data`: a replay of old data publishes this pool's ticks itself, on the data's own clock."""
    catalog_files: tuple[FilePath, ...] = ()

    def declared(self) -> PoolSettings:
        """As the pool's own record in pool.config.v1."""
        return PoolSettings(**record_fields(self, PoolSettings))


# One model per installed kind, told apart by `kind`, so that a wrong key is reported where it stands.
if TYPE_CHECKING:
    Connector = ConnectorOptions
    Partner = PartnerOptions
else:

    def _one_of(types):  # noqa: ANN001, ANN202  a type that is made at run time has no name
        options = tuple(each.options for each in types.values()) or (PartnerOptions,)
        return Annotated[Union[options], Field(discriminator="kind")] if len(options) > 1 else options[0]  # noqa: UP007

    Connector = _one_of(installed()[0])
    Partner = _one_of(installed_partners()[0])


class Store(StoreTerms, _Entry):
    """A member store and how its till reaches us."""

    pool: Name = ""
    """May be left out when there is one pool."""
    contribution: ContributionText = contribution_text(StoreSettings.model_fields["contribution"].default)
    opening: dict[Weekday, tuple[OpeningSpan, ...]] = Field({})
    """By weekday, in the pool's time zone; around the clock when left out."""
    closed_days: tuple[date, ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    time_zone: TimeZone | None = None
    """Of the times in its files; the pool's when left out."""
    code_files: tuple[FilePath, ...] = ()
    """CSV files with the columns code and sku: what this store's own codes mean."""
    connectors: tuple[SerializeAsAny[Connector], ...] = ()

    def declared(self) -> StoreSettings:
        """As the store's record in pool.config.v1."""
        written_otherwise = {
            "store": self.id,
            "contribution": parse_contribution(self.contribution),
            "opening": opening_hours(self.opening),
            "closed_days": tuple(day.isoformat() for day in self.closed_days),
            "first_day": None if self.first_day is None else self.first_day.isoformat(),
            "last_day": None if self.last_day is None else self.last_day.isoformat(),
        }
        return StoreSettings(**record_fields(self, StoreSettings) | written_otherwise)


class Settings(Section):
    """Everything that can be set, checked as a whole."""

    data_dir: FilePath = Field(Path(".commonshelf"), validate_default=True)
    """Kafka's data (when embedded), the workers' caches, logs, runtime.json."""
    partitions: Annotated[int, Field(ge=1, le=1_000)] = 12
    """Of every topic; fixed for the life of a cluster, for it decides where a pool lives."""
    kafka: Kafka = Kafka()
    http: Http = Http()
    api: Api = Api()
    webhooks: Webhooks = Webhooks()
    ledger: Ledger = Ledger()
    agents: Agents = Agents()
    exporter: Exporter = Exporter()
    tracing: Tracing = Tracing()
    directory: Directory = Directory()
    vault: Vault = Vault()
    settlement: Settlement = Settlement()
    pools: tuple[Pool, ...] = ()
    stores: tuple[Store, ...] = ()
    partners: tuple[SerializeAsAny[Partner], ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _only_pool_is_meant(cls, raw: object) -> object:
        """A store or a partner without a pool belongs to the only one."""
        pools = raw.get("pools") if isinstance(raw, dict) else None
        if not isinstance(raw, dict) or not isinstance(pools, list):
            return raw
        if len(pools) != 1 or not isinstance(pools[0], dict):
            return raw
        only = {"pool": pools[0].get("id")}
        named = {name: raw[name] for name in ("stores", "partners") if isinstance(raw.get(name), list)}
        return raw | {
            name: [only | one if isinstance(one, dict) else one for one in entries] for name, entries in named.items()
        }

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        pools = [pool.id for pool in self.pools]
        _refuse_twice("pools", pools)
        # A webhook's path names the store alone, so ids are unique over all pools.
        _refuse_twice("stores", [store.id for store in self.stores])
        _refuse_twice("partners", [partner.id for partner in self.partners])
        named = [("store", store.id, store.pool) for store in self.stores]
        named += [("partner", partner.id, partner.pool) for partner in self.partners]
        for what, name, pool in named:
            if pool not in pools:
                known = ", ".join(pools) or "none is declared"
                raise ValueError(f"{what} {name} names the pool {pool!r}, which is not declared ({known})")
        connectors = [(store.id, each) for store in self.stores for each in store.connectors]
        clashing = port_clash(_ports(self)) or clash(connectors) or partner_clash(self.partners)
        if clashing is not None:
            raise ValueError(clashing)
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

    @property
    def vault_file(self) -> Path:
        """The vault, when no database is named."""
        return self.data_dir / "vault" / "vault.sqlite3"

    @property
    def settlement_file(self) -> Path:
        """What stores owe each other, when no database is named."""
        return self.data_dir / "settlement" / "settlement.sqlite3"

    def state_dir(self, child: str) -> Path:
        """A child's own cache or progress files."""
        return self.data_dir / "state" / child


def _refuse_twice(what: str, ids: list[str]) -> None:
    twice = {one for one in ids if ids.count(one) > 1}
    if twice:
        raise ValueError(f"{what}: the id {min(twice)} is given twice; each needs its own")


def _ports(settings: Settings) -> Iterator[tuple[str, str, int]]:
    """(setting, host, port) of each named port; the ledger's workers count up from theirs."""
    http = settings.http
    for name in http.port_names():
        port = getattr(http, name)
        for number in range(settings.ledger.workers if name == "ledger_port" else 1):
            if port:
                yield f"http.{name}" + (f" (worker {number + 1})" if number else ""), http.host_of(name), port + number
    kafka = settings.kafka
    if kafka.is_embedded and kafka.embedded_port:
        for number in range(kafka.embedded_brokers):
            yield "kafka.embedded_port", _BROKER_HOST, kafka.embedded_port + number
