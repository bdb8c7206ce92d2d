"""A store's page as what it shows: tasks, transfers, pickups, proposals, its statement. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from commonshelf.web.board.now import is_late
from schemas.statuses import LIVE_TASK
from schemas.types.catalog import CatalogItem
from schemas.types.reports import ShortReason
from schemas.types.restock import RestockProposal
from schemas.types.settlement import SettlementStatement
from schemas.types.tasks import TaskKind, TaskRow
from schemas.types.transfers import TransferRow

_GOODS_FAIL: Sequence[ShortReason] = ("not_found", "damaged", "sold", "wrong_item")
_STORE_FAILS: Sequence[ShortReason] = ("no_capacity", "store_closed")
SHORT_REASONS: Mapping[TaskKind, Sequence[ShortReason]] = {
    "pick": _GOODS_FAIL, "transfer_out": _GOODS_FAIL, "transfer_in": ("not_found", "damaged"),
}  # fmt: skip
"""Why goods of such a task may be missing; a task of another kind is done, or waits."""
REFUSE_REASONS: Mapping[TaskKind, Sequence[ShortReason]] = {
    "pick": _STORE_FAILS, "transfer_out": _STORE_FAILS, "transfer_in": _STORE_FAILS, "hand_over": ("not_collected",),
}  # fmt: skip
"""Why a store may say no to such a task."""


@dataclass(frozen=True)
class Goods:
    """Goods in a list. Quantities are thousandths of the unit."""

    line_id: str
    sku: str
    name: str
    unit: str
    milli: int


@dataclass(frozen=True)
class TaskCard:
    """A task with the buttons that fit it."""

    row: TaskRow
    goods: Sequence[Goods]
    is_late: bool
    short_reasons: Sequence[ShortReason]
    refuse_reasons: Sequence[ShortReason]


@dataclass(frozen=True)
class TransferCard:
    """A transfer that goes on, from the store's own side."""

    row: TransferRow
    way: Literal["out", "in"]
    other: str
    goods: Sequence[Goods]
    """What is asked for; of one on its way, what was sent."""


def goods_of(items: Mapping[str, CatalogItem], sku: str, milli: int, line_id: str = "") -> Goods:
    """Goods by the names of the product master; an item that it lacks by its SKU."""
    item = items.get(sku)
    return Goods(
        line_id, sku, sku if item is None else item["name"] or sku, "" if item is None else item["unit"], milli
    )


def task_cards(tasks: Iterable[TaskRow], items: Mapping[str, CatalogItem], now_ms: int) -> list[TaskCard]:
    """The tasks that go on, the late and urgent ones first, then by when they are due."""
    cards = [
        TaskCard(
            row, [goods_of(items, line["sku"], line["quantity_milli"], line["line_id"]) for line in row["lines"]],
            is_late(row, now_ms), SHORT_REASONS.get(row["kind"], ()), REFUSE_REASONS.get(row["kind"], ()),
        )
        for row in tasks
        if row["status"] in LIVE_TASK
    ]  # fmt: skip
    return sorted(
        cards, key=lambda card: (not card.is_late, -card.row["priority"], card.row["due_ms"], card.row["task"])
    )


def transfer_cards(
    transfers: Iterable[TransferRow], store: str, items: Mapping[str, CatalogItem]
) -> list[TransferCard]:
    """The transfers from and to a store that go on, the oldest first."""
    found = []
    for row in transfers:
        if row["status"] == "ended" or store not in (row["from_store"], row["to_store"]):
            continue
        is_out = (row["from_store"] == store) != row["is_returning"]
        shipped = row["status"] == "in_transit"
        goods = [
            goods_of(items, line["sku"], line["shipped_milli"] if shipped else line["asked_milli"], line["line_id"])
            for line in row["lines"]
        ]
        other = row["to_store"] if row["from_store"] == store else row["from_store"]
        found.append(TransferCard(row, "out" if is_out else "in", other, goods))
    return sorted(found, key=lambda card: (card.row["placed_at_ms"], card.row["transfer"]))


def open_proposals(proposals: Iterable[RestockProposal]) -> list[RestockProposal]:
    """Those that wait for an answer, the soonest to be ordered first."""
    waiting = [row for row in proposals if row["status"] == "open"]
    return sorted(waiting, key=lambda row: (row["order_on"], row["supplier"] or "", row["name"], row["sku"]))


def newest_window(statements: Sequence[SettlementStatement]) -> list[SettlementStatement]:
    """The statements of the window that closed last, one for each currency."""
    newest_ms = max((one["start_ms"] for one in statements), default=0)
    return [one for one in statements if one["start_ms"] == newest_ms]
