"""Words and numbers of settlement, as people read them."""

from collections.abc import Mapping
from datetime import tzinfo

from commonshelf.text import one_line, time_text, units
from schemas.currency import decimal_text
from streams.settlement.ledger.entries import FUND, INSURER, About, Party, UnpricedReason

WAITS_FOR: dict[UnpricedReason, str] = {
    "no_agreement": "an agreement that holds from before it", "no_cost": "the item's cost",
    "no_price": "the item's price", "no_list_price": "the item's price in the agreement's list",
    "other_currency": "the members: it is in another currency",
    "kit_price": "the members: the till told the whole kit's price",
    "too_large": "a smaller price: it comes to more than can be posted",
}  # fmt: skip
"""What ends the waiting of a fact that cannot be priced; the members settle by a dispute."""
_OTHERS = {FUND: "Mutual fund", INSURER: "Insurer"}
_OTHER_POOL = "@pool:"


def money(amount_minor: int, currency: str) -> str:
    """1,234.50 EUR."""
    whole, dot, part = decimal_text(amount_minor, currency).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}{dot}{part} {currency}"


def moment(at_ms: int, zone: tzinfo) -> str:
    """To the minute, in `zone`."""
    return time_text(at_ms, zone, "%Y-%m-%d %H:%M")


def party_name(party: Party, names: Mapping[str, str]) -> str:
    """A store by its name and id; who is no store by what it is."""
    if party in _OTHERS:
        return _OTHERS[party]
    if party.startswith(_OTHER_POOL):
        return f"Pool {party.removeprefix(_OTHER_POOL)}"
    name = one_line(names.get(party, party))
    return name if name == party else f"{name} ({party})"


def reference(about: About) -> str:
    """The order or the transfer, and the item."""
    named = (("order", about.order), ("transfer", about.transfer), ("", about.sku), ("dispute", about.dispute))
    return one_line(", ".join(f"{what} {value}".strip() for what, value in named if value is not None))


def quantity(about: About) -> str:
    """In the item's unit; empty for what is about no goods."""
    return "" if about.quantity_milli is None else units(about.quantity_milli)
