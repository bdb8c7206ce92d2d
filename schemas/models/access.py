"""Keys of the API, grants of numbers, and what stores show to everybody."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from schemas.models.base import QUANTITY_MAX_MILLI, Name, Record, Text, TimeMs
from schemas.models.forms import text_like

Digest = Annotated[str, text_like("64 hexadecimal digits", "^[0-9a-f]{64}$")]
LOW_BELOW_MILLI = 4_000
Scope = Literal[
    "shelves:read", "orders:read", "orders:write", "tasks:read", "tasks:write", "restock:read", "restock:write",
    "statements:read", "webhooks:write",
]  # fmt: skip
"""What a key may do. A key with a store does it for this store alone.

shelves:read: the numbers of its own store's shelves, and those that a grant opens; of all others, bands.
orders:read: orders that it placed, or that its store has a part in; a service of the whole pool sees all.
orders:write: place orders; change, confirm and cancel those that it placed; a service of the whole pool, all.
tasks:read: tasks and appointments.
tasks:write: reports on tasks, transfers and arrivals.
restock:read, restock:write: restock proposals, and answers to them.
statements:read: settlement statements.
webhooks:write: subscribe an address of its own to what it may see.
"""


class ApiKey(Record):
    key_id: Name
    label: Text
    store: Name | None = None
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(get_args(Scope)))]
    digest: Digest
    previous_digest: Digest | None = None
    previous_until_ms: TimeMs = 0
    created_at_ms: TimeMs
    expires_at_ms: TimeMs | None = None
    revoked_at_ms: TimeMs | None = None


class NumbersGrant(Record):
    grant: Name
    store: Name
    to_stores: Annotated[tuple[Name, ...], Field(max_length=1_000)] = ()
    to_keys: Annotated[tuple[Name, ...], Field(max_length=1_000)] = ()
    purpose: Text
    from_ms: TimeMs
    until_ms: TimeMs
    ended_at_ms: TimeMs | None = None

    @model_validator(mode="after")
    def _names_somebody_for_a_time(self) -> Self:
        if not self.to_stores and not self.to_keys:
            raise ValueError("name whom the numbers are opened to: to_stores, to_keys")
        if self.from_ms >= self.until_ms:
            raise ValueError("from_ms must be before until_ms")
        return self


class PublicListing(Record):
    store: Name
    is_listed: bool = True
    shows_bands: bool = False
    categories: Annotated[tuple[Text, ...], Field(max_length=1_000)] | None = None
    low_below_milli: Annotated[int, Field(gt=0, le=QUANTITY_MAX_MILLI)] = LOW_BELOW_MILLI
    services: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    address: Text | None = None
    url: Annotated[str, text_like("https://corner-shop.example", r"^https?://[^\s<>\"]{1,190}$")] | None = None
    in_aggregates: bool = False


Access = ApiKey | NumbersGrant | PublicListing
_KINDS: dict[str, type[Access]] = {model.__name__: model for model in get_args(Access)}


class AccessSetting(Record):
    """One setting of who may see what in a pool (topic access.settings.v1)."""

    pool: Name
    recorded_at_ms: TimeMs
    origin: Text
    setting: Access

    @property
    def key(self) -> str:
        """Compaction key: pool/kind/name."""
        match self.setting:
            case ApiKey():
                return f"{self.pool}/key/{self.setting.key_id}"
            case NumbersGrant():
                return f"{self.pool}/grant/{self.setting.grant}"
            case PublicListing():
                return f"{self.pool}/listing/{self.setting.store}"

    @classmethod
    def from_avro(cls, plain: dict[str, Any]) -> "AccessSetting":
        """The event of a decoded value. Raises pydantic.ValidationError, a ValueError, when a value is out of range."""
        kind, setting = plain["setting"]
        model = _KINDS[kind.rpartition(".")[2]]
        return cls.model_validate(plain | {"setting": model.model_validate(setting)})

    def to_avro(self) -> dict[str, Any]:
        """The setting is tagged with its record name: Avro unions of records need it."""
        plain = super().to_avro()
        plain["setting"] = (f"commonshelf.{type(self.setting).__name__}", plain["setting"])
        return plain
