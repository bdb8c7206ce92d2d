"""Settings of what we serve: ports, and what callers of the API may do."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from connectors.specs import EnvName
from schemas.models.base import Text

Port = Annotated[int, Field(ge=0, le=65_535)]


class Section(BaseModel):
    """A part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Http(Section):
    """The ports of our pages. A port of 0 picks a free one at each start."""

    host: Text = "127.0.0.1"
    port: Port = 8080
    """It serves the world: our pages, the API, the schema registry."""
    web_port: Port = 8074
    """Of the pages about that server; it has no other."""
    webhook_host: Text = "127.0.0.1"
    webhook_port: Port = 8081
    """It serves the webhooks alone; their pages are at connectors_port."""
    directory_port: Port = 8073
    exporter_port: Port = 8075
    restock_port: Port = 8077
    settlement_port: Port = 8078
    connectors_port: Port = 8079
    agents_port: Port = 8082
    arrival_host: Text = "127.0.0.1"
    arrival_port: Port = 8076
    """It serves customers and counters the reference arrival app, where a partner has no url."""
    ledger_port: Port = 8083
    """Of the first ledger worker; each further one counts up from it."""

    @classmethod
    def on_free_ports(cls) -> Self:
        """All on free ports."""
        return cls.model_validate(dict.fromkeys(cls.port_names(), 0))

    @classmethod
    def port_names(cls) -> list[str]:
        """The settings that are ports."""
        return [name for name in cls.model_fields if name.rpartition("_")[2] == "port"]

    def host_of(self, port_name: str) -> str:
        """Where a port is: webhook_port is at webhook_host, and one without a host of its own at `host`."""
        host: str = getattr(self, port_name.removesuffix("port") + "host", self.host)
        return host


class Api(Section):
    """Limits of the API's callers."""

    public_requests_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = 300
    """Of one address, without a key."""
    key_requests_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = 6_000
    """Of one key."""
    listeners_per_caller: Annotated[int, Field(ge=0, le=100_000)] = 20
    """Live streams of changes of one key, or of one address, at once."""


class Webhooks(Section):
    """Calls to the API's subscribers, at addresses of their own."""

    key_env: EnvName | None = None
    """The variable with the key that their secrets follow from; a file in data_dir when left out."""
    may_call_private_addresses: bool = False
    """Also http://, this machine and its network: where subscribers are known."""
    request_timeout_s: Annotated[int, Field(ge=1, le=60)] = 10
    parked_after_h: Annotated[int, Field(ge=1, le=720)] = 168
    """One that has not answered for so long is called no more, until it asks for it."""
    per_key: Annotated[int, Field(ge=0, le=100)] = 10
    """Subscriptions of one key."""
