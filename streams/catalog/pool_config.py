"""The settings of one pool, as its config topic has told them: stores, items, codes, terms.

Pure and small enough to hold in memory; changed only by journaled facts, so that a replay sees the same.
"""

from collections.abc import Mapping
from typing import TypeVar, cast

from schemas.models.config import PoolSettings
from schemas.types import config as types
from schemas.types.catalog import CatalogItem
from schemas.types.pos import Unit
from streams.catalog.goods import Meaning, Terms
from streams.catalog.weighed import Label, label_of

K = TypeVar("K")
V = TypeVar("V")
_Mapped = tuple[str, types.PieceMeasure | None]
"""(SKU, what one piece of the code is)"""
Plain = tuple[str, Unit]
"""(SKU, its unit): the meaning of a code of which one unit is one unit of the item. Exactly a tuple, for it is read of
each line of each sale, and a tuple's subclass takes five times as long.
"""
_NONE: Mapping[str, Plain] = {}
_OF_OTHERS = ("commonshelf.Agreement", "commonshelf.Dispute", "commonshelf.LocalCalendar")
"""Kinds of settings that settlement and restock keep themselves."""
_DEFAULT_POOL = cast("types.PoolSettings", PoolSettings(name="-").to_avro())


class PoolConfig:
    """Stores, items, code mappings and parked offsets of one pool."""

    def __init__(self) -> None:
        self.pool: types.PoolSettings = _DEFAULT_POOL
        self.stores: dict[str, types.StoreSettings] = {}
        self.away: set[str] = set()
        """Stores that have left, or not joined yet; told by the pool's own facts."""
        self.lenders: dict[str, types.StoreSettings] = {}
        """Stores of other pools that lend to this one, as `store@pool`; told by loans, not by settings."""
        self.lent_quotas: dict[tuple[str, str, str], int] = {}
        """(other pool, own store, SKU) → thousandths that are lent to it at most."""
        self.places: dict[str, types.PickupPlace] = {}
        self.places_of: dict[str, list[str]] = {}
        """Store → the places where it hands over, by id."""
        self.items: dict[str, CatalogItem] = {}
        self.quotas: dict[str, types.ItemQuota] = {}
        self._kits_of: dict[str, set[str]] = {}
        """SKU → the kits that it is a part of."""
        self._terms: dict[tuple[str, str], types.StoreItemSettings] = {}
        self._codes: dict[str, _Mapped] = {}
        self._store_codes: dict[tuple[str, str], _Mapped] = {}
        self._own_codes: dict[str, str] = {}
        self._claimants: dict[str, set[str]] = {}
        """Code → the items that have it, where they are several."""
        self._meanings: dict[str, Meaning] = {}
        self._plain: dict[str, Plain] = {}
        self.parked: dict[tuple[str, int, int], str] = {}
        self.accepted_gaps: set[tuple[str, int, int, int, str]] = set()
        """(topic, partition, offset, until, topic id) of records that an operator gave up."""
        self.confirmed_clock_ms = 0
        """Until when an operator has said that it is so late, ms since 1970 UTC."""

    def meaning(self, store: str, code: str) -> Meaning | None:
        """What `code` means in `store`: its own list first, then the pool's, then the items' own GTINs and SKUs.

        The label of a scale that means nothing itself means what its item's code means.
        """
        if self._store_codes:
            mapped = self._store_codes.get((store, code))
            if mapped is not None:
                return self._meaning_of(*mapped)
        meaning = self._meanings.get(code)
        if meaning is None:
            lasting = self.lasting_code(code)
            if lasting != code:
                return self.meaning(store, lasting)
        return meaning

    def plain_meaning(self, store: str, code: str) -> Plain | None:
        """The same of a code of which one unit is one unit of the item; None for any other."""
        return _plain(self.meaning(store, code))

    def plain_meanings(self) -> Mapping[str, Plain]:
        """Code → its plain meaning in every store; empty while any store has a list of its own, which comes first."""
        return _NONE if self._store_codes else self._plain

    def label(self, code: str) -> Label | None:
        """What `code` is as the label of a scale in the pool's region; None for any other code."""
        region = self.pool.get("weighed_codes_region")
        return None if region is None else label_of(code, region)

    def lasting_code(self, code: str) -> str:
        """The code that a mapping names for `code`: of a scale's label the one that all labels of the item share."""
        label = self.label(code)
        return code if label is None else label.code

    def codes(self, store: str | None) -> dict[str, str]:
        """Code → SKU of `store`'s own list, or of the pool's for None."""
        if store is None:
            return {code: sku for code, (sku, _) in self._codes.items()}
        return {code: sku for (of, code), (sku, _) in self._store_codes.items() if of == store}

    def _mean(self, code: str) -> None:
        """Bring the pool's meaning of `code` up to date."""
        own = None if code in self._claimants else self._own_codes.get(code)
        mapped = self._codes.get(code) or (None if own is None else (own, None))
        meaning = None if mapped is None else self._meaning_of(*mapped)
        _put(self._meanings, code, meaning)
        _put(self._plain, code, _plain(meaning))

    def _meaning_of(self, sku: str, piece: types.PieceMeasure | None) -> Meaning:
        item = self.items.get(sku)
        if item is None:
            return Meaning(sku, None)
        parts = item.get("parts", ())
        return Meaning(sku, item["unit"], Terms(piece, parts) if piece or parts else None)

    def unit(self, sku: str) -> Unit | None:
        """Unit in which the pool counts `sku`; None for an item that the product master lacks."""
        item = self.items.get(sku)
        return None if item is None else item["unit"]

    def kit_with(self, sku: str) -> str | None:
        """A kit that `sku` is a part of, the first by name; None for an item that is in none."""
        return min(self._kits_of.get(sku, ()), default=None)

    def terms(self, store: str, sku: str) -> tuple[str, int, int] | None:
        """What `store` lends of `sku`: (contribution kind, its value, safety stock in thousandths).

        None when nothing is lent: the store is unknown, closed or away, the item unknown or not listed.
        """
        terms = self.usual_terms(store) if sku in self.items else None
        own = None if terms is None else self._terms.get((store, sku))
        if terms is None or own is None:
            return terms
        if not own["listed"]:
            return None
        kind, value, safety_milli = terms
        if own["contribution"]:
            kind, value = own["contribution"]["kind"], own["contribution"]["value"]
        return kind, value, safety_milli if own["safety_stock_milli"] is None else own["safety_stock_milli"]

    def usual_terms(self, store: str) -> tuple[str, int, int] | None:
        """What `store` lends of each item that has no terms of its own there; None for a store that lends nothing."""
        settings = self.stores.get(store) or self.lenders.get(store)
        if settings is None or not settings["open"] or store in self.away:
            return None
        contribution = settings["contribution"]
        return contribution["kind"], contribution["value"], settings["safety_stock_milli"]

    def is_open(self, store: str) -> bool:
        """Whether a store of the pool, or one that lends to it, may be promised something."""
        settings = self.stores.get(store) or self.lenders.get(store)
        return settings is not None and settings["open"] and store not in self.away

    def reachable(self) -> dict[str, types.StoreSettings]:
        """Every store that orders may get goods from: the pool's own, and those that lend to it."""
        return {**self.stores, **self.lenders} if self.lenders else self.stores

    def own_contribution(self, store: str, sku: str) -> types.Contribution | None:
        """What `store` set for `sku` itself; None when the store's own terms hold."""
        own = self.own_terms(store, sku)
        return None if own is None else own["contribution"]

    def own_terms(self, store: str, sku: str) -> types.StoreItemSettings | None:
        """The terms of `store` for `sku` alone; None when the store's own hold."""
        return self._terms.get((store, sku))

    def apply_change(self, change: types.Change) -> None:
        """Take a ConfigChange's record with its Avro name. Raises ValueError for an unknown kind."""
        if change[0] == "commonshelf.PoolSettings":
            self.pool = change[1]
        elif change[0] == "commonshelf.StoreSettings":
            self.stores[change[1]["store"]] = change[1]
        elif change[0] == "commonshelf.StoreItemSettings":
            self._terms[change[1]["store"], change[1]["sku"]] = change[1]
        elif change[0] == "commonshelf.CodeMapping":
            self._map(change[1])
        elif change[0] == "commonshelf.ParkedOffset":
            self.parked[change[1]["topic"], change[1]["partition"], change[1]["offset"]] = change[1]["reason"]
        elif change[0] == "commonshelf.AcceptedGap":
            gap = change[1]
            self.accepted_gaps.add((gap["topic"], gap["partition"], gap["offset"], gap["until"], gap["topic_id"]))
        elif change[0] == "commonshelf.ItemQuota":
            self.quotas[change[1]["sku"]] = change[1]
        elif change[0] == "commonshelf.LentQuota":
            lent = change[1]
            self.lent_quotas[lent["to_pool"], lent["store"], lent["sku"]] = lent["quantity_milli"]
        elif change[0] == "commonshelf.ClockConfirmation":
            self.confirmed_clock_ms = change[1]["at_ms"]
        elif change[0] == "commonshelf.PickupPlace":
            self._open_place(change[1])
        elif change[0] not in _OF_OTHERS:
            raise ValueError(f"unknown config change {change[0]}")

    def _open_place(self, place: types.PickupPlace) -> None:
        self.places[place["place"]] = place
        self.places_of = {}
        for name in sorted(self.places):
            for store in self.places[name]["stores"]:
                self.places_of.setdefault(store, []).append(name)

    def _map(self, change: types.CodeMapping) -> None:
        store, code, sku = change["store"], change["code"], change["sku"]
        mapped = None if sku is None else (sku, change.get("piece"))
        if store is not None:
            _put(self._store_codes, (store, code), mapped)
        else:
            _put(self._codes, code, mapped)
            self._mean(code)

    def apply_item(self, item: CatalogItem) -> None:
        """Take a CatalogItem; its GTIN, if any, and `sku:` code map to it by themselves."""
        sku = item["sku"]
        before = self.items.get(sku)
        self.items[sku] = item
        for part in before.get("parts", ()) if before is not None else ():
            self._kits_of[part["sku"]].discard(sku)
        for part in item.get("parts", ()):
            self._kits_of.setdefault(part["sku"], set()).add(sku)
        if before is not None and before["gtin"] is not None and before["gtin"] != item["gtin"]:
            self._give_up(f"gtin:{before['gtin']}", sku)
        own = [f"sku:{sku}"] if item["gtin"] is None else [f"sku:{sku}", f"gtin:{item['gtin']}"]
        for code in own:
            self._claim(code, sku)
        if before is None or before["unit"] != item["unit"] or before.get("parts") != item.get("parts"):
            for code in [code for code, mapped in self._codes.items() if mapped[0] == sku]:
                self._mean(code)

    def _claim(self, code: str, sku: str) -> None:
        """A code that two items have means neither, until a mapping says which or one of them gives it up."""
        owner = self._own_codes.setdefault(code, sku)
        if owner != sku:
            self._claimants.setdefault(code, {owner}).add(sku)
        self._mean(code)

    def _give_up(self, code: str, sku: str) -> None:
        rivals = self._claimants.get(code, set()) - {sku}
        if len(rivals) > 1:
            self._claimants[code] = rivals
        else:
            self._claimants.pop(code, None)
        if self._own_codes.get(code) == sku or rivals:
            _put(self._own_codes, code, min(rivals, default=None))
        self._mean(code)


def _plain(meaning: Meaning | None) -> Plain | None:
    if meaning is None or meaning.unit is None or meaning.terms is not None:
        return None
    return meaning.sku, meaning.unit


def _put(codes: dict[K, V], key: K, meaning: V | None) -> None:
    if meaning is None:
        codes.pop(key, None)
    else:
        codes[key] = meaning
