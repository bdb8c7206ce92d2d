"""Orders and pools to allocate: an ordinary region, and those that are hard on a search."""

from collections.abc import Callable
from random import Random

from streams.allocation import Case, Line, Offer, Policy, Store

_Offer = Callable[[Random, Line], Offer | None]


def _ordinary(random: Random, line: Line) -> Offer | None:
    """Two stores of three have it, most of them enough."""
    if random.random() < 0.35:
        return None
    days = random.choice([None, None, None, random.randint(0, 6)])
    return Offer(1000 * random.randint(0, 2 * line.quantity_milli // 1000), random.randint(300, 980), days)


def _near_equal(random: Random, line: Line) -> Offer | None:
    """Everybody has everything, and confidence differs: nothing can be left out early."""
    return Offer(line.quantity_milli, random.randint(600, 980))


def _patchy(random: Random, line: Line) -> Offer | None:
    """Each store has a third of the lines: which three cover most?"""
    return Offer(line.quantity_milli, random.randint(900, 980)) if random.random() < 0.33 else None


def _tight(random: Random, line: Line) -> Offer | None:
    """A piece here, two there: lines have to be put together."""
    return Offer(line.step_milli * random.randint(0, max(line.quantity_milli // line.step_milli // 2, 1)), 950)


def _short(random: Random, line: Line) -> Offer | None:
    """Three stores together do not have a line."""
    least = line.step_milli
    return Offer(max(line.quantity_milli // 4 // least * least, least) if random.random() < 0.9 else 0, 940)


def _spoiling(random: Random, line: Line) -> Offer | None:
    """Enough everywhere, but it spoils at different times: a third store may pay for waste alone."""
    return Offer(line.step_milli * random.randint(1, 4), random.randint(900, 980), random.randint(0, 4))


def _wasting(random: Random, line: Line) -> Offer | None:
    """Any two have enough, and dear goods spoil at different times: a third store often pays."""
    wanted = line.quantity_milli
    return Offer(random.randrange(wanted // 2000, wanted // 1000) * 1000 + 1000, 970, random.randint(0, 4))


_KINDS: dict[str, _Offer] = {
    "ordinary": _ordinary,
    "near_equal": _near_equal,
    "patchy": _patchy,
    "tight": _tight,
    "short": _short,
    "spoiling": _spoiling,
    "wasting": _wasting,
}
KINDS = (*_KINDS, "ordinary_whole", "patchy_whole", "tight_whole")
"""`_whole`: the order may not be part-filled."""


def make_case(kind: str, stores: int, lines: int, seed: int) -> Case:
    """An order and a pool of one kind; the same seed gives the same."""
    random = Random(f"{kind} {stores} {lines} {seed}")
    offer_of = _KINDS[kind.removesuffix("_whole")]
    alike = kind != "ordinary"
    slots = Random(f"slots {kind} {stores} {lines} {seed}")
    most_value_minor = 9000 if kind == "wasting" else 900
    wanted = tuple(_line(random, number, alike, most_value_minor) for number in range(lines))
    members = tuple(
        Store(
            store=f"store-{number:02}",
            distance_m=3000 + random.randint(0, 40) if alike else random.randint(0, 12_000),
            capacity_left=20 if alike else random.randint(0, 30),
            offers={line.sku: offer for line in wanted if (offer := offer_of(random, line))},
            above_fair_share=0 if alike else random.randint(-5, 8),
            is_open=alike or random.random() < 0.95,
            slot_minutes_away=0 if alike else slots.choice([None, 0, 0, 0, 15, 45, 120, 260]),
        )
        for number in range(stores)
    )
    return Case(wanted, members, True, not kind.endswith("_whole"), None if alike else "store-00")


def _line(random: Random, number: int, alike: bool, most_value_minor: int) -> Line:
    weighed = not alike and random.random() < 0.2
    quantity = random.randint(50, 2500) if weighed else 1000 * random.randint(4 if alike else 1, 6)
    return Line(
        f"line-{number}", f"sku-{number}", quantity, 1 if weighed else 1000, random.randint(50, most_value_minor)
    )


def make_policy(seed: int) -> Policy:
    """The defaults, and for odd seeds prices of all proportions, so that each term decides now and then."""
    if seed % 2 == 0:
        return Policy()
    random = Random(f"policy {seed}")
    return Policy(
        max_stores=random.choice([1, 2, 3, 3, 3]),
        max_distance_m=random.choice([3020, 6000, 10_000]),
        distance_minor_per_km=random.randint(0, 200),
        handling_minor_per_store=random.randint(0, 500),
        handling_minor_per_share=random.randint(0, 200),
        split_minor_per_extra_store=random.randint(0, 1000),
        line_split_minor_per_extra_store=random.randint(0, 300),
        reroute_minor_per_store=random.randint(0, 500),
        last_slot_minor=random.randint(0, 1000),
        short_pick_minor=random.randint(0, 2000),
        fairness_minor_per_fulfilment=random.randint(0, 100),
        spoilage_horizon_days=random.randint(1, 7),
        spoilage_saved_permille=random.randint(0, 1000),
        missing_minor_per_unit=random.choice([1, 100, 300, 1000, 10_000]),
        slot_minor_per_minute=random.randint(0, 20),
        slot_minutes_max=random.choice([30, 240, 1440]),
    )
