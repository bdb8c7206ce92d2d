"""Barcodes that are valid and nobody's."""

_EXAMPLE_PREFIX = "952"


def with_check_digit(payload: str) -> str:
    """The digits of a GTIN with its check digit behind them (GS1 General Specifications, section 7.9)."""
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(payload)))
    return f"{payload}{-total % 10}"


def gtin13(reference: int) -> str:
    """The GTIN-13 with this nine-digit reference under the prefix that GS1 keeps for examples."""
    return with_check_digit(f"{_EXAMPLE_PREFIX}{reference:09d}")
