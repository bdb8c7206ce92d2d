"""What a rig offers to the contract suite (tests/contract/test_vendor_contract.py)."""

import time
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

from tests.support.vendor_server import Answer, Received

NOW_MS = time.time_ns() // 1_000_000
"""When the tests were collected. A real host reads from its own start on: its tests set the times that they need,
or have `clock_of_the_rigs`."""
HOUR_MS = 3_600_000
CANARY = "CANARY-Mustermann-4111111111"
"""A rig puts it into every field of its vendor's that people fill: names, notes, addresses, card data."""


def clock_of_the_rigs(monkeypatch) -> None:
    """Let the machine's clock say NOW_MS and go on from there: a suite that takes an hour finds its orders new."""
    begun_ns = time.monotonic_ns()

    def time_ns() -> int:
        return NOW_MS * 1_000_000 + time.monotonic_ns() - begun_ns

    monkeypatch.setattr("messaging.clock.time", SimpleNamespace(**(vars(time) | {"time_ns": time_ns})))


@dataclass(frozen=True)
class Order:
    """A paid order as the vendor has it. lines: (item's id at the vendor, quantity)."""

    id: str
    lines: tuple[tuple[str, str], ...] = (("milk", "2"),)
    version: int = 1
    at_ms: int = NOW_MS
    """Created, paid, and updated, unless it is a revision."""
    updated_at_ms: int = 0

    @property
    def changed_at_ms(self) -> int:
        return self.updated_at_ms or self.at_ms

    def revised(self, *lines: tuple[str, str]) -> "Order":
        """Its next revision, a minute later."""
        return replace(self, lines=lines, version=self.version + 1, updated_at_ms=self.changed_at_ms + 60_000)


Notice = tuple[dict[str, str], bytes]
"""Headers and body of a webhook."""


@dataclass
class VendorRig:
    """A vendor. Subclasses give what its documentation says; `orders` are its books."""

    kind = ""
    has_webhooks = True
    token: str = "token-that-is-in-use-now"
    secret: bytes = b"webhook-secret-of-grocer-7"
    orders: dict[str, Order] = field(default_factory=dict)
    now_ms: int = NOW_MS

    def options(self) -> dict[str, object]:
        """What the connector needs besides token, secret and address."""
        return {}

    def record(self, *orders: Order) -> None:
        """They are in the vendor's books now."""
        for order in orders:
            self.orders[order.id] = order

    def changed_since(self, at_ms: int) -> list[Order]:
        """The orders as the vendor lists them: by the time of their last change, from `at_ms` on."""
        found = [order for order in self.orders.values() if order.changed_at_ms >= at_ms]
        return sorted(found, key=lambda order: order.changed_at_ms)

    def answer(self, request: Received) -> Answer | None:
        """As documented; 401 for another token than `token`; None for what the vendor does not offer."""
        raise NotImplementedError

    def notice(self, order: Order) -> Notice:
        """The webhook about `order`, signed with `secret`."""
        raise NotImplementedError

    def signed(self, body: bytes) -> dict[str, str]:
        """Headers of a webhook with `body`, signed with `secret`."""
        raise NotImplementedError

    def write_back(self) -> Notice | None:
        """Put a write of our own into the vendor's books. Returns the webhook about it, where there is one."""
        raise NotImplementedError
