"""An agreement in plain words, and a worked example with its own numbers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.currency import amount_text, currency_exponent
from schemas.models.agreement import Agreement
from streams.settlement.ledger.debts import Rate
from streams.settlement.ledger.windows import window_of
from streams.settlement.money import scaled

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000
EXAMPLE_COST, EXAMPLE_PRICE, EXAMPLE_TAX_PERMILLE = 200, 320, 70
"""Of the example's item, in hundredths of the currency's unit."""


def percent(permille: int) -> str:
    """12.5 %."""
    return f"{permille / 10:g} %"


def explained(agreement: Agreement) -> list[str]:
    """What it says, a sentence each."""
    return [*_of_goods(agreement), *_of_losses(agreement), *_of_windows(agreement)]


def worked_example(agreement: Agreement) -> list[str]:
    """Two units that one store sold and another handed over, and what the one then owes the other."""
    currency = agreement.currency
    one = 10 ** currency_exponent(currency)
    cost, price = EXAMPLE_COST * one // 100, EXAMPLE_PRICE * one // 100
    tax = percent(EXAMPLE_TAX_PERMILLE)
    item = (
        f"An item costs {amount_text(cost, currency)} and sells for {amount_text(price, currency)}; its tax is {tax}."
    )
    lines = [item, "A customer orders two at store A and collects them at store B:"]
    total = 0
    if agreement.customer_pays == "fulfilling":
        fee = scaled(2 * price, agreement.referral_permille, 1000, agreement.rounding)
        share = percent(agreement.referral_permille)
        lines.append(f"  the customer pays B, which owes A {share}: {amount_text(fee, currency)}")
        total -= fee
    else:
        for what, amount in _example_parts(agreement, cost, price):
            if amount:
                lines.append(f"  {what}: {amount_text(amount, currency)}")
                total += amount
    for what, amount in (("handling", agreement.handling_fee_minor), ("pickup", agreement.pickup_fee_minor)):
        if amount:
            lines.append(f"  {what} fee: {amount_text(amount, currency)}")
            total += amount
    ower, other = ("A", "B") if total >= 0 else ("B", "A")
    lines.append(f"  {ower} owes {other} {amount_text(abs(total), currency)} for it.")
    return lines


def _example_parts(agreement: Agreement, cost: int, price: int) -> Iterator[tuple[str, int]]:
    rule = agreement.transfer_price
    tax = 0 if agreement.tax == "none" else EXAMPLE_TAX_PERMILLE
    if rule.kind == "list":
        listed = agreement.list_prices[0].price_minor if agreement.list_prices else 0
        numerator, denominator, how = listed, 1, "at the list price of the first item listed"
    elif rule.kind == "cost_plus":
        numerator, denominator, how = cost * (1000 + rule.permille), 1000, f"at cost plus {percent(rule.permille)}"
    else:
        numerator, denominator, how = price * rule.permille, 1000, f"at {percent(rule.permille)} of the retail price"
    rate = Rate(numerator, denominator, tax, agreement.tax == "included", agreement.rounding)
    parts = rate.parts(2_000)
    yield f"two {how}", parts["goods"]
    yield f"{percent(tax)} tax", parts.get("tax", 0)


def _of_goods(agreement: Agreement) -> Iterator[str]:
    currency, price = agreement.currency, agreement.transfer_price
    if agreement.ownership == "owner":
        yield "Goods stay their owner's at another store until that store sells them; then it owes their price."
    else:
        yield "Transferred goods belong to the store that received them, which then owes their price."
    yield {
        "cost_plus": f"Goods that pass between stores cost what the item costs, plus {percent(price.permille)}.",
        "share_of_retail": f"Goods that pass between stores cost {percent(price.permille)} of the retail price.",
        "list": f"Goods that pass between stores cost what the agreement lists: {len(agreement.list_prices)} items.",
    }[price.kind]
    yield {
        "none": "Tax is not told apart.",
        "added": "The item's tax is added to that.",
        "included": "The item's tax is in it.",
    }[agreement.tax]
    if agreement.customer_pays == "selling":
        yield "The store that sold takes the customer's money, and owes the goods to the one that hands them over."
    else:
        yield (
            "The store that hands over takes the customer's money, and owes the one that sold "
            f"{percent(agreement.referral_permille)} of the retail price."
        )
    for amount, what in (
        (agreement.handling_fee_minor, "to a store that hands over another's order, once for each order"),
        (agreement.pickup_fee_minor, "to it when the customer collects there"),
        (agreement.no_show_fee_minor, "to it when nobody collects what it had picked"),
    ):
        if amount:
            yield f"{amount_text(amount, currency)} go {what}."
    if agreement.delivery_fee_minor:
        split = agreement.delivery_split
        yield (
            f"A delivery costs {amount_text(agreement.delivery_fee_minor, currency)}: the store that sold bears "
            f"{percent(split.selling_permille)}, the one that hands over {percent(split.fulfilling_permille)}."
        )
    whose = "the store's that sold them" if agreement.returns_to == "selling" else "the store's that gave them"
    days = agreement.returns_within_ms // _DAY_MS
    yield f"What a customer brings back within {days} days is {whose} again, wherever it is brought."
    for one in agreement.lending:
        fee = amount_text(one.fee_minor_per_unit, one.currency)
        yield f"Goods lent between this pool and {one.pool} cost {fee} a unit more."


def _of_losses(agreement: Agreement) -> Iterator[str]:
    currency, rule = agreement.currency, agreement.shrink
    bearer = {"owner": "their owner", "keeper": "the store that kept them", "fund": "the members' fund"}[rule.bearer]
    what = (
        "whatever a member loses" if rule.covers == "all" and rule.bearer == "fund" else "goods kept for another store"
    )
    yield f"What is missing of {what} is borne by {bearer}; a store's own goods are missing first."
    if rule.bearer == "fund" or agreement.transit_loss == "fund":
        least, most = amount_text(rule.deductible_minor, currency), amount_text(rule.cap_minor, currency)
        yield (
            f"The fund pays what is above {least}, at most {most} a loss; at the window's end the members pay it by "
            "their share of sales."
        )
    yield {
        "sender": "What is lost on its way is the sender's loss.",
        "receiver": "What is lost on its way is paid by the receiver.",
        "half": "What is lost on its way is borne by sender and receiver, half each.",
        "fund": "What is lost on its way is borne by the fund.",
    }[agreement.transit_loss]
    insurance = agreement.insurance
    if insurance.premium_ppm_per_day or insurance.cover_minor:
        least, most = amount_text(insurance.deductible_minor, currency), amount_text(insurance.cover_minor, currency)
        yield (
            f"The insurer takes {insurance.premium_ppm_per_day} millionths of the value lent for each day, and covers "
            f"what of a loss is above {least}, up to {most}."
        )


def _of_windows(agreement: Agreement) -> Iterator[str]:
    window, zone = agreement.window, ZoneInfo(agreement.window.time_zone)
    at = f"at {window.cut_off_minute // 60:02d}:{window.cut_off_minute % 60:02d} ({window.time_zone})"
    when = {
        "daily": f"every day {at}",
        "weekly": f"every {_WEEKDAYS[min(window.starts_on, 7) - 1]} {at}",
        "monthly": f"on day {window.starts_on} of each month {at}",
        "minutes": f"every {window.minutes} minutes",
    }[window.every]
    delay = f", and takes late news for {window.closing_delay_ms // _HOUR_MS} hours" if window.closing_delay_ms else ""
    yield f"A window ends {when}{delay}."
    yield "What becomes known after that counts in the next window, under a heading of its own."
    begins = datetime.fromtimestamp(agreement.effective_from_ms / 1000, UTC).astimezone(zone)
    yield f"Version {agreement.version} holds for what happens from {begins:%Y-%m-%d %H:%M %Z} on."
    if agreement.effective_from_ms:
        _, end_ms = window_of(agreement.effective_from_ms, agreement.model_dump(mode="json")["window"])
        end = datetime.fromtimestamp(end_ms / 1000, UTC).astimezone(zone)
        yield f"The first window that ends under it ends on {end:%Y-%m-%d %H:%M %Z}."
    yield {
        "half_up": "Half a minor unit is rounded up.",
        "half_even": "Half a minor unit is rounded to the even one.",
        "down": "Parts of a minor unit are left out.",
    }[agreement.rounding]
