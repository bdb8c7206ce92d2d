"""Items that a code may mean, with a score of 100 and the evidence: barcodes first, then the similarity of names. Pure.

Names are compared by rapidfuzz's WRatio, whose score is capped below that of a barcode: alike is not the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process, utils

from connectors.contract import Refused
from connectors.parsing.codes import code_of
from streams.catalog import PoolConfig

BARCODE_SCORE = 100
_SAME_TEXT_SCORE = 95
CERTAIN_SCORE = _SAME_TEXT_SCORE
"""From here on a list for import takes the suggestion as decided."""
_LABEL_SCORE = 85
_PACK_SCORE = 80
_NAME_SCORE_MAX = 90
_NAME_SCORE_MIN = 60
_NOT_TEXT = re.compile(r"[^0-9a-z]+")


@dataclass(frozen=True)
class TillItem:
    """An entry of a store's item list. `barcode` and `sku` as they stand there."""

    name: str = ""
    barcode: str = ""
    sku: str = ""


@dataclass(frozen=True)
class Suggestion:
    """An item that a code may mean. `score` is 0 to 100, `why` the evidence."""

    sku: str
    name: str
    unit: str
    score: int
    why: str


class Suggester:
    """Suggests items of one pool."""

    def __init__(self, catalog: PoolConfig) -> None:
        self._catalog = catalog
        self._items = catalog.items
        self._names = {sku: utils.default_process(item["name"]) for sku, item in catalog.items.items()}
        self._fitting: dict[frozenset[str], Mapping[str, str]] = {}
        self._by_gtin: dict[str, str] = {}
        self._by_text: dict[str, list[str]] = {}
        for sku, item in catalog.items.items():
            if item["gtin"]:
                self._by_gtin[item["gtin"]] = sku
            self._by_text.setdefault(_plain(sku), []).append(sku)
        self._by_body = {gtin[1:13]: sku for gtin, sku in self._by_gtin.items()}

    def suggest(
        self, code: str, units: frozenset[str], till_item: TillItem | None = None, limit: int = 3
    ) -> list[Suggestion]:
        """The best items for `code`, whose lines are in `units`. A name counts only for items of such a unit."""
        scheme, _, text = code.partition(":")
        found: dict[str, Suggestion] = {}

        def add(sku: str, score: int, why: str) -> None:
            item = self._items[sku]
            if sku not in found or found[sku].score < score:
                found[sku] = Suggestion(sku, item["name"], item["unit"], score, why)

        listed = till_item or TillItem()
        gtins = {
            "the till's item list has its barcode": _gtin(listed.barcode),
            "the till's SKU for it is its barcode": _gtin(listed.sku),
            "the code is its barcode": _gtin(text),
        }
        for why, gtin in gtins.items():
            if gtin in self._by_gtin:
                add(self._by_gtin[gtin], BARCODE_SCORE, why)
            elif gtin is not None and gtin[1:13] in self._by_body:
                add(self._by_body[gtin[1:13]], _PACK_SCORE, f"a pack of it by its barcode ({gtin}): mind the quantity")
        label = self._catalog.label(code)
        number = label.item_number.lstrip("0") if label else ""
        meaning = self._catalog.meaning("", f"plu:{number}") if number else None
        if meaning is not None and meaning[0] in self._items:
            add(meaning[0], _LABEL_SCORE, f"the scale's label carries the number {number}, its PLU")
        for told, whose in ((listed.sku, "the till's item list has its SKU"), (text, "its SKU")):
            for sku in self._by_text.get(_plain(told), ()):
                add(sku, _SAME_TEXT_SCORE, f"{whose}, but for case and punctuation")
        till_name = listed.name
        words = utils.default_process(till_name or ("" if scheme == "gtin" else text))
        if words:
            what = f"the till's name for it, {till_name}," if till_name else "the code"
            names = self._names_in(units)
            alike = process.extract(words, names, scorer=fuzz.WRatio, limit=limit, score_cutoff=_NAME_SCORE_MIN)
            for _, score, sku in alike:
                add(sku, min(int(score), _NAME_SCORE_MAX), f"{what} is like its name")
        return sorted(found.values(), key=lambda one: (-one.score, one.sku))[:limit]

    def _names_in(self, units: frozenset[str]) -> Mapping[str, str]:
        if units not in self._fitting:
            self._fitting[units] = {sku: name for sku, name in self._names.items() if self._items[sku]["unit"] in units}
        return self._fitting[units]


@lru_cache(maxsize=65_536)
def _gtin(text: str) -> str | None:
    """The GTIN-14 of a barcode with its check digit; None for anything else."""
    try:
        return code_of("gtin", text).removeprefix("gtin:")
    except Refused:
        return None


def _plain(text: str) -> str:
    return _NOT_TEXT.sub("", text.lower())
