"""Reports of an arrival app: its page, and how the pool's refusals are told."""

from typing import Final

from connectors.arrival.book import Book
from connectors.arrival.spec import Arrival
from connectors.arrival.translate import KINDS, translate
from connectors.context import EndpointContext
from connectors.inbound.endpoint import MessageRules, PartnerEndpoint

_STATUS: Final = {"unknown_appointment": 404, "wrong_code": 403, "code_needed": 403, "code_locked": 423, "bad_eta": 422}


def make(options: Arrival, context: EndpointContext) -> PartnerEndpoint:
    """The factory that the entry point names. Raises SecretUnusable."""
    book = Book(options.pool, context.follow, context.answers)
    rules = MessageRules(
        KINDS, lambda payload, at_ms: translate(options.pool, options.id, payload, book, at_ms), _STATUS
    )
    return PartnerEndpoint(options, context, book, rules)
