"""Restock proposals for tests: milk of a corner shop, and what is different about another one."""

from typing import Any

NOW_MS = 1_796_000_000_000


def proposal(**differs: Any) -> dict[str, Any]:
    """12 litres of milk in packs of 6 are proposed; 4 are there and 1 will spoil, 3 a neighbour sends."""
    return {
        "pool": "riverside", "store": "corner-shop", "sku": "MILK-1L", "version": 3, "status": "open",
        "name": "Whole milk 1 l", "unit": "each", "run": "2026-11-29", "cause": "nightly", "position": 815,
        "planned_at_ms": NOW_MS, "event": "street fair", "event_permille": 1_500, "on_hand_milli": 4_000,
        "expiring_milli": 1_000, "incoming_milli": 0, "lead_days": 2, "review_days": 3, "mean_milli": 12_500,
        "p50_milli": 12_000,
        "p80_milli": 16_000, "p90_milli": 18_000, "p95_milli": 20_000, "cover_days": 1, "order_up_to_milli": 18_000,
        "buy_milli": 12_000, "packs": 2, "pack_milli": 6_000, "pack_cost_minor": 450, "buy_cost_minor": 900,
        "currency": "EUR", "supplier": "Dairy", "order_on": "2026-11-30", "arrives_on": "2026-12-01",
        "moves": [
            {"from_store": "mill-grocer", "quantity_milli": 3_000, "cost_minor": 30, "transfer": None},
        ],
        "cost_nothing_minor": 700, "cost_buy_minor": 120, "cost_move_minor": 480,
        "why": "The street fair raises sales by half, and 3 are left.", "agreed_milli": 0, "answered_by": None,
        "answered_at_ms": None,
    } | differs  # fmt: skip


BAD_TEXT = '=HYPERLINK("http://evil.example","milk")'
"""What a product master from elsewhere may call an item."""


def proposals() -> list[dict[str, Any]]:
    """A store's sheet with what is hard about sheets: parts of a unit, nothing expected, less than nothing there."""
    return [
        proposal(),
        proposal(
            sku="HAM", name="Ham", unit="kg", on_hand_milli=485, expiring_milli=0, mean_milli=1_455, pack_milli=500,
            pack_cost_minor=649, buy_milli=1_500, packs=3, moves=[], why="Ham sells 1.5 kg in 5 days.",
        ),
        proposal(sku="BELL", name=BAD_TEXT, mean_milli=0, buy_milli=0, packs=0, moves=[], why="@nobody wants it"),
        proposal(sku="+EGGS", name="Eggs", on_hand_milli=-5_000, expiring_milli=0, version=12, moves=[]),
    ]  # fmt: skip
