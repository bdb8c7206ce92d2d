"""The formula of docs/allocation.md, term by term. Costs in milli-minor."""

from collections.abc import Iterable

from streams.allocation.model import Case, Costs, Line, Offer, Policy, Share, Store


def store_terms(store: Store, preferred_store: str | None, policy: Policy) -> Costs:
    """What using a store costs before any share."""
    away = preferred_store is not None and store.store != preferred_store
    return Costs(
        distance=store.distance_m * policy.distance_minor_per_km,
        handling=1000 * policy.handling_minor_per_store,
        split=0,
        reroute=1000 * policy.reroute_minor_per_store if away else 0,
        capacity=1000 * policy.last_slot_minor // store.capacity_left,
        short_pick=0,
        fairness=1000 * policy.fairness_minor_per_fulfilment * max(store.above_fair_share, 0),
        slot=1000 * policy.slot_minor_per_minute * (store.slot_minutes_away or 0),
        spoilage=0,
        missing=0,
    )


def short_pick_milli_minor(offer: Offer, policy: Policy) -> int:
    """Expected cost of a share that is not found. Per share, not per unit."""
    return (1000 - offer.confidence_permille) * policy.short_pick_minor


def saved_minor_per_unit(line: Line, offer: Offer, policy: Policy) -> int:
    """Waste avoided by each unit taken, which is milli-minor per thousandth of a unit."""
    days, horizon = offer.days_to_spoil, policy.spoilage_horizon_days
    if days is None or days >= horizon:
        return 0
    return line.unit_value_minor * policy.spoilage_saved_permille * (horizon - days) // (1000 * horizon)


def missing_minor_per_unit(line: Line, policy: Policy) -> int:
    """Price of what stays missing. A line of less than a unit counts as one: 50 g are worth a way, too."""
    if line.quantity_milli >= 1000:
        return policy.missing_minor_per_unit
    return -(-1000 * policy.missing_minor_per_unit // line.quantity_milli)


def costs_of(case: Case, policy: Policy, shares: Iterable[Share]) -> Costs:
    """The terms of a plan, summed over its stores, its shares and what is missing."""
    lines = {line.line_id: line for line in case.lines}
    stores = {store.store: store for store in case.stores}
    missing_milli = {line.line_id: line.quantity_milli for line in case.lines}
    used: set[str] = set()
    served: set[str] = set()
    terms = dict.fromkeys(Costs._fields, 0)
    for share in shares:
        line = lines[share.line_id]
        offer = stores[share.store].offers[line.sku]
        terms["handling"] += 1000 * policy.handling_minor_per_share
        terms["short_pick"] += short_pick_milli_minor(offer, policy)
        terms["spoilage"] -= saved_minor_per_unit(line, offer, policy) * share.quantity_milli
        if share.line_id in served:
            terms["split"] += 1000 * policy.line_split_minor_per_extra_store
        served.add(share.line_id)
        used.add(share.store)
        missing_milli[share.line_id] -= share.quantity_milli
    for name in used:
        for term, value in store_terms(stores[name], case.preferred_store, policy)._asdict().items():
            terms[term] += value
    terms["split"] += 1000 * policy.split_minor_per_extra_store * max(len(used) - 1, 0)
    terms["missing"] = sum(
        missing_minor_per_unit(lines[name], policy) * missing for name, missing in missing_milli.items()
    )
    return Costs(**terms)
