"""Square's amounts of money."""

from decimal import Decimal

from connectors.vendor.fields import Json
from schemas.currency import currency_exponent


def currency_of(order: Json) -> object:
    """As the order names it."""
    money = order.get("total_money")
    return money.get("currency") if isinstance(money, dict) else None


def price_of(money: object, currency: str) -> Decimal | None:
    """The price that an amount is."""
    amount = amount_of(money)
    return None if amount is None else Decimal(amount).scaleb(-currency_exponent(currency))


def amount_of(money: object) -> int | None:
    """Minor units, as Square gives them."""
    amount = money.get("amount") if isinstance(money, dict) else None
    return amount if isinstance(amount, int) and not isinstance(amount, bool) else None
