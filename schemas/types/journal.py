"""The records of `schemas/records/journal`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange
from schemas.types.lending import LendingChanged, LendingMessageDecided
from schemas.types.membership import MembershipChanged
from schemas.types.orders import FulfilmentReportDecided, OrderChanged, OrderRequestDecided
from schemas.types.stock import Parked, Rejected, SaleRecorded, StockReportRecorded
from schemas.types.tasks import TaskChanged
from schemas.types.ticks import Tick
from schemas.types.transfers import TransferChanged, TransferRequestDecided

Fact = (
    tuple[Literal["commonshelf.SaleRecorded"], SaleRecorded]
    | tuple[Literal["commonshelf.StockReportRecorded"], StockReportRecorded]
    | tuple[Literal["commonshelf.Tick"], Tick]
    | tuple[Literal["commonshelf.ConfigChange"], ConfigChange]
    | tuple[Literal["commonshelf.CatalogItem"], CatalogItem]
    | tuple[Literal["commonshelf.Rejected"], Rejected]
    | tuple[Literal["commonshelf.Parked"], Parked]
    | tuple[Literal["commonshelf.OrderRequestDecided"], OrderRequestDecided]
    | tuple[Literal["commonshelf.OrderChanged"], OrderChanged]
    | tuple[Literal["commonshelf.FulfilmentReportDecided"], FulfilmentReportDecided]
    | tuple[Literal["commonshelf.TaskChanged"], TaskChanged]
    | tuple[Literal["commonshelf.TransferRequestDecided"], TransferRequestDecided]
    | tuple[Literal["commonshelf.TransferChanged"], TransferChanged]
    | tuple[Literal["commonshelf.LendingMessageDecided"], LendingMessageDecided]
    | tuple[Literal["commonshelf.LendingChanged"], LendingChanged]
    | tuple[Literal["commonshelf.MembershipChanged"], MembershipChanged]
)
"""What happened."""


class JournalEntry(TypedDict):
    """One input record and what the pool made of it."""

    topic: str
    offset: int
    appended_at_ms: int
    fact: Fact


class JournalPage(TypedDict):
    """A run of a pool's journal: every accepted fact, in order, without gaps. The entry at index i has position
    first_position + i.
    """

    pool: str
    partition: int
    first_position: int
    entries: list[JournalEntry]
