"""Messages of a carrier to fulfilment reports. Pure.

    {"id": "c-99", "kind": "scanned_out", "task": "hand-over-1204-1", "at": "2026-03-01T17:05:00+01:00"}

Every field is explained in docs/carriers.md.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from connectors.carriers.message import OUT, STANDING, status_of
from connectors.inbound.messages import (
    MessageRefused,
    Payload,
    Told,
    bad,
    check_form,
    name_of,
    record_of,
    text_of,
    time_ms_of,
)
from connectors.parsing.quantities import shorten
from schemas.models.reports import FulfilmentReport

Row = Mapping[str, Any]
_REPORTS: Final = {"scanned_out": "claimed", "delivered": "done", "failed": "renewed", "returned": "refused"}
KINDS: Final = tuple(_REPORTS)
RETURNED_FOR: Final = ("not_collected", "damaged", "not_found")
"""Reasons for which goods are not delivered; the first one when none is given."""
_FIELDS: Final = frozenset({"id", "kind", "task", "at", "reason"})
_ENDED: Final = {
    "delivered": "it was delivered, and nothing more is to be said of it",
    "returned": "it was returned, and nothing more is to be said of it",
    "cancelled": "it was called off: bring the goods back to the store, which knows what to do with them",
}


class Known(Protocol):
    """The deliveries of the carrier as they are known here."""

    def delivery(self, task: str) -> Row | None:
        """The TaskRow of a hand-over that the carrier was given."""


def translate(pool: str, partner: str, payload: Payload, known: Known, received_at_ms: int) -> Told:
    """The report that a message means. Raises MessageRefused."""
    name, kind = name_of(partner, payload), check_form(payload, _FIELDS, KINDS, "docs/carriers.md")
    task = text_of(payload, "task", "delivery")
    reason = _reason(kind, payload)
    at_ms = min(time_ms_of(payload, "at", received_at_ms), received_at_ms)
    row = known.delivery(task)
    if row is None:
        raise MessageRefused(
            404, "unknown_delivery",
            f"{shorten(task)} is no delivery that you were given: compare its code with the manifest, and leave the "
            "goods in the store; if it was handed to you just now, send again",
        )  # fmt: skip
    status = status_of(row)
    if status not in STANDING:
        raise MessageRefused(409, "delivery_ended", _ENDED[status])
    if kind in ("failed", "returned") and status != OUT:
        raise MessageRefused(
            409, "not_scanned_out",
            "its goods are still with the store: send scanned_out first; if you did just now, send again",
        )  # fmt: skip
    return record_of(
        FulfilmentReport,
        {
            "pool": pool, "store": row["store"], "report_id": name, "kind": _REPORTS[kind], "task": task,
            "reason": reason, "worker": partner, "occurred_at_ms": at_ms, "recorded_at_ms": received_at_ms,
            "origin": partner,
        },
    )  # fmt: skip


def _reason(kind: str, payload: Payload) -> str | None:
    given = payload.get("reason")
    if kind != "returned":
        if given is not None:
            raise bad("reason belongs to returned: leave it out")
        return None
    if given is not None and given not in RETURNED_FOR:
        raise bad(f"reason is {shorten(given)}: write one of {', '.join(RETURNED_FOR)}")
    return RETURNED_FOR[0] if given is None else str(given)
