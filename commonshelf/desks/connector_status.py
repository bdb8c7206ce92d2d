"""The state of a running stack's connectors: their metrics, and how far they have read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx
from prometheus_client.parser import text_string_to_metric_families

from commonshelf.config.settings import Settings
from commonshelf.desks.connector_positions import stored_positions
from connectors.milestones import PREFIX
from connectors.specs import connector_of
from streams.pool.journal.dead_letter_reasons import UNMAPPED_CODE

_PREFIX = "commonshelf_connector_"


@dataclass
class ConnectorStatus:
    """One connector of one store. Times are Unix seconds; None where it has never happened."""

    pool: str
    store: str
    kind: str
    last_success_s: float | None = None
    newest_event_age_s: float | None = None
    reconciled_s: float | None = None
    lines_published: int = 0
    lines_refused: int = 0
    lines_duplicate: int = 0
    """Told again and absorbed by the pool."""
    lines_unmapped: int = 0
    """Set aside by the pool until their code is mapped."""
    rejected_signatures: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)


def statuses(settings: Settings, kafka_options: Mapping[str, str], urls: Mapping[str, str]) -> list[ConnectorStatus]:
    """Every declared connector, by store; the counts are those of the processes that run. Raises PublishFailed.

    urls: child → base address of its pages, as `runtime.json` has them.
    """
    found = {
        (store.id, options.kind): ConnectorStatus(store.pool, store.id, options.kind)
        for store in settings.stores
        for options in store.connectors
    }
    for position in stored_positions(kafka_options):
        status = found.get((position["store"], position["connector"]))
        if status is not None and not position["feed"].startswith(PREFIX):
            status.cursors[position["feed"]] = position["cursor"]
    for child, url in urls.items():
        if child == "connectors" or child.startswith("ledger"):
            for name, labels, value in _samples(url):
                status = found.get((labels.get("store", ""), connector_of(labels["connector"])))
                if status is not None:
                    _take(status, name, labels, value)
    return list(found.values())


def _samples(url: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Nothing when the page cannot be had: then the process does not run, and there are no counts."""
    try:
        text = httpx.get(f"{url}/metrics", timeout=5, trust_env=False).raise_for_status().text
    except httpx.HTTPError:
        return
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "connector" in sample.labels:
                yield sample.name.removeprefix(_PREFIX), sample.labels, sample.value


def _take(status: ConnectorStatus, name: str, labels: Mapping[str, str], value: float) -> None:
    match name, labels.get("outcome"):
        case "lines_total", "published":
            status.lines_published = int(value)
        case "lines_total", "refused":
            status.lines_refused = int(value)
        case "commonshelf_pool_lines_duplicate_total", _:
            status.lines_duplicate += int(value)
        case "commonshelf_pool_lines_set_aside_total", _ if labels["reason"] == UNMAPPED_CODE:
            status.lines_unmapped += int(value)
        case "rejected_signatures_total", _:
            status.rejected_signatures = int(value)
        case "skipped_total", _:
            status.skipped[labels["reason"]] = int(value)
        case "requests_total", _:
            status.answers[labels["status"]] = int(value)
        case "last_success_timestamp_seconds", _:
            status.last_success_s = value or None
        case "reconciled_timestamp_seconds", _:
            status.reconciled_s = value or None
        case "newest_event_age_seconds", _:
            status.newest_event_age_s = None if value != value else value  # noqa: PLR0124  NaN: none yet
