"""Small orders and pools of all shapes, and the first of all their answers, found by trying each."""

from itertools import product

from hypothesis import strategies as st

from bench.allocation_rules import cost_of, most_milli
from streams.allocation import Case, Line, Offer, Policy, Store

_PRICES = st.sampled_from([0, 0, 0, 10, 20, 53])  # round ones: ties are what is hard
POLICIES = st.builds(
    Policy,
    max_stores=st.integers(1, 3),
    max_distance_m=st.just(50),
    min_confidence_permille=st.just(100),
    distance_minor_per_km=_PRICES,
    handling_minor_per_store=_PRICES,
    handling_minor_per_share=_PRICES,
    split_minor_per_extra_store=_PRICES,
    line_split_minor_per_extra_store=_PRICES,
    reroute_minor_per_store=_PRICES,
    last_slot_minor=_PRICES,
    short_pick_minor=_PRICES,
    fairness_minor_per_fulfilment=st.sampled_from([0, 0, 7]),
    slot_minor_per_minute=_PRICES,
    slot_minutes_max=st.sampled_from([2, 240]),
    spoilage_horizon_days=st.integers(1, 3),
    spoilage_saved_permille=st.integers(0, 1000),
    missing_minor_per_unit=st.sampled_from([1, 20, 30, 150, 10_000]),
)


@st.composite
def cases(draw, most_lines=2, most_stores=4, most_steps=3):
    lines = []
    for number in range(draw(st.integers(1, most_lines))):
        step = draw(st.sampled_from([1000, 1, 250]))
        quantity = step * draw(st.integers(1, most_steps))
        lines.append(Line(f"line-{number}", f"sku-{number}", quantity, step, draw(st.integers(0, 90))))
    stores = [
        Store(
            store=name,
            distance_m=draw(st.sampled_from([0, 10, 10, 20, 50, 51])),
            capacity_left=draw(st.sampled_from([0, 1, 2, 2, 3])),
            offers={
                line.sku: Offer(
                    draw(st.integers(0, line.quantity_milli + 1)),
                    draw(st.sampled_from([50, 900, 1000, 1000])),
                    draw(st.sampled_from([None, 0, 1, 2, 5])),
                )
                for line in lines
                if draw(st.booleans())
            },
            above_fair_share=draw(st.integers(-2, 5)),
            is_open=draw(st.sampled_from([True] * 7 + [False])),
            meets_deadline=draw(st.sampled_from([True] * 7 + [False])),
            excluded_lines=frozenset(line.line_id for line in lines if draw(st.integers(0, 7)) == 7),
            slot_minutes_away=draw(st.sampled_from([0, 0, 0, 1, 2, 3, None])),
        )
        for name in draw(st.permutations("abcd"[: draw(st.integers(0, most_stores))]))
    ]
    preferred = draw(st.sampled_from([None, "a", "b", "x"]))
    return Case(tuple(lines), tuple(stores), draw(st.booleans()), draw(st.booleans()), preferred)


def all_fillings(case, line, policy):
    """Every way to fill one line: {store: milli}, without zeros."""
    choices = [range(0, most_milli(line, store, policy) + 1, line.step_milli) for store in case.stores]
    for amounts in product(*choices):
        if sum(amounts) <= line.quantity_milli:
            yield {store.store: milli for store, milli in zip(case.stores, amounts, strict=True) if milli}


def cheapest_by_trying_all(case, policy, banned=frozenset()):
    """(cost, stores, {(line, store): milli}) of the first plan; plans that use every store in `banned` are left out."""
    best = None

    def turn(name):
        return name != case.preferred_store, name

    for fillings in product(*(list(all_fillings(case, line, policy)) for line in case.lines)):
        named = zip(case.lines, fillings, strict=True)
        plan = {(line.line_id, name): milli for line, filling in named for name, milli in filling.items()}
        used = sorted({name for _, name in plan}, key=turn)
        cost = cost_of(case, policy, plan)
        if cost is None or (banned and banned <= set(used)):
            continue
        ties = [
            (len(filling), sorted(map(turn, filling)), [-filling[name] for name in sorted(filling, key=turn)])
            for filling in fillings
        ]
        rank = (cost, len(used), [turn(name) for name in used], ties)
        if best is None or rank < best[0]:
            best = (rank, plan)
    (cost, _, used, _), plan = best
    return cost, tuple(sorted(name for _, name in used)), plan
