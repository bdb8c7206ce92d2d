"""Stores and items that settings name, and quantities that are meant in an item's unit. Pure.

A setting must name what is there. Stores are settings, too, so that their order is that of the topic; items come before
all settings that were published after them.
"""

from collections.abc import Iterator
from typing import Literal

from schemas.types.config import Change, Contribution
from streams.catalog.pool_config import PoolConfig

Reference = tuple[Literal["store", "item"], str]
"""What is named, and its id or SKU."""


def references(change: Change) -> Iterator[Reference]:
    """The pool's own stores and items that a setting names and does not itself declare."""
    if change[0] == "commonshelf.StoreItemSettings" or change[0] == "commonshelf.LentQuota":
        yield "store", change[1]["store"]
        yield "item", change[1]["sku"]
    elif change[0] == "commonshelf.CodeMapping":
        if change[1]["store"] is not None:
            yield "store", change[1]["store"]
        if change[1]["sku"] is not None:
            yield "item", change[1]["sku"]
    elif change[0] == "commonshelf.ItemQuota":
        yield "item", change[1]["sku"]
        for quota in change[1]["stores"]:
            yield "store", quota["store"]
    elif change[0] == "commonshelf.Agreement":
        for price in change[1]["list_prices"]:
            yield "item", price["sku"]
    elif change[0] == "commonshelf.PickupPlace":
        for store in change[1]["stores"]:
            yield "store", store
    elif change[0] == "commonshelf.LocalCalendar":
        for event in change[1]["events"]:
            for store in event["stores"]:
                yield "store", store
            for sku in event["skus"]:
                yield "item", sku
    elif change[0] == "commonshelf.Dispute":
        yield "store", change[1]["store"]


def unknown_reference(config: PoolConfig, change: Change) -> Reference | None:
    """The first store or item that a setting names and the pool has not."""
    for kind, name in references(change):
        if name not in (config.stores if kind == "store" else config.items):
            return kind, name
    return None


def set_in_unit(config: PoolConfig, sku: str) -> str | None:
    """A setting whose quantity is meant in the unit of the item; None when there is none."""
    quota = config.quotas.get(sku)
    if quota is not None and (
        quota["per_store_milli"] is not None or quota["per_customer_milli"] is not None or quota["stores"]
    ):
        return "its quota"
    for (to_pool, store, lent), milli in config.lent_quotas.items():
        if lent == sku and milli:
            return f"what store {store} lends pool {to_pool} of it"
    for store in config.stores:
        own = config.own_terms(store, sku)
        if own is not None and (own["safety_stock_milli"] or _is_in_units(own["contribution"])):
            return f"the terms of store {store} for it"
    for kit in config.items.values():
        if any(part["sku"] == sku for part in kit.get("parts", ())):
            return f"the kit {kit['sku']}"
    return None


def _is_in_units(contribution: Contribution | None) -> bool:
    return contribution is not None and contribution["kind"] != "share"
