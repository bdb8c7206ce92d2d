"""Deliveries as the pool tells them, and a reference carrier on a port."""

from contextlib import contextmanager

from connectors.carriers.reference.app import ReferenceCarrier
from connectors.carriers.reference.store import Deliveries
from connectors.http.secrets import Secrets
from connectors.specs import SecretSource
from tests.support.arrival import serving

REFERENCE = "adr-0f3c59d1c2a84be29d7e6f5a4b3c2d1e"


def delivery_row(pool, task, **more):
    """A TaskRow: goods of an order that the mill has picked for a carrier."""
    return {
        "pool": pool, "task": task, "kind": "hand_over", "store": "mill", "order": "R-1", "transfer": None,
        "status": "open", "reason": "", "worker": None, "priority": 0, "escalations": 0,
        "opened_at_ms": 1_772_352_000_000, "claim_by_ms": 0, "due_ms": 1_772_442_000_000, "lease_until_ms": 0,
        "ended_at_ms": 0, "forget_at_ms": 0, "lines": [{"line_id": "1", "sku": "MILK", "quantity_milli": 2_000}],
        "reports": [], "reports_forgotten_ms": 0, "position": 7,
        "delivery": {"address_ref": REFERENCE, "geohash": "u33db", "deadline_ms": 1_772_355_600_000},
        **more,
    }  # fmt: skip


@contextmanager
def reference_carrier(partner, secret_file, folder, now_s=None, before=lambda app: app):
    """(the address for its messages, what it keeps) of a carrier that serves in this process.

    before: makes an app that stands before the carrier's.
    """
    deliveries = Deliveries(folder / f"{partner}.sqlite3")
    clock = {} if now_s is None else {"now_s": now_s}
    carrier = ReferenceCarrier(partner, Secrets([SecretSource(file=secret_file)]), deliveries, **clock)
    with serving(before(carrier.app)) as url:
        yield f"{url}/hooks/{partner}", deliveries
    deliveries.close()
