"""Sales of before the journal: demand to learn from, each once, and never stock."""

from schemas.types.pos import PastSale
from schemas.types.restock import PastSaleRow, ShelfDay
from streams.catalog.goods import goods_of
from streams.restock.history.days import count_line, new_day
from streams.restock.history.pool import PoolHistory
from streams.restock.history.tables import PAST


def take_past_sale(history: PoolHistory, sale: PastSale, appended_at_ms: int) -> None:
    """Count a sale, unless its day is one that the journal tells of. Of a sale's versions the highest counts."""
    store = sale["store"]
    if store not in history.config.stores:
        return
    name = f"{store}/{sale['source']['system']}/{sale['source']['id']}"
    key = (history.pool, name)
    known = history.tables[PAST].get(key)
    day = history.day_at(store, sale["occurred_at_ms"])
    live = history.row["live_days"].get(store)
    if (known is not None and known["version"] >= sale["source"]["version"]) or (live is not None and day >= live):
        return
    row: PastSaleRow = {
        "pool": history.pool, "sale": name, "version": sale["source"]["version"], "store": store,
        "items": _items(history, sale, day),
    }  # fmt: skip
    for sign, items in ((-1, known["items"] if known is not None else []), (1, row["items"])):
        for counted in items:
            history.shelf(store, counted["sku"], counted["day"])
            history.add_to_store_day(store, counted, sign)
            history.note_day(counted["day"])
    history.tables[PAST].put(key, row)
    history.row["past_at_ms"] = appended_at_ms
    history.keep_row()


def _items(history: PoolHistory, sale: PastSale, day: int) -> list[ShelfDay]:
    """What the sale adds to the day, by item. A line whose code means no item is left out."""
    items: dict[str, ShelfDay] = {}
    for line in sale["lines"]:
        meaning = history.config.meaning(sale["store"], line["code"])
        if meaning is None:
            continue
        goods = goods_of(meaning, history.config.items, line["quantity_milli"], line["unit"])
        for sku, milli in () if isinstance(goods, str) else goods:
            there = items.setdefault(sku, new_day(sku, day))
            if line["kind"] in ("return", "return_not_restocked"):
                there["returned_milli"] += milli
            elif line["kind"] == "void":
                there["sold_milli"] -= milli
            else:
                there["sold_milli"] += milli
                count_line(there, milli, history.config.unit(sku))
    return [items[sku] for sku in sorted(items)]
