"""The reason of a proposal, in one sentence for the shopkeeper."""

from datetime import date, timedelta

from schemas.types.restock import RestockProposal


def why(proposal: RestockProposal) -> str:
    """What is there, what is expected until when, and what to do."""
    unit = "" if proposal["unit"] == "each" else f" {proposal['unit']}"
    days = proposal["lead_days"] + proposal["review_days"]
    from_day = date.fromisoformat(proposal["arrives_on"]) - timedelta(days=proposal["lead_days"])
    until = from_day + timedelta(days=days - 1)
    there = proposal["on_hand_milli"] - proposal["expiring_milli"]
    parts = [f"{_amount(max(there, 0))}{unit} to sell"]
    if there < 0:
        parts[0] += f" (the books say {_amount(there)}{unit}: count it)"
    if proposal["expiring_milli"]:
        parts.append(f"{_amount(proposal['expiring_milli'])}{unit} more that will spoil first")
    if proposal["incoming_milli"]:
        parts.append(f"{_amount(proposal['incoming_milli'])}{unit} on the way")
    event = f" ({proposal['event']}: {_times(proposal['event_permille'])})" if proposal["event"] else ""
    parts.append(f"{_amount(proposal['mean_milli'])}{unit} expected until {until.isoformat()}{event}")
    return f"{', '.join(parts)}: {_advice(proposal, unit)}."


def _advice(proposal: RestockProposal, unit: str) -> str:
    """What to do."""
    parts = []
    if proposal["moves"]:
        named = [
            f"{_amount(one['quantity_milli'])}{unit} that {one['from_store']} can spare" for one in proposal["moves"]
        ]
        parts.append(f"take {' and '.join(named)}")
    if proposal["packs"]:
        packs = f"{proposal['packs']} pack{'' if proposal['packs'] == 1 else 's'}"
        of = f" of {proposal['supplier']}" if proposal["supplier"] else ""
        parts.append(f"buy {packs} of {_amount(proposal['pack_milli'])}{unit}{of}")
    return ", and ".join(parts)


def _amount(milli: int) -> str:
    """Thousandths as a decimal, to a tenth."""
    tenths = (milli + 50) // 100
    whole, rest = divmod(abs(tenths), 10)
    return f"{'-' if tenths < 0 else ''}{whole}" + (f".{rest}" if rest else "")


def _times(permille: int | None) -> str:
    """A factor, to a hundredth."""
    return f"{((1000 if permille is None else permille) + 5) // 10 / 100:g} times as much on its days"
