"""Options that every vendor's connector has."""

from typing import Annotated

from pydantic import Field, model_validator

from connectors.specs import ConnectorOptions, EnvName, EnvNames, FilePath, FilePaths, SecretSource, secret_sources
from schemas.models.base import Text


class VendorOptions(ConnectorOptions):
    """The places of the token and the webhook's secrets, and the times of polls. A vendor adds its own."""

    token_env: EnvName | None = None
    """Environment variable that holds the API token."""
    token_file: FilePath | None = None
    """Or the file; it is read again when the vendor refuses the token, so a fresh one needs no restart."""
    secret_env: EnvNames = ()
    """Of the webhook. Without a secret there is no page, and the poll alone brings everything."""
    secret_file: FilePaths = ()
    base_url: Text | None = None
    """Of the vendor's API, where it is not the usual one: a sandbox, a shop's own server."""
    poll_interval_s: Annotated[int, Field(ge=1, le=86_400)] = 300
    poll_overlap_s: Annotated[int, Field(ge=0, le=86_400)] = 900
    request_timeout_s: Annotated[int, Field(ge=1, le=60)] = 5

    write_back_interval_s: Annotated[int, Field(ge=1, le=3_600)] = 5
    """With write_back, of the connectors that have it."""

    def secret_sources(self) -> tuple[SecretSource, ...]:
        token = (self.token_source(),) if self.token_env or self.token_file else ()
        return (*token, *self.webhook_secrets())

    def webhook_secrets(self) -> tuple[SecretSource, ...]:
        """None, one, or two while one replaces the other."""
        return secret_sources(self.secret_env, self.secret_file)

    def token_source(self) -> SecretSource:
        """Raises pydantic.ValidationError when neither place is named; the model has checked that."""
        return SecretSource(env=self.token_env, file=self.token_file)

    @model_validator(mode="after")
    def _secrets_are_named_once(self) -> "VendorOptions":
        if self.token_env and self.token_file:
            raise ValueError("name the token in token_env or in token_file, not in both")
        if len(self.webhook_secrets()) > 2:
            raise ValueError("at most two webhook secrets: the old one and the new one")
        return self


class RenewalOptions(VendorOptions):
    """Of vendors whose tokens may end by themselves, and are renewed with a refresh token."""

    client_id: Text | None = None
    """The application's id, where its tokens end by themselves."""
    refresh_token_file: FilePath | None = None
    """The refresh token; this file and token_file are written anew with each renewal."""

    def secret_sources(self) -> tuple[SecretSource, ...]:
        refresh = () if self.refresh_token_file is None else (SecretSource(file=self.refresh_token_file),)
        return (*super().secret_sources(), *refresh)

    @model_validator(mode="after")
    def _renewal_is_whole(self) -> "RenewalOptions":
        if not (self.token_env or self.token_file):
            raise ValueError(f"{self.kind} needs token_env or token_file: a token of the merchant")
        if (self.refresh_token_file is None) != (self.client_id is None):
            raise ValueError(f"{self.kind} renews tokens with both client_id and refresh_token_file")
        if self.refresh_token_file is not None and self.token_file is None:
            raise ValueError("a token that is renewed needs token_file: it is written there")
        return self
