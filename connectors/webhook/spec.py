"""The generic webhook as an installed connector."""

from typing import Literal, Self

from pydantic import model_validator

from connectors.installed import ConnectorType
from connectors.specs import ConnectorOptions, EnvNames, FilePaths, SecretSource, check_secrets, secret_sources


class Webhook(ConnectorOptions):
    """A signed webhook at /webhooks/v1/STORE. Two secrets are active while one replaces the other."""

    kind: Literal["webhook"] = "webhook"
    secret_env: EnvNames = ()
    secret_file: FilePaths = ()

    def secret_sources(self) -> tuple[SecretSource, ...]:
        return secret_sources(self.secret_env, self.secret_file)

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        check_secrets("a webhook", self.secret_sources())
        return self


CONNECTOR = ConnectorType(
    "webhook", "Signed JSON over HTTP, from any system that can post.", Webhook, "connectors.webhook.endpoint:make"
)
