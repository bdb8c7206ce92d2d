"""Checks a message of another pool: names, texts, and counts that rows can hold."""

import re
from collections.abc import Iterator

from schemas.models.base import LINE_ID_MAX, NAME_PATTERN, TEXT_MAX, TIME_MAX_MS
from schemas.models.config import StoreSettings
from schemas.types.lending import DrawPart, LendingBody, LendingMessage
from schemas.types.requests import Rejection
from streams.pool.journal import rejections

_COUNT_MAX = 2**53
_SMALL_COUNT_MAX = 2**31 - 1
"""Of what rows keep in 32 bits; an Avro int is read whatever its length."""
_PARTS_MAX = 10_000
_NAME = re.compile(NAME_PATTERN)


class RefusedError(Exception):
    """A business no: a reason from the closed list."""

    def __init__(self, reason: Rejection) -> None:
        super().__init__(reason)
        self.reason = reason


def check_message(pool: str, message: LendingMessage) -> None:
    """What another pool says can be used, and kept in rows. Raises RefusedError."""
    body = message["body"]
    counts = [message["sequence"], message["answers"], *_counts(body)]
    parts: list[DrawPart] = []
    if body[0] == "commonshelf.DrawStatus" or body[0] == "commonshelf.DrawAck":
        parts = body[1]["parts"]
    names = [message["from_pool"], *_names(body), *(part["store"] for part in parts)]
    texts = [*_texts(body), *(text for part in parts for text in (part["sku"], part["reason"]))]
    if message["from_pool"] == pool or not all(_NAME.fullmatch(name) for name in names):
        raise RefusedError(rejections.BAD_NAME)
    if any(len(text) > TEXT_MAX for text in texts if text is not None):
        raise RefusedError(rejections.BAD_NAME)
    if body[0] == "commonshelf.DrawStatus" and body[1]["mode"] not in ("pickup", "delivery"):
        raise RefusedError(rejections.BAD_TERMS)
    if len(parts) > _PARTS_MAX or any(len(part["line_id"]) > LINE_ID_MAX for part in parts):
        raise RefusedError(rejections.BAD_LINES)
    for part in parts:
        counts += (part["part"], part["position"], part["quantity_milli"])
        counts += (part["picked_milli"], part["collected_milli"], part["gone_milli"])
    small = [part["part"] for part in parts]
    if body[0] == "commonshelf.LoanStatus":
        small.append(body[1]["discrepancies"])
    elif body[0] == "commonshelf.DrawStatus" and body[1]["deadline_ms"] > TIME_MAX_MS:
        raise RefusedError(rejections.DEADLINE_TOO_FAR)
    if not all(0 <= count <= _COUNT_MAX for count in counts) or any(count > _SMALL_COUNT_MAX for count in small):
        raise RefusedError(rejections.BAD_QUANTITY)
    if body[0] == "commonshelf.LoanStatus" and body[1]["settings"] is not None:
        try:
            StoreSettings.model_validate(body[1]["settings"])
        except ValueError as error:
            raise RefusedError(rejections.BAD_TERMS) from error


def _names(body: LendingBody) -> Iterator[str]:
    if body[0] == "commonshelf.LoanStatus" or body[0] == "commonshelf.LoanAck":
        yield body[1]["store"]
    else:
        yield body[1]["order"]


def _texts(body: LendingBody) -> Iterator[str | None]:
    if body[0] == "commonshelf.LoanStatus":
        yield from (body[1]["sku"], body[1]["unit"])
    elif body[0] == "commonshelf.LoanAck":
        yield from (body[1]["sku"], body[1]["reason"])
    elif body[0] == "commonshelf.DrawStatus":
        yield from (body[1]["mode"], body[1]["address_ref"], body[1]["customer_ref"])


def _counts(body: LendingBody) -> Iterator[int]:
    if body[0] == "commonshelf.LoanStatus":
        loan = body[1]
        yield from (loan["granted_milli"], loan["limit_milli"], loan["counted_at_ms"], loan["discrepancies"])
        if loan["covered_milli"] is not None:
            yield loan["covered_milli"]
    elif body[0] == "commonshelf.LoanAck":
        yield body[1]["returned_milli"]
    elif body[0] == "commonshelf.DrawStatus":
        yield body[1]["deadline_ms"]
