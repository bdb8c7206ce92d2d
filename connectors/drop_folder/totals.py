"""Words by which a row is known as a sum of others."""

import re

_TOTALS = frozenset(
    ["total", "totals", "totale", "totaal", "totales", "totali", "sum", "summe", "gesamt", "gesamtsumme",
    "gesamtbetrag", "zwischensumme", "endsumme", "insgesamt", "subtotal", "subtotals", "somme", "somma", "suma",
    "subtotaal"]
) | {
    "grand total", "sub total", "sub-total", "total general", "total général", "total sales", "sales total",
    "total geral", "totale generale", "overall total", "report total", "day total", "daily total", "sous-total",
    "sous total", "eindtotaal", "tagessumme", "total des ventes", "totals:",
}  # fmt: skip
_BLANKS = re.compile(r"\s+")


def is_total_word(text: str) -> bool:
    """True for a word such as Total or Zwischensumme, with or without a colon."""
    return _BLANKS.sub(" ", text.strip().lower().rstrip(" :").strip("*- ")) in _TOTALS
