"""Carriers as an installed kind of partner."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from connectors.partners import PartnerType
from connectors.specs import EnvName, FilePath, PartnerOptions, SecretSource, WebAddress
from schemas.models.base import Name


class Carrier(PartnerOptions):
    """A carrier, told of the deliveries that a pool's stores hand over."""

    kind: Literal["carrier"] = "carrier"
    url: WebAddress
    """Where it takes our messages."""
    stores: tuple[Name, ...] = ()
    """The stores whose deliveries it carries; all of the pool when left out."""
    vault_key_env: EnvName | None = None
    vault_key_file: FilePath | None = None
    """Its key at the vault of addresses, one of the two; without one a message has the address's reference alone."""
    request_timeout_s: Annotated[int, Field(ge=1, le=60)] = 5
    """Of one message to the carrier."""

    @property
    def vault_key(self) -> SecretSource | None:
        """The place of its key at the vault."""
        if self.vault_key_env is None and self.vault_key_file is None:
            return None
        return SecretSource(env=self.vault_key_env, file=self.vault_key_file)

    def secrets_to_call(self) -> tuple[SecretSource, ...]:
        """With the key at the vault."""
        return (*super().secrets_to_call(), *(() if self.vault_key is None else (self.vault_key,)))

    def carries_for(self, store: str) -> bool:
        """Whether it carries what the store hands over."""
        return not self.stores or store in self.stores

    def clash_with(self, other: PartnerOptions) -> str | None:
        """Two carriers of one pool clash where both carry for a store: each would come for its deliveries."""
        if not isinstance(other, Carrier):
            return None
        both = set(self.stores) & set(other.stores) if self.stores and other.stores else {*self.stores, *other.stores}
        if self.stores and other.stores and not both:
            return None
        return (
            f"the carriers {self.id} and {other.id} both carry for {', '.join(sorted(both)) or 'all stores'}, and a "
            "delivery is told to one: name in stores of each those for which it alone carries"
        )

    @model_validator(mode="after")
    def _has_one_vault_key(self) -> Self:
        if self.vault_key_env is not None and self.vault_key_file is not None:
            raise ValueError("name the vault's key by vault_key_env or by vault_key_file, not by both")
        return self


PARTNER = PartnerType(
    "carrier", "A carrier: it is told of deliveries, and reports what was delivered and returned.", Carrier,
    "connectors.carriers.adapter:make", "connectors.carriers.endpoint:make",
)  # fmt: skip
