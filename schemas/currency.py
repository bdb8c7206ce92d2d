"""Decimals of currencies, and amounts as text."""

_EXPONENT_USUAL = 2
_EXPONENTS = dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
     "XPF"), 0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3) | dict.fromkeys(("CLF", "UYW"), 4)  # fmt: skip
"""Decimals of the currencies that do not have two. Source: ISO 4217, list one."""


def currency_exponent(currency: str) -> int:
    """Decimals of an ISO 4217 currency: 2 for EUR, 0 for JPY, 3 for BHD."""
    return _EXPONENTS.get(currency, _EXPONENT_USUAL)


def decimal_text(amount_minor: int, currency: str) -> str:
    """Minor units as a plain decimal: 285 EUR → 2.85."""
    decimals = currency_exponent(currency)
    sign, digits = "-" if amount_minor < 0 else "", str(abs(amount_minor)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"


def amount_text(amount_minor: int, currency: str) -> str:
    """Minor units with their currency: 285 EUR → 2.85 EUR."""
    return f"{decimal_text(amount_minor, currency)} {currency}"
