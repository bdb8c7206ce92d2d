"""Options that an operator sets about connectors, as far as all kinds share them; and secrets, by where they lie."""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from connectors.contract import StoreContext
from connectors.parsing.units import UnitWords, normal_word, parse_measure
from messaging.errors import UserError
from schemas.models.base import Name, Text
from schemas.models.forms import text_like

SECRET_MIN_BYTES = 16


_SYSTEMS = {"csv": "drop_folder", "poslog": "drop_folder"}
"""Source systems of events that are not called as their connector is."""


def connector_of(system: str) -> str:
    """The kind of connector that brings the events of a source system."""
    return _SYSTEMS.get(system, system)


def located(path: Path, info: ValidationInfo) -> Path:
    """Relative paths are relative to the folder of the file that names them."""
    base: Path = (info.context or {}).get("base", Path())
    return (base / path.expanduser()).absolute()


def _one_or_a_list(raw: object) -> object:
    return [raw] if isinstance(raw, str | Path) else raw


def _web_address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise ValueError("write an address that begins with https://, or http:// on a network of your own")
    return text.rstrip("/")


def _measure(text: str) -> str:
    parse_measure(text)
    return text


WebAddress = Annotated[Text, AfterValidator(_web_address)]
MeasureText = Annotated[str, AfterValidator(_measure)]
FilePath = Annotated[Path, AfterValidator(located)]
EnvName = Annotated[str, text_like("ANNA_TILL_SECRET", "^[A-Za-z_][A-Za-z0-9_]*$")]
EnvNames = Annotated[tuple[EnvName, ...], BeforeValidator(_one_or_a_list), Field(max_length=2)]
FilePaths = Annotated[tuple[FilePath, ...], BeforeValidator(_one_or_a_list), Field(max_length=2)]


class ConnectorOptions(BaseModel):
    """Options of one connector of a store; each kind adds its own. Secrets are named, not given."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: str
    """The name of its entry point."""
    unit_words: dict[Text, MeasureText] = Field(default_factory=dict)
    """The store's own word for a unit → what one is: "12 each", "0.5 kg"."""

    def measures(self) -> UnitWords:
        """`unit_words`, as lines are read by them."""
        return {normal_word(word): parse_measure(text) for word, text in self.unit_words.items()}

    def secret_sources(self) -> tuple["SecretSource", ...]:
        """The places of its secrets, for `doctor` to see whether they are there."""
        return ()

    def folders(self) -> tuple[Path, ...]:
        """Folders that no other connector may use, nor one inside them or around them."""
        return ()

    def resolved(self) -> Self:
        """The same options with what they name in files of settings read, so that they read back without these."""
        return self


def check_secrets(whose: str, sources: Sequence["SecretSource"]) -> None:
    """Raise ValueError unless there are one or two secrets to sign with: two while one replaces the other."""
    if not 0 < len(sources) <= 2:
        raise ValueError(
            f'{whose} needs secret_env = "NAME_OF_A_VARIABLE" or secret_file = "PATH", and at most two of them'
        )


class PartnerOptions(BaseModel):
    """Options of a partner that the pool calls; each kind adds its own. Secrets are named, not given."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: Name
    """Unique over all partners; also in the path of what it posts to us."""
    kind: str
    """The name of its entry point."""
    pool: Name = ""
    """May be left out when there is one pool."""
    secret_env: EnvNames = ()
    secret_file: FilePaths = ()
    """What both sides sign with: one, or two while one replaces the other; ours are signed with the first."""

    @property
    def is_hosted(self) -> bool:
        """Whether the stack runs the partner's side itself."""
        return False

    def secret_sources(self) -> tuple["SecretSource", ...]:
        """The places of what both sides sign with."""
        return secret_sources(self.secret_env, self.secret_file)

    def secrets_to_call(self) -> tuple["SecretSource", ...]:
        """The places of all that it takes to call the partner."""
        return self.secret_sources()

    def clash_with(self, other: "PartnerOptions") -> str | None:
        """A sentence about this and another partner of its pool that cannot be called side by side, or None."""
        return None

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        check_secrets("a partner", self.secret_sources())
        return self


@dataclass(frozen=True, slots=True)
class ConnectorSpec:
    """One connector of one store, as the operator declares it."""

    store: StoreContext
    options: ConnectorOptions


def clash(entries: Sequence[tuple[str, ConnectorOptions]]) -> str | None:
    """A sentence about two connectors that cannot run side by side, or None. entries: (store id, options)."""
    kinds: set[tuple[str, str]] = set()
    folders: list[tuple[Path, Path, str]] = []
    for store, options in entries:
        if (store, options.kind) in kinds:
            return f"store {store} has two connectors of the kind {options.kind}; keep one of them"
        kinds.add((store, options.kind))
        for named in options.folders():
            real = Path(os.path.realpath(named))
            for other, other_named, other_store in folders:
                if real.is_relative_to(other) or other.is_relative_to(real):
                    how = "are one folder" if real == other else "lie one inside the other"
                    return (
                        f"the folder {named} of store {store} and {other_named} of store {other_store} {how}; give "
                        "each connector a folder of its own"
                    )
            folders.append((real, named, store))
    return None


def partner_clash(partners: Iterable[PartnerOptions]) -> str | None:
    """A sentence about two partners that cannot be called side by side, or None."""
    for one, other in combinations(partners, 2):
        if one.pool == other.pool and (clashing := one.clash_with(other)) is not None:
            return clashing
    return None


class SecretSource(BaseModel):
    """The place of a secret: the name of an environment variable, or a file. A file may change while we run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: EnvName | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret is named by either env or file")
        return self

    @property
    def where(self) -> str:
        """For messages."""
        return f"environment variable {self.env}" if self.env is not None else f"file {self.file}"

    @property
    def is_exposed(self) -> bool:
        """True for a file that other users of this machine may read or replace."""
        try:
            mode = self.file.stat().st_mode if self.file is not None else 0
        except OSError:
            return False
        return bool(mode & (stat.S_IRWXO | stat.S_IWGRP))

    def read(self, what: str = "webhook secret", advice: str = "make one with: openssl rand -hex 32") -> bytes:
        """The secret. Raises SecretUnusable when it is missing or shorter than 16 bytes; never shows it.

        what, advice: for the message.
        """
        if self.env is not None:
            secret = os.environ.get(self.env, "").strip().encode()
        else:
            try:
                secret = Path(str(self.file)).read_bytes().strip()
            except OSError as error:
                raise SecretUnusable(f"the {what} in {self.where} cannot be read: {error.strerror}") from error
        if len(secret) < SECRET_MIN_BYTES:
            raise SecretUnusable(
                f"the {what} in {self.where} is missing or shorter than {SECRET_MIN_BYTES} bytes; {advice}"
            )
        return secret


class SecretUnusable(UserError):
    """A secret that is missing or too weak. The text names where it should be, not what it is."""


def secret_sources(env: EnvNames, file: FilePaths) -> tuple[SecretSource, ...]:
    """The sources that `secret_env` and `secret_file` of a connector's options name."""
    return (*(SecretSource(env=name) for name in env), *(SecretSource(file=path) for path in file))
