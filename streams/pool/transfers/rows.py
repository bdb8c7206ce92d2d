"""Lines of a transfer of goods between two stores, in thousandths: what left, what came, what is on the way.

What has left the sender is what it says it sent, or what came, if that is more: a unit that is on the receiver's shelf
is on no other. So the units of a line are at all times on shelves, on the way, damaged or lost, and each once.
"""

from typing import Final

from schemas.types.transfers import DiscrepancyKind, TransferLine, TransferRow
from streams.pool.state.part import Pool
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import EntityKey, TableSpec
from streams.pool.transfers.index import TRANSFERS

TRANSFER_OUT: Final = "transfer_out"
TRANSFER_IN: Final = "transfer_in"
OPEN: Final = "open"
IN_TRANSIT: Final = "in_transit"
ENDED: Final = "ended"


def _load(state: Pool, row: TransferRow) -> None:
    state[TRANSFERS].put(None, row)


TRANSFER_ROWS: TableSpec[EntityKey, TransferRow] = TableSpec("transfer", "TransferRow", "/".join, load=_load)


def find_transfer(state: PoolState, name: str) -> TransferRow | None:
    """The transfer, ended ones that are not forgotten included."""
    return state.tables[TRANSFER_ROWS].get((state.pool, name))


def new_line(line_id: str, sku: str, asked_milli: int) -> TransferLine:
    """A line of which nothing has happened; what is asked for is held."""
    return {
        "line_id": line_id, "sku": sku, "asked_milli": asked_milli, "held_milli": asked_milli, "shipped_milli": 0,
        "mis_shipped_milli": 0, "received_milli": 0, "returned_milli": 0, "damaged_milli": 0, "lost_milli": 0,
        "received_before_shipment": [],
    }  # fmt: skip


def arrived_milli(line: TransferLine) -> int:
    """What has come somewhere, broken or not."""
    return line["received_milli"] + line["returned_milli"] + line["damaged_milli"]


def left_milli(line: TransferLine) -> int:
    """What has left the sender."""
    return max(line["shipped_milli"] - line["mis_shipped_milli"], arrived_milli(line))


def in_transit_milli(line: TransferLine) -> int:
    """What is on the way."""
    return left_milli(line) - arrived_milli(line) - line["lost_milli"]


Differences = dict[tuple[str, DiscrepancyKind], int]
"""(sku, kind) → thousandths, zeros left out."""


def differences(row: TransferRow) -> Differences:
    """How what came differs from what was sent, as the transfer stands."""
    found: Differences = {}
    for line in row["lines"]:
        is_extra = not line["asked_milli"] and not line["shipped_milli"]
        told_milli = max(line["shipped_milli"] - line["mis_shipped_milli"], 0)
        beyond = arrived_milli(line) - told_milli if is_extra or row["shipped_at_ms"] else 0
        of_line: dict[DiscrepancyKind, int] = {
            "mis_shipped" if is_extra else "over": max(beyond, 0),
            "not_shipped": min(line["mis_shipped_milli"], line["shipped_milli"]),
            "damaged": line["damaged_milli"],
            "lost": line["lost_milli"],
        }
        found |= {(line["sku"], kind): milli for kind, milli in of_line.items() if milli}
    return found


def to_ship_milli(line: TransferLine) -> int:
    """What the sender is to say that it sent: what it keeps, and what has come already."""
    return min(line["asked_milli"], line["held_milli"] + arrived_milli(line))
