"""The records of `schemas/records/state`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange
from schemas.types.lending import DrawRow, LendingChannel, LoanRow
from schemas.types.membership import MembershipRow
from schemas.types.orders import OrderRow, QuotaRow, StoreLoad
from schemas.types.pickup import AppointmentRow, PreparationRow
from schemas.types.stock import DedupPage, HandOverRow, MovementBlock, ShelfRow
from schemas.types.tasks import TaskRow
from schemas.types.transfers import TransferRow


class OffsetsRow(TypedDict):
    """Offsets that the partition has reached in its inputs."""

    next: dict[str, int]
    topic_ids: dict[str, str]


class PoolRow(TypedDict):
    """A pool's counters."""

    position: int
    clock_ms: int
    late_before_ms: int
    first_dedup_page: int
    dedup_page: int
    dedup_events: int
    lines_applied: int
    lines_duplicate: int
    lines_stale: int
    lines_quarantined: int
    requests_accepted: int
    requests_refused: int
    reports_accepted: int
    reports_refused: int
    orders_rerouted: int
    orders_unfilled: int
    orders_part_filled: int
    holds_broken: int
    holds_expired: int
    hand_overs_not_rung_up: int
    reactions_stopped: int


class StaleStore(TypedDict):
    """A store whose terms changed."""

    store: str
    ends: int


class StaleTermsRow(TypedDict):
    """Terms of a pool that changed, as far as pool.availability does not yet say so of every shelf. Does not follow
    from the journal alone: it says how far the batches have come.
    """

    skus: list[str]
    stores: list[StaleStore]
    after: str


Row = (
    tuple[Literal["commonshelf.ShelfRow"], ShelfRow]
    | tuple[Literal["commonshelf.MovementBlock"], MovementBlock]
    | tuple[Literal["commonshelf.DedupPage"], DedupPage]
    | tuple[Literal["commonshelf.PoolRow"], PoolRow]
    | tuple[Literal["commonshelf.OffsetsRow"], OffsetsRow]
    | tuple[Literal["commonshelf.ConfigChange"], ConfigChange]
    | tuple[Literal["commonshelf.CatalogItem"], CatalogItem]
    | tuple[Literal["commonshelf.OrderRow"], OrderRow]
    | tuple[Literal["commonshelf.TaskRow"], TaskRow]
    | tuple[Literal["commonshelf.StoreLoad"], StoreLoad]
    | tuple[Literal["commonshelf.TransferRow"], TransferRow]
    | tuple[Literal["commonshelf.QuotaRow"], QuotaRow]
    | tuple[Literal["commonshelf.LoanRow"], LoanRow]
    | tuple[Literal["commonshelf.DrawRow"], DrawRow]
    | tuple[Literal["commonshelf.LendingChannel"], LendingChannel]
    | tuple[Literal["commonshelf.StaleTermsRow"], StaleTermsRow]
    | tuple[Literal["commonshelf.HandOverRow"], HandOverRow]
    | tuple[Literal["commonshelf.AppointmentRow"], AppointmentRow]
    | tuple[Literal["commonshelf.PreparationRow"], PreparationRow]
    | tuple[Literal["commonshelf.MembershipRow"], MembershipRow]
)
"""The row."""


class StateRow(TypedDict):
    """One row of a pool partition's state; the changelog that restores it. Internal."""

    row: Row
