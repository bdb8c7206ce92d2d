"""The live view fits the terminal, and shows what matters on a small one."""

from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

from commonshelf.demo.customers import OrderTally
from commonshelf.demo.faults import Outage
from commonshelf.demo.latency import Latencies
from commonshelf.demo.ledger_watch import LedgerView, PromisedStock
from commonshelf.demo.orders_watch import OrdersView
from commonshelf.demo.pickup_watch import PickupView
from commonshelf.demo.restock_watch import RestockView
from commonshelf.demo.settlement_watch import SettlementView
from commonshelf.demo.tally import TillTally
from commonshelf.demo.view import DemoView
from tests.support.restock import proposal

SKUS = tuple(f"sku-{number}" for number in range(20))
URLS = {f"page {number}": f"http://127.0.0.1:{number}" for number in range(5)}
OUTAGES = [Outage(at_s, 380, 0.5, 1.9, 2.6) for at_s in (5.0, 22.0)]
SCENARIO = SimpleNamespace(
    consortium=SimpleNamespace(
        pool=SimpleNamespace(name="Riverside", currency="EUR"), members=range(34), watched=SKUS,
        item_names={sku: f"Item of some length {sku}" for sku in SKUS},
    ),
    latencies=Latencies({}, lambda _store, _recorded_ms: None), shops_clock=lambda: "Mon 09:00",
)  # fmt: skip


@pytest.mark.parametrize(("height", "least"), [(24, 3), (30, 8), (60, 20)])
def test_the_picture_fits_the_terminal(height, least):
    console = Console(file=StringIO(), force_terminal=True, width=80, height=height)
    view = LedgerView(lines_applied=1_000, shelves={
        sku: {"anna": PromisedStock(4_000, "each")} for sku in SKUS
    })  # fmt: skip
    with DemoView(console, SCENARIO, URLS) as shown:
        shown.outages = OUTAGES
        settled = SettlementView(crossed_minor=123_456_78, debts=31_234, payments=33, windows_closed=9)
        restocked = RestockView(transfers=4)
        restocked.take("restock.proposals.v1", proposal(status="approved"))
        row = {"status": "no_show", "window_from_ms": 0, "window_until_ms": 900_000}
        pickup = PickupView({("o", "anna"): row})
        orders = OrdersView(orders={"o": 1})
        state = (view, TillTally(), orders, OrderTally(9, 20), pickup, settled, restocked)
        shown.link("a customer's page", "http://127.0.0.1:43210/front-desk/customer/order-1/ABCDEFGH/" + "x" * 22)
        shown.refresh(*state)
        lines = console.render_lines(shown._picture(*state))
    assert len(lines) < height
    text = "\n".join("".join(part.text for part in line) for line in lines)
    assert sum(sku in text for sku in SKUS) >= least
    assert "Ctrl-C" in text
    assert "a customer's page" in text
    assert "1, 1 no-shows" in text
    assert "15 min wide" in text
    assert "123,456.78 EUR" in text
    assert "33 of 31,234" in text
    assert "1 proposals" in text
    assert text.count("worker killed at") == 1
    assert "1, 4 transfers" in text
