"""Addresses of a stack's technical pages."""

from commonshelf.config.settings import Settings
from commonshelf.stack.processes import processes, web_address


def links(settings: Settings) -> list[tuple[str, str]]:
    """(address, what is there) of everything that a person may open. Ports must be resolved."""
    running = processes(settings, settings.data_dir, {})
    web = web_address(settings)
    pages = [
        (f"{web}/v1/openapi.json", "the micro-fulfilment API, as OpenAPI 3.1"),
        (f"{web}/v1/asyncapi.json", "the topics, as AsyncAPI 3"),
        (f"{web}/subjects", "schema registry, read-only, Confluent-compatible"),
    ]
    for one in running:
        if one.role.has_metrics:
            name, url = one.spec.name, one.url
            pages += [(f"{url}/ready", f"{name}: ready or what it waits for"), (f"{url}/metrics", f"{name}: metrics")]
    return pages
