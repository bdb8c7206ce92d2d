"""The meaning of codes: which ones mean nothing yet, and what a new mapping would contradict. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from commonshelf.config.names import unknown_name
from commonshelf.dead_letters.letters import Letter, Place
from connectors.contract import Measure
from connectors.parsing.codes import is_in_store
from connectors.parsing.units import written
from schemas.models.config import CodeMapping, PieceMeasure
from streams.catalog import PoolConfig
from streams.catalog.goods import Meaning
from streams.pool.journal import dead_letter_reasons as reasons

_PRIVATE = ("sku:", "item:")


@dataclass
class CodeWaiting:
    """A code, with its lines that wait in the dead letters. Quantities are in thousandths of each unit."""

    code: str
    store: str | None
    """Whose code it is; None for one that all stores share, such as a barcode."""
    sku: str | None
    """What it means now, None for nothing."""
    stores: list[str] = field(default_factory=list)
    """Where the lines were sold or reported."""
    lines: int = 0
    milli: dict[str, int] = field(default_factory=dict)
    """Unit → the lines' quantity without regard to its sign."""
    first_ms: int = 0
    """When the first of the lines occurred, ms since 1970 UTC."""
    last_ms: int = 0
    letters: list[Place] = field(default_factory=list)


def codes_waiting(catalog: PoolConfig, pool: str, letters: Iterable[Letter]) -> list[CodeWaiting]:
    """The codes for which lines of a pool were set aside and still wait, most lines first."""
    found: dict[tuple[str, str | None, str | None], CodeWaiting] = {}
    for letter in letters:
        if letter.pool != pool or letter.reason != reasons.UNMAPPED_CODE or not letter.is_waiting:
            continue
        occurred_ms = (letter.event or {})["occurred_at_ms"]
        for line in letter.lines:
            code, seller = catalog.lasting_code(line["code"]), str(letter.store)
            meaning = catalog.meaning(seller, code)
            key = (code, seller if is_private(code) else None, meaning[0] if meaning else None)
            one = found.get(key)
            if one is None:
                one = found[key] = CodeWaiting(*key, first_ms=occurred_ms, last_ms=occurred_ms)
            one.lines += 1
            one.milli[line["unit"]] = one.milli.get(line["unit"], 0) + abs(line["quantity_milli"])
            one.first_ms, one.last_ms = min(one.first_ms, occurred_ms), max(one.last_ms, occurred_ms)
            if seller not in one.stores:
                one.stores.append(seller)
            if letter.place not in one.letters:
                one.letters.append(letter.place)
    return sorted(found.values(), key=lambda one: (-one.lines, one.code, one.stores))


def objections(catalog: PoolConfig, wanted: Sequence[CodeMapping], *, replaces: bool) -> list[str]:
    """Sentences against the publishing of these mappings: one code for two items, unknown stores or items.

    `replaces`: a meaning that is in force may be replaced.
    """
    found: list[str] = []
    first: dict[tuple[str | None, str], CodeMapping] = {}
    for one in wanted:
        where = "the whole pool" if one.store is None else f"store {one.store}"
        before = first.setdefault((one.store, one.code), one)
        if (before.sku, before.piece) != (one.sku, one.piece):
            both = f"{_told(before)} and {_told(one)}"
            found.append(f"{one.code} is to mean both {both} in {where}: which one?")
            continue
        if one.store is not None and one.store not in catalog.stores:
            found.append(str(unknown_name("store", one.store, catalog.stores, "the pool", about=one.code)))
        if one.sku is not None and one.sku not in catalog.items:
            found.append(str(unknown_name("item", one.sku, catalog.items, "the pool", about=one.code)))
        unit = None if one.sku is None else catalog.unit(one.sku)
        if one.piece is not None and unit is not None and one.piece.unit.value != unit:
            found.append(
                f"{one.code}: {one.sku} is counted in {unit}, and one piece is said to be {_measure(one.piece)}"
            )
        now = catalog.meaning(one.store or "", one.code)
        if now is not None and not replaces and (now.sku, _piece_of(now)) != (one.sku, one.piece):
            name = catalog.items[now.sku]["name"] if now.sku in catalog.items else "not in the product master"
            piece = _piece_of(now)
            of_it = f"{now.sku} ({name})" if piece is None else f"{_measure(piece)} of {now.sku} ({name})"
            found.append(
                f"{one.code} means {of_it} in {where} already, not {_told(one)}; add --replace to replace that"
            )
    return found


def is_private(code: str) -> bool:
    """True for a code that one shop made up: another shop may mean something else by it."""
    return code.startswith(_PRIVATE) or (code.startswith("gtin:") and is_in_store(code.removeprefix("gtin:")))


def item_named(catalog: PoolConfig, text: str) -> str | None:
    """The SKU that an operator means by a SKU or by a code of the pool, None for neither."""
    if text in catalog.items:
        return text
    meaning = catalog.meaning("", text)
    return meaning[0] if meaning else None


def _piece_of(meaning: Meaning) -> PieceMeasure | None:
    piece = None if meaning.terms is None else meaning.terms.piece
    return None if piece is None else PieceMeasure.model_validate(piece)


def _told(one: CodeMapping) -> str:
    return str(one.sku) if one.piece is None else f"{_measure(one.piece)} of {one.sku}"


def _measure(piece: PieceMeasure) -> str:
    return written(Measure(piece.unit, Fraction(piece.numerator, piece.denominator)))
