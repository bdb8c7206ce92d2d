"""The live view fits the terminal, and shows what matters on a small one."""

from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

from commonshelf.demo.customers import OrderTally
from commonshelf.demo.latency import Latencies
from commonshelf.demo.ledger_watch import LedgerView, PromisedStock
from commonshelf.demo.orders_watch import OrdersView
from commonshelf.demo.tally import TillTally
from commonshelf.demo.view import DemoView

SKUS = tuple(f"sku-{number}" for number in range(20))
URLS = {f"page {number}": f"http://127.0.0.1:{number}" for number in range(5)}
SCENARIO = SimpleNamespace(
    consortium=SimpleNamespace(
        pool=SimpleNamespace(name="Riverside"), members=range(34), watched=SKUS,
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
        shown.refresh(view, TillTally(), OrdersView(), OrderTally(placed=9, lines=20))
        lines = console.render_lines(shown._picture(view, TillTally(), OrdersView(), OrderTally(placed=9, lines=20)))
    assert len(lines) < height
    text = "\n".join("".join(part.text for part in line) for line in lines)
    assert sum(sku in text for sku in SKUS) >= least
    assert "Ctrl-C" in text
