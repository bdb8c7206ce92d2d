"""Transfers on a bench: placed, told, and where every unit is."""

from typing import Any

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.requests import OrderRequest
from schemas.topics import CATALOG_ITEMS, FULFILMENT_REPORTS, ORDERS_REQUESTS
from tests.support.pool import (
    BREAD,
    MILK,
    NOON_MS,
    OTHER_STORE,
    POOL,
    STORE,
    PoolBench,
    decode_row,
    fulfilment_report,
    furnished,
    line,
    wanted,
)

TRANSFER = "t1"


def stocked(milk_milli: int = 10_000, bread_milli: int = 5_000) -> PoolBench:
    """STORE has goods of known cost, OTHER_STORE none."""
    bench = furnished()
    for sku, cost_minor in ((MILK, 79), (BREAD, 250)):
        item = CatalogItem(pool=POOL, sku=sku, name=sku, cost_minor=cost_minor, recorded_at_ms=NOON_MS + 1)
        bench.put(CATALOG_ITEMS.name, topic_codec(CATALOG_ITEMS.name).encode(item.to_avro()))
    opened_at_ms = NOON_MS - 60_000
    bench.report("received", "r0", line(milk_milli), line(bread_milli, BREAD), occurred_at_ms=opened_at_ms)
    return bench


def place(bench: PoolBench, *lines: dict[str, Any], transfer: str = TRANSFER, **fields: Any) -> None:
    """Ask for a transfer from STORE to OTHER_STORE."""
    ends = {"from_store": fields.pop("from_store", STORE), "to_store": fields.pop("to_store", OTHER_STORE)}
    raw = fields.pop("raw", False)
    plain = {
        "pool": POOL, "order": transfer, "kind": "placed", "key": f"{transfer}/placed", "recorded_at_ms": NOON_MS,
        "origin": "test", "terms": None, "transfer": {**ends, "lines": list(lines or [wanted(6_000)])}, **fields,
    }  # fmt: skip
    checked = plain if raw else OrderRequest.model_validate(plain).to_avro()
    bench.put(ORDERS_REQUESTS.name, topic_codec(ORDERS_REQUESTS.name).encode(checked))


def came(quantity_milli: int, item: str = MILK, **fields: Any) -> dict[str, Any]:
    """A line of a report about a transfer."""
    return {"line_id": item.lower(), "quantity_milli": quantity_milli, **fields}


def tell(bench: PoolBench, kind: str, *lines: dict[str, Any], transfer: str = TRANSFER, **fields: Any) -> None:
    """The sender ships, or the receiver receives, unless `store` says who speaks."""
    store = {"shipped": STORE, "received": OTHER_STORE}.get(kind, STORE)
    at_ms = {"shipped": NOON_MS, "received": NOON_MS + 1_000}.get(kind, NOON_MS)
    fields = {
        "store": store, "transfer": transfer, "report_id": f"{transfer}/{kind}", "occurred_at_ms": at_ms, **fields,
    }  # fmt: skip
    value = fulfilment_report(kind, None, *lines, **fields)
    bench.put(FULFILMENT_REPORTS.name, value)


def row(bench: PoolBench, transfer: str = TRANSFER) -> dict[str, Any]:
    """The transfer's committed row."""
    bench.commit()
    found: dict[str, Any] = decode_row(bench.committed.rows[f"transfer/{POOL}/{transfer}"])
    return found


def in_transit(bench: PoolBench, sku: str = MILK) -> int:
    """On the way in any transfer, worked out from what was told: sent or come, less what came and what is lost."""
    bench.commit()
    found = 0
    for key, raw in bench.committed.rows.items():
        for one in decode_row(raw)["lines"] if key.startswith("transfer/") else ():
            if one["sku"] == sku:
                arrived = one["received_milli"] + one["returned_milli"] + one["damaged_milli"]
                sent = max(arrived, one["shipped_milli"] - one["mis_shipped_milli"])
                found += sent - arrived - one["lost_milli"]
    return found


def gone(bench: PoolBench, sku: str = MILK) -> int:
    """Damaged or lost in any transfer."""
    bench.commit()
    return sum(
        one["damaged_milli"] + one["lost_milli"]
        for key, raw in bench.committed.rows.items()
        if key.startswith("transfer/")
        for one in decode_row(raw)["lines"]
        if one["sku"] == sku
    )


def recounts(bench: PoolBench) -> set[tuple[str, str]]:
    """(store, sku) of every recount under way."""
    return {
        (one["store"], one["lines"][0]["sku"]) for one in bench.tasks().values()
        if one["kind"] == "recount" and one["status"] == "open"
    }  # fmt: skip


def discrepancies(bench: PoolBench) -> dict[tuple[str, str], tuple[int, int | None]]:
    """(sku, kind) → (thousandths, minor units): the sum of all that the journal tells, zeros left out."""
    found: dict[tuple[str, str], tuple[int, int | None]] = {}
    for entry in bench.journal():
        for one in entry.fact[1].get("discrepancies", ()):
            key, value = (one["sku"], one["kind"]), one["value_minor"]
            milli, minor = found.get(key, (0, 0))
            found[key] = (milli + one["quantity_milli"], None if None in (minor, value) else (minor or 0) + value)
    return {key: sums for key, sums in found.items() if sums[0]}
