"""Reasons for which a store is not used."""

from streams.allocation.model import Case, Policy, Reason, Store


def shut_out(store: Store, policy: Policy) -> Reason | None:
    """Why a store can have no share, whatever it has; None when it can."""
    if not store.is_open:
        return "closed"
    if not store.meets_deadline:
        return "past_deadline"
    if store.capacity_left <= 0:
        return "no_capacity"
    if store.distance_m > policy.max_distance_m:
        return "too_far"
    has_slot = store.slot_minutes_away is not None and store.slot_minutes_away <= policy.slot_minutes_max
    return None if has_slot else "no_slot"


def nothing_to_give(case: Case, store: Store) -> Reason:
    """Why a store that is not shut out may give nothing."""
    reason: Reason = "no_stock"
    for line in case.lines:
        offer = store.offers.get(line.sku)
        if offer is None or min(offer.available_milli, line.quantity_milli) < line.step_milli:
            continue
        if line.line_id in store.excluded_lines:
            return "excluded"
        reason = "confidence_too_low"
    return reason


def left_out(case: Case, policy: Policy, fills_all: bool, chosen_any: bool) -> Reason:
    """Why a store that could give something is not used."""
    if case.may_part_fill:
        return "costs_more"
    alone = not case.may_split or policy.max_stores == 1
    enough = fills_all if alone else chosen_any
    return "costs_more" if enough else "not_enough"
