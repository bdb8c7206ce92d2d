"""The formula of docs/allocation.md once more, written from the page alone: what allocation is held against."""

from streams.allocation import Case, Line, Offer, Policy, Store

Plan = dict[tuple[str, str], int]
"""Thousandths by line and store, none of them 0."""


def most_milli(line: Line, store: Store, policy: Policy) -> int:
    """The most that the page lets a store give of a line, thousandths."""
    offer = store.offers.get(line.sku)
    works = store.is_open and store.meets_deadline and store.capacity_left > 0
    if offer is None or not works or store.distance_m > policy.max_distance_m:
        return 0
    if store.slot_minutes_away is None or store.slot_minutes_away > policy.slot_minutes_max:
        return 0
    if offer.confidence_permille < policy.min_confidence_permille or line.line_id in store.excluded_lines:
        return 0
    return min(offer.available_milli, line.quantity_milli) // line.step_milli * line.step_milli


def most_stores(case: Case, policy: Policy) -> int:
    """The number of stores that the page allows."""
    return policy.max_stores if case.may_split else 1


def store_cost(case: Case, store: Store, policy: Policy) -> int:
    """Of a store used, milli-minor."""
    cost = store.distance_m * policy.distance_minor_per_km + 1000 * policy.handling_minor_per_store
    cost += 1000 * policy.last_slot_minor // store.capacity_left
    cost += (store.slot_minutes_away or 0) * policy.slot_minor_per_minute * 1000
    cost += 1000 * policy.fairness_minor_per_fulfilment * max(store.above_fair_share, 0)
    if case.preferred_store not in {None, store.store}:
        cost += 1000 * policy.reroute_minor_per_store
    return cost


def share_cost(offer: Offer, policy: Policy) -> int:
    """Of a share, milli-minor."""
    return 1000 * policy.handling_minor_per_share + policy.short_pick_minor * (1000 - offer.confidence_permille)


def saved(line: Line, offer: Offer, policy: Policy) -> int:
    """Waste avoided, milli-minor for a thousandth."""
    days, horizon = offer.days_to_spoil, policy.spoilage_horizon_days
    if days is None:
        return 0
    return line.unit_value_minor * policy.spoilage_saved_permille * max(horizon - days, 0) // (1000 * horizon)


def price(line: Line, policy: Policy) -> int:
    """Of what is missing, milli-minor for a thousandth."""
    whole = min(line.quantity_milli, 1000)
    return (1000 * policy.missing_minor_per_unit + whole - 1) // whole


def cost_of(case: Case, policy: Policy, plan: Plan) -> int | None:
    """The sum of the formula, milli-minor; None for a plan that the page does not allow."""
    stores = {store.store: store for store in case.stores}
    used = {name for _, name in plan}
    if len(used) > most_stores(case, policy):
        return None
    cost = sum(store_cost(case, stores[name], policy) for name in used)
    cost += 1000 * policy.split_minor_per_extra_store * max(len(used) - 1, 0)
    for line in case.lines:
        given = {name: milli for (line_id, name), milli in plan.items() if line_id == line.line_id}
        missing = line.quantity_milli - sum(given.values())
        if missing < 0 or (plan and missing and not case.may_part_fill):
            return None
        cost += 1000 * policy.line_split_minor_per_extra_store * max(len(given) - 1, 0) + price(line, policy) * missing
        for name, milli in given.items():
            if milli <= 0 or milli > most_milli(line, stores[name], policy) or milli % line.step_milli:
                return None
            offer = stores[name].offers[line.sku]
            cost += share_cost(offer, policy) - saved(line, offer, policy) * milli
    return cost
