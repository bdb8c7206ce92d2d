"""Each export of a well-known till, as its vendor lays it out, from the drop folder's reader to the pool's shelf."""

from pathlib import Path

import pytest

from connectors.drop_folder.formats import read_events
from connectors.drop_folder.settings import DropFolderSpec
from schemas.codec import topic_codec
from schemas.models.config import CodeMapping, PoolSettings, StoreSettings
from schemas.models.pos import Sale
from schemas.topics import POS_SALES, POS_STOCK
from tests.support.pool import PoolBench
from tests.unit.connectors.test_handed_files import FILES
from tests.unit.connectors.test_known_tills import EXPORTS, GTIN

NOW_MS = 1_790_000_000_000
YEAR_MS = 365 * 86_400_000
BARCODE = f"gtin:0{GTIN}"
STOCK = {
    "square_library": {BARCODE: 12_000}, "shopify_inventory": {"sku:FERN-1": 5_000},
    "toast_selections": {"sku:SALSA": -2_000},
    "sumup": {"item:Coffee beans": -1_000}, "sumup_de": {"item:Kaffeebohnen": -1_000, "sku:SEIFE-1": -1_000},
    "sumup_fr": {"item:Pommes": -10_575}, "zettle": {BARCODE: -2_000, "sku:SOAP-M": 1_000},
    "clover": {BARCODE: -1_000, "sku:APPLES": -907},
    "woocommerce_products": {BARCODE: 7_000, "sku:SHIRT-M": 3_000},
}  # fmt: skip
HANDED = {
    "dropfolder-square-items-detail": {BARCODE: -1_000},
    "dropfolder-shopify-orders-export": {"sku:FERN-1": -2_000, "sku:TOTE-1": -1_000},
    "dropfolder-shopify-export-cancelled-pending": {"sku:MUG-1": -1_000},
    "dropfolder-vend-sales-ledger": {"sku:MILK-1L": -2_000, "sku:BREAD": -1_000},
    "dropfolder-loyverse-receipts-cancelled": {},
    "dropfolder-loyverse-us-clock": {"sku:10221": -3_000},
}


def on_hand(content, kind):
    """On hand by code, but for what is nothing, of a store that has sales or, for levels, none."""
    bench = PoolBench()
    bench.configure(PoolSettings(name="North", late_limit_ms=YEAR_MS))
    bench.configure(StoreSettings(store="corner", name="Corner", reports_sales=kind == "sales"))
    spec = DropFolderSpec(
        pool="north", store="corner", folder=Path("unused"), time_zone="America/New_York", currency="USD",
        late_limit_ms=YEAR_MS,
    )  # fmt: skip
    batches = list(read_events("export.csv", content, kind, spec, NOW_MS))
    assert [problem for batch in batches for problem in batch.problems] == []
    events = [event for batch in batches for event in batch.events]
    units = {line.code: line.unit for event in events for line in event.lines}
    for code, unit in units.items():
        bench.stock_item(code, unit)
        bench.configure(CodeMapping(code=code, sku=code))
    for event in events:
        topic = (POS_SALES if isinstance(event, Sale) else POS_STOCK).name
        bench.put(topic, topic_codec(topic).encode(event.to_avro()), NOW_MS)
    assert bench.reasons() == []
    return {code: milli for code in units if (milli := bench.on_hand(code))}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_leaves_the_right_stock(name):
    content, kind, _, _ = EXPORTS[name]
    assert on_hand(content.encode(), kind) == STOCK[name]


@pytest.mark.parametrize("name", HANDED)
def test_an_export_of_receipts_leaves_the_right_stock(name):
    assert on_hand((FILES / f"{name}.csv").read_bytes(), "sales") == HANDED[name]
