"""Reports of a carrier: its page, and how the pool's refusals are told."""

from typing import Final

from connectors.carriers.book import Book
from connectors.carriers.spec import Carrier
from connectors.carriers.translate import KINDS, translate
from connectors.context import EndpointContext
from connectors.inbound.endpoint import MessageRules, PartnerEndpoint

_STATUS: Final = {"unknown_task": 404, "not_your_task": 404}


def make(options: Carrier, context: EndpointContext) -> PartnerEndpoint:
    """The factory that the entry point names. Raises SecretUnusable."""
    book = Book(options.pool, options.carries_for, context.follow, context.answers)
    rules = MessageRules(
        KINDS, lambda payload, at_ms: translate(options.pool, options.id, payload, book, at_ms), _STATUS
    )
    return PartnerEndpoint(options, context, book, rules)
