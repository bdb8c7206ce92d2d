"""The records of `schemas/records/agreement`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

TransferPriceKind = Literal["cost_plus", "share_of_retail", "list"]

Bearer = Literal["owner", "keeper", "fund"]

Coverage = Literal["lent", "all"]

WindowLength = Literal["daily", "weekly", "monthly", "minutes"]

Ownership = Literal["owner", "on_transfer"]

StoreRole = Literal["selling", "fulfilling"]

TaxRule = Literal["none", "added", "included"]

TransitBearer = Literal["sender", "receiver", "half", "fund"]

Rounding = Literal["half_up", "half_even", "down"]

DisputeStatus = Literal["open", "resolved", "rejected"]


class DeliverySplit(TypedDict):
    """The bearers of a delivery's cost; the parts sum up to 1000."""

    selling_permille: int
    fulfilling_permille: int


class InsuranceTerms(TypedDict):
    """The insurer's premium, and what it covers."""

    premium_ppm_per_day: int
    deductible_minor: int
    cover_minor: int


class LendingTerms(TypedDict):
    """Fees that another pool and this one owe each other for lent goods, beside the price."""

    pool: str
    fee_minor_per_unit: int
    currency: str


class ListPrice(TypedDict):
    """The agreed price of one item."""

    sku: str
    price_minor: int


class SettlementWindow(TypedDict):
    """The time over which debts are summed up."""

    every: WindowLength
    minutes: int
    starts_on: int
    cut_off_minute: int
    time_zone: str
    closing_delay_ms: int


class ShrinkRule(TypedDict):
    """The bearer of what is missing from a shelf."""

    bearer: Bearer
    covers: Coverage
    deductible_minor: int
    cap_minor: int


class TransferPrice(TypedDict):
    """The price of goods that pass from one store to another."""

    kind: TransferPriceKind
    permille: int


class DisputeResolution(TypedDict):
    """The end of a dispute: one member owes another."""

    debtor: str
    creditor: str
    amount_minor: int


class Agreement(TypedDict):
    """The terms that the members agreed on, from a date on."""

    version: int
    effective_from_ms: int
    currency: str
    ownership: Ownership
    transfer_price: TransferPrice
    list_prices: list[ListPrice]
    customer_pays: StoreRole
    referral_permille: int
    handling_fee_minor: int
    pickup_fee_minor: int
    delivery_fee_minor: int
    delivery_split: DeliverySplit
    tax: TaxRule
    shrink: ShrinkRule
    transit_loss: TransitBearer
    returns_to: StoreRole
    returns_within_ms: int
    no_show_fee_minor: int
    lending: list[LendingTerms]
    window: SettlementWindow
    rounding: Rounding
    insurance: InsuranceTerms


class Dispute(TypedDict):
    """A member does not accept a transaction."""

    dispute: str
    store: str
    posted_position: int
    sequence: int
    text: str
    status: DisputeStatus
    resolution: DisputeResolution | None
