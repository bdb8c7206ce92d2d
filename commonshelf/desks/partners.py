"""The partners that the settings name: what the agents call, and what the connectors' host takes from them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from commonshelf.config.credentials import kafka_options
from commonshelf.config.settings import Settings
from commonshelf.desks.arrival_pages import app_address
from commonshelf.desks.connector_positions import stored_partner_calls
from commonshelf.desks.vault import DeliveryAddresses
from connectors.context import ConnectorContext, EndpointContext, PartnerContext
from connectors.contract import Connector
from connectors.outbound.driver import Driver, Outcome
from connectors.outbound.log import OutboundLog
from connectors.outbound.teller import partner_log
from connectors.partners import partner_type
from connectors.specs import PartnerOptions
from connectors.writers import Writers
from messaging.client_options import ClientOptions
from messaging.followed import FollowedEvents, FollowedTables
from messaging.metrics import listed
from schemas.models.connectors import PartnerCall
from schemas.topics import ORDERS_EVENTS
from streams.agents.callers import Run


def callers(settings: Settings, registry: CollectorRegistry) -> dict[str, Run]:
    """What calls each partner, by a name for logs. Raises SecretUnusable."""
    if not settings.partners:
        return {}
    options = kafka_options(settings.kafka)
    writers = Writers(options, settings.partitions)

    def claimed() -> list[dict[str, Any]]:
        """Of what another process wrote, nothing comes after this."""
        writers.claim((partner.pool, partner.id) for partner in settings.partners)
        return stored_partner_calls(options)

    log = partner_log(claimed, writers)
    metrics, addresses = _Metrics(registry, log), DeliveryAddresses(settings)
    return {
        f"partner {partner.id}": _driver(settings, partner, options, log, metrics, addresses).run
        for partner in settings.partners
    }


def _driver(
    settings: Settings,
    partner: PartnerOptions,
    options: ClientOptions,
    log: OutboundLog[PartnerCall],
    metrics: "_Metrics",
    addresses: DeliveryAddresses,
) -> Driver[PartnerCall]:
    kind = partner_type(partner)
    hosted_url = f"{app_address(settings)}/hooks/{partner.id}"
    context = PartnerContext(_follow(settings, partner, options), hosted_url, addresses.open)
    adapter = kind.make_adapter(partner, context)
    return Driver(adapter, log, 0, metrics.of(partner.pool, partner.id), at_once=kind.at_once)


def endpoints(settings: Settings) -> Iterator[Callable[[ConnectorContext], Connector]]:
    """What makes the page of each partner, given what the host lends."""
    options = kafka_options(settings.kafka)
    for partner in settings.partners:
        follow = _follow(settings, partner, options)
        answers = partial(FollowedEvents, options, ORDERS_EVENTS.name, partner.pool, settings.partitions)

        def make(
            host: ConnectorContext,
            partner: PartnerOptions = partner,
            follow: Callable[[Sequence[str]], FollowedTables] = follow,
            answers: Callable[[], FollowedEvents] = answers,
        ) -> Connector:
            return partner_type(partner).make_endpoint(partner, EndpointContext(host, follow, answers))

        yield make


def _follow(
    settings: Settings, partner: PartnerOptions, options: ClientOptions
) -> Callable[[Sequence[str]], FollowedTables]:
    return lambda topics: FollowedTables(options, topics, partner.pool, settings.partitions)


class _Metrics:
    """Metrics of calls to partners."""

    def __init__(self, registry: CollectorRegistry, log: OutboundLog[PartnerCall]) -> None:
        self._log = log
        self._calls = listed.PARTNER_CALLS.on(registry)
        self._under_way = listed.PARTNER_CALLS_UNDER_WAY.on(registry)

    def of(self, pool: str, partner: str) -> Callable[[Outcome], None]:
        """Counts the outcomes of one partner's calls."""
        self._under_way.labels(pool, partner).set_function(partial(self._count_under_way, (pool, partner)))
        return lambda outcome: self._calls.labels(pool, partner, outcome.value).inc()

    def _count_under_way(self, party: tuple[str, str]) -> float:
        known: Mapping[str, PartnerCall] = self._log.known(party)
        return float(sum(call.pending is not None for call in known.values()))
