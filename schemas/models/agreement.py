"""The agreement of a pool's members: what goods cost between stores, who bears a loss, when they settle.

A version is a setting like others: it stands in the journal, and holds for what happens from its date on.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.models.base import Currency, Name, Permille, Record, Text, TimeMs, TimeZone
from schemas.models.human_units import DAYS, HOURS, setting

FEE_MAX_MINOR = 100_000_000
Fee = Annotated[int, Field(ge=0, le=FEE_MAX_MINOR)]


class TransferPrice(Record):
    """The price of goods that pass from one store to another."""

    kind: Literal["cost_plus", "share_of_retail", "list"] = "cost_plus"
    """From the item's cost, from its retail price, or as the agreement lists it."""
    permille: Annotated[int, Field(ge=0, le=10_000)] = 0
    """cost_plus: what is added to the cost; share_of_retail: of the retail price."""


class ListPrice(Record):
    """The agreed price of one item."""

    sku: Text
    """The item."""
    price_minor: Fee
    """Of one unit, net."""


class DeliverySplit(Record):
    """The bearers of a delivery's cost; the parts sum up to 1000."""

    selling_permille: Permille = 1000
    """The store that sold."""
    fulfilling_permille: Permille = 0
    """The store that hands over."""

    @model_validator(mode="after")
    def _parts_are_the_whole(self) -> Self:
        parts = self.selling_permille + self.fulfilling_permille
        if parts != 1000:
            raise ValueError(f"selling_permille and fulfilling_permille sum up to {parts}; they must make 1000")
        return self


class ShrinkRule(Record):
    """The bearer of what is missing from a shelf."""

    bearer: Literal["owner", "keeper", "fund"] = "keeper"
    """The goods' owner, the store that kept them, or the members' fund."""
    covers: Literal["lent", "all"] = "lent"
    """Of the fund: only goods that one store kept for another, or all that members lose."""
    deductible_minor: Fee = 0
    """Of the fund: what the owner bears of each loss."""
    cap_minor: Fee = FEE_MAX_MINOR
    """Of the fund: the most that it pays for one loss."""


class LendingTerms(Record):
    """Fees that another pool and this one owe each other for lent goods, beside the price."""

    pool: Name
    """The other pool."""
    fee_minor_per_unit: Fee = 0
    """To the lender for each unit that was handed over."""
    currency: Currency = "EUR"
    """Of the fee."""


class SettlementWindow(Record):
    """The time over which debts are summed up."""

    every: Literal["daily", "weekly", "monthly", "minutes"] = "weekly"
    """Length of a window; minutes is for trials, where time is short."""
    minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    """Of windows of minutes: how many, counted from 1970 UTC."""
    starts_on: Annotated[int, Field(ge=1, le=28)] = 1
    """weekly: day of the week, 1 is Monday; monthly: day of the month; of no meaning for the others."""
    cut_off_minute: Annotated[int, Field(ge=0, le=1439)] = 0
    """Minute of the day at which one window ends and the next begins."""
    time_zone: TimeZone = "UTC"
    """IANA name, of the cut-off."""
    closing_delay_ms: int = setting(0, HOURS, least=0, most=30 * 24)
    """How long after its end a window still takes what happened in it."""

    @model_validator(mode="after")
    def _a_week_has_seven_days(self) -> Self:
        if self.every == "weekly" and self.starts_on > 7:
            raise ValueError(f"starts_on is {self.starts_on}; of a weekly window it is a day of the week, 1 to 7")
        return self


class InsuranceTerms(Record):
    """The insurer's premium, and what it covers."""

    premium_ppm_per_day: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Millionths of the value lent, for each day."""
    deductible_minor: Fee = 0
    """What the owner bears of each loss."""
    cover_minor: Fee = 0
    """The most that is paid for one loss; 0 for no insurance."""


class Agreement(Record):
    """The terms that the members agreed on, from a date on."""

    version: Annotated[int, Field(ge=1, le=1_000_000)]
    """Counts up; of two that hold from the same time the higher one counts."""
    effective_from_ms: TimeMs
    """It holds for what happens from then on, ms since 1970 UTC."""
    currency: Currency
    """The pool's own."""
    ownership: Literal["owner", "on_transfer"] = "on_transfer"
    """Whether transferred goods stay their owner's until they are sold, or pass to the store that received them."""
    transfer_price: TransferPrice = TransferPrice()
    """Of goods that pass from one store to another."""
    list_prices: Annotated[tuple[ListPrice, ...], Field(max_length=10_000)] = ()
    """Of a transfer price by list."""
    customer_pays: Literal["selling", "fulfilling"] = "selling"
    """Which store takes the customer's money for an order: the one that sold, or the one that hands over."""
    referral_permille: Permille = 0
    """Of the retail price, to the store that sold, when the customer pays the other."""
    handling_fee_minor: Fee = 0
    """To a store that hands over goods of another's order, once for each order."""
    pickup_fee_minor: Fee = 0
    """To such a store when the customer collects there, once for each order."""
    delivery_fee_minor: Fee = 0
    """Cost of a delivery, to the store that hands it over."""
    delivery_split: DeliverySplit = DeliverySplit()
    """Who bears that cost."""
    tax: Literal["none", "added", "included"] = "none"
    """Whether the item's tax rate is added to a transfer price, is in it, or is not told apart."""
    shrink: ShrinkRule = ShrinkRule()
    """Who bears what is missing from a shelf."""
    transit_loss: Literal["sender", "receiver", "half", "fund"] = "sender"
    """Who bears what is lost or comes broken between two stores."""
    returns_to: Literal["selling", "fulfilling"] = "selling"
    """Whose goods are again what a customer brings back: the store's that sold, or the one's that gave them."""
    returns_within_ms: int = setting(30, DAYS, least=1, most=400)
    """How long after its end an order's goods may come back."""
    no_show_fee_minor: Fee = 0
    """From the store that sold, to each that had picked goods which nobody collected."""
    lending: Annotated[tuple[LendingTerms, ...], Field(max_length=1_000)] = ()
    """With other pools."""
    window: SettlementWindow = SettlementWindow()
    """When debts are summed up."""
    rounding: Literal["half_up", "half_even", "down"] = "half_up"
    """Of an amount that is no whole minor unit."""
    insurance: InsuranceTerms = InsuranceTerms()
    """What the insurer takes and gives."""

    @model_validator(mode="after")
    def _each_named_once(self) -> Self:
        for what, names in (
            ("list_prices", [one.sku for one in self.list_prices]),
            ("lending", [one.pool for one in self.lending]),
        ):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"{what} names {twice} twice")
        return self


class DisputeResolution(Record):
    """The end of a dispute: one member owes another."""

    debtor: Name
    """Who owes."""
    creditor: Name
    """To whom."""
    amount_minor: Annotated[int, Field(ge=1, le=FEE_MAX_MINOR)]
    """How much, in the pool's currency."""


class Dispute(Record):
    """A member does not accept a transaction."""

    dispute: Name
    """Names it in the pool."""
    store: Name
    """Who disputes."""
    posted_position: Annotated[int, Field(ge=1)]
    """Journal position that posted the transaction."""
    sequence: Annotated[int, Field(ge=0)]
    """Its index among those of the position."""
    text: Text
    """Why."""
    status: Literal["open", "resolved", "rejected"] = "open"
    """How it stands."""
    resolution: DisputeResolution | None = None
    """Of a resolved one; null when it changes nothing."""
