"""Would a dead letter be taken if it were published again? Pure; it asks what the pool's own rules ask."""

from typing import Any

from commonshelf.config.pool_config import PoolConfigs
from commonshelf.dead_letters.letters import Letter
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG, POOL_TICKS, POS_SALES, POS_STOCK
from streams.catalog import PoolConfig
from streams.catalog.goods import goods_of, kit_fault
from streams.catalog.references import unknown_reference
from streams.catalog.standing import stands
from streams.pool.journal import dead_letter_reasons as reasons

_FINAL = {
    reasons.CONFLICT: "it contradicts what was applied under the same name: count the item, then discard it",
    reasons.BAD_QUANTITY: "its quantity is out of range: the till must send it anew; then discard it",
    reasons.TOO_MANY_LINES: "an event has 1 to 5,000 lines: the till must send it in parts; then discard it",
    reasons.TOO_LARGE: "it changes more than the pool keeps of one event: it must be sent in parts; then discard it",
    reasons.INVALID: "a value in it is out of range: it must be sent anew; then discard it",
}


def blocker(letter: Letter, config: PoolConfigs, now_ms: int, *, is_named: bool = False) -> str | None:
    """The reason why a replay would change nothing, or must not happen; None when nothing stands against it.

    `is_named`: an operator asked for this very letter.
    """
    if letter.cut is not None:
        return f"only its start was kept ({letter.cut})"
    if letter.event is None:
        return f"its bytes are no value of {letter.input_topic}: whoever sent them must send them anew"
    if letter.reason == reasons.PARKED and not is_named:
        return "workers stopped at it and it was parked: once they can take it, replay it by its name"
    if letter.input_topic == POOL_TICKS.name:
        return "a tick is told anew every second: discard it"
    if letter.reason in _FINAL:
        return _FINAL[letter.reason]
    if letter.input_topic in (POOL_CONFIG.name, CATALOG_ITEMS.name):
        return _setting_blocker(letter, letter.event, config)
    if letter.event["pool"] not in config.named:
        return f"pool {letter.event['pool']!r} is not configured"
    if letter.input_topic not in (POS_SALES.name, POS_STOCK.name):
        return None if is_named else "it asked for something at its time: whoever asked may ask again, or name it"
    return _pos_blocker(letter, letter.event, config.catalogs[letter.event["pool"]], now_ms)


def _setting_blocker(letter: Letter, event: dict[str, Any], config: PoolConfigs) -> str | None:
    try:
        is_config = letter.input_topic == POOL_CONFIG.name
        model = ConfigChange.from_avro(event) if is_config else CatalogItem.model_validate(event)
    except ValueError as error:
        return f"a value in it is out of range: {error}"
    place = letter.input_topic, model.key
    is_outdated = not stands(model.recorded_at_ms, config.told_at_ms.get(place))
    if is_outdated or config.values.get(place) not in (None, letter.value):
        return "a newer setting is in force: discard it"
    unknown = unknown_reference(config.catalogs[event["pool"]], event["change"]) if is_config else None
    return None if unknown is None else f"the pool has no {unknown[0]} {unknown[1]!r}"


def _pos_blocker(letter: Letter, event: dict[str, Any], catalog: PoolConfig, now_ms: int) -> str | None:
    occurred, recorded, settings = event["occurred_at_ms"], event["recorded_at_ms"], catalog.pool
    told = recorded if event["told_at_ms"] is None else event["told_at_ms"]
    if event["store"] not in catalog.stores:
        return f"store {event['store']!r} is not in the pool"
    if told - occurred > settings["late_limit_ms"] or occurred <= 0:
        return "it was recorded too late for the pool: raise late_limit_days, or count the items and discard it"
    if occurred > recorded + settings["future_skew_ms"]:
        return "it is dated in the future: the till's clock is wrong; count the items and discard it"
    if recorded > now_ms + settings["future_skew_ms"]:
        return "it is dated in the future: wait until then, or count the items and discard it"
    if event.get("kind") in ("counted", "level") and occurred < now_ms - settings["late_limit_ms"]:
        return "the pool no longer knows all that moved since this count: count again and discard it"
    is_count = event.get("kind") in ("counted", "level")
    why_not = [line_blocker(catalog, event["store"], line, is_count=is_count) for line in letter.lines]
    return None if None in why_not else "; ".join(dict.fromkeys(filter(None, why_not)))


def line_blocker(catalog: PoolConfig, store: str, line: dict[str, Any], *, is_count: bool = False) -> str | None:
    """The reason for which the pool would set this line aside; None when it would take it."""
    meaning = catalog.meaning(store, line["code"])
    if meaning is None:
        return "not mapped: see `./shelf map`"
    sku, unit, terms = meaning
    goods = goods_of(meaning, catalog.items, line["quantity_milli"], line["unit"])
    if goods == "unknown_item":
        return f"{line['code']} means {sku}, which the product master lacks"
    if goods == "wrong_unit":
        piece = terms.piece if terms else None
        told = line["unit"] if piece is None or line["unit"] != "each" else f"{piece['unit']}, by its mapping"
        return (
            f"{line['code']} means {sku}, counted in {unit}, and the line says {told}; "
            f"`./shelf map set … --unit` says what one piece is"
        )
    if goods == "bad_kit":
        return kit_fault(sku, catalog.items)
    if goods == "bad_quantity":
        return f"{line['code']} means {sku}, and of its measure the quantity comes to nothing or too much"
    if is_count and terms is not None and terms.parts:
        return f"{line['code']} means {sku}, a kit, which has no stock of its own: count its parts and discard it"
    return None
