"""Demand of orders, at the store where it was wanted; and what transfers bring and take."""

from typing import Any

from schemas.types.requests import OrderTerms
from schemas.types.restock import TransitRow, WantedOrderRow
from schemas.types.transfers import TransferLine, TransferRow
from streams.pool.journal.elsewhere import is_elsewhere
from streams.pool.journal.facts import (
    FULFILMENT_REPORT_DECIDED,
    ORDER_CHANGED,
    ORDER_REQUEST_DECIDED,
    TRANSFER_CHANGED,
    TRANSFER_REQUEST_DECIDED,
)
from streams.pool.orders.geo import distance_m, geohash_centre, is_geohash
from streams.restock.history.pool import PoolHistory
from streams.restock.history.tables import TRANSITS, WANTED


def take_order(history: PoolHistory, kind: str, fields: Any) -> None:
    """Count what an order wants once, on the day it was placed; and what of it nobody fills, as that changes."""
    if kind not in (ORDER_REQUEST_DECIDED, ORDER_CHANGED, FULFILMENT_REPORT_DECIDED):
        return
    order = fields["order"]
    if order is None or order["for_pool"] is not None or is_elsewhere(order["order"]):
        return
    key = (history.pool, order["order"])
    known = history.tables[WANTED].get(key)
    is_placed = (
        kind == ORDER_REQUEST_DECIDED and fields["outcome"] == "accepted" and fields["request"]["kind"] == "placed"
    )
    if known is None and not is_placed:
        return
    store = _wanted_store(history, order["terms"]) if known is None else known["store"]
    if store is None:
        return
    wanted: WantedOrderRow = {
        "pool": history.pool, "order": order["order"], "store": store,
        "day": history.counted_day(store, order["placed_at_ms"]) if known is None else known["day"],
        "lines": [
            {"sku": line["sku"], "quantity_milli": line["quantity_milli"], "unfilled_milli": line["unfilled_milli"]}
            for line in order["lines"]
        ],
    }  # fmt: skip
    if known is not None:
        _want(history, known, -1)
    _want(history, wanted, 1)
    if order["status"] == "ended":
        history.tables[WANTED].delete(key)
    else:
        history.tables[WANTED].put(key, wanted)


def _want(history: PoolHistory, wanted: WantedOrderRow, sign: int) -> None:
    store, day = wanted["store"], max(wanted["day"], history.row["learned_day"] + 1)
    for line in wanted["lines"]:
        there = history.open_day(history.shelf(store, line["sku"], day), day)
        there["ordered_milli"] += sign * line["quantity_milli"]
        there["unmet_milli"] += sign * line["unfilled_milli"]


def _wanted_store(history: PoolHistory, terms: OrderTerms) -> str | None:
    """The store that the customer names, or else the one nearest to the place."""
    stores = history.config.stores
    if terms["preferred_store"] in stores:
        return terms["preferred_store"]
    if terms["geohash"] is None or not is_geohash(terms["geohash"]):
        return None
    there = geohash_centre(terms["geohash"])
    near = [(distance_m(there, (one["latitude_e6"], one["longitude_e6"])), name) for name, one in stores.items()]
    return min(near)[1] if near else None


def take_transfer(history: PoolHistory, kind: str, fields: Any) -> None:
    """Note what a transfer still takes from one shelf, and brings to another."""
    if kind not in (TRANSFER_REQUEST_DECIDED, TRANSFER_CHANGED, FULFILMENT_REPORT_DECIDED):
        return
    transfer: TransferRow | None = fields["transfer"]
    if transfer is None:
        return
    key = (history.pool, transfer["transfer"])
    before = history.tables[TRANSITS].get(key)
    if before is not None:
        history.load_transit(before, -1)
    if transfer["status"] == "ended":
        if before is not None:
            history.tables[TRANSITS].delete(key)
        return
    row: TransitRow = {
        "pool": history.pool, "transfer": transfer["transfer"], "from_store": transfer["from_store"],
        "to_store": transfer["to_store"],
        "lines": [
            {"sku": line["sku"], "leaving_milli": line["held_milli"], "coming_milli": _coming_milli(transfer, line)}
            for line in transfer["lines"]
        ],
    }  # fmt: skip
    history.tables[TRANSITS].put(key, row)
    history.load_transit(row)


def _coming_milli(transfer: TransferRow, line: TransferLine) -> int:
    if transfer["is_returning"]:
        return 0
    sent = line["shipped_milli"] if transfer["is_shipment_reported"] else line["asked_milli"]
    return max(sent - line["received_milli"] - line["returned_milli"] - line["damaged_milli"] - line["lost_milli"], 0)
