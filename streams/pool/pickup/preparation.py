"""The time that stores take to prepare orders, by store and hour of the day, against what their places declare.

What a pick took is counted in eighths of what was declared, and newer picks weigh more. Two shares of that matter: most
picks took no longer than the usual one, and nearly all no longer than the long one. All is in whole numbers.
"""

from typing import Final, NamedTuple

from schemas.types.config import PickupPlace
from schemas.types.pickup import PreparationRow
from streams.pool.state.part import Part, Pool
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import TableSpec
from streams.pool.tasks.opening_hours import local_hour, time_after

WHOLE_DAY: Final = 24
"""Stands for the hour where all hours of the day are meant."""
FROM_CLAIM: Final = 25
"""And for all hours again, where only the time counts after a pick was claimed."""
STEPS: Final = 32
STEP_PERMILLE: Final = 125
LONGEST_PERMILLE: Final = STEPS * STEP_PERMILLE
"""A pick that took longer counts as if it had taken so long."""
PICKS_OF_AN_HOUR_MIN: Final = 8
"""With fewer, what is known of the store's whole day holds for the hour."""
_PICKS_BEFORE = 8
"""A store begins as if so many of its picks had taken what was declared."""
_PICK_WEIGHT = 64
_FADES = 64
"""With each pick the others lose one part of so many."""
_USUAL_PERCENT = 75
_LONG_PERCENT = 95
HourKey = tuple[str, str, int]
"""(pool, store, hour)"""


class Pace(NamedTuple):
    """The time that preparation takes, in permille of what is declared; never less than that."""

    usual_permille: int
    long_permille: int


AS_DECLARED: Final = Pace(1000, 1000)


class PaceIndex:
    """The paces of one pool's stores. Made from the rows alone."""

    def __init__(self, _: Pool) -> None:
        self._paces: dict[tuple[str, int], Pace] = {}

    def put(self, row: PreparationRow) -> None:
        """Take note of a row."""
        if row["hour"] == WHOLE_DAY or row["picks"] >= PICKS_OF_AN_HOUR_MIN:
            weights = row["weights"]
            usual, long = _percentile(weights, _USUAL_PERCENT), _percentile(weights, _LONG_PERCENT)
            least = 0 if row["hour"] == FROM_CLAIM else 1000
            self._paces[row["store"], row["hour"]] = Pace(max(least, usual), max(least, long))

    def is_known(self, store: str) -> bool:
        """Has anything been learned of the store?"""
        return (store, WHOLE_DAY) in self._paces

    def at(self, store: str, hour: int) -> Pace:
        """The store's pace at an hour of the day."""
        return self._paces.get((store, hour)) or self._paces.get((store, WHOLE_DAY), AS_DECLARED)

    def from_claim(self, store: str) -> Pace | None:
        """The store's pace once it has claimed a pick; None while too little is known of that."""
        return self._paces.get((store, FROM_CLAIM))


PACES = Part(PaceIndex)
"""The paces of a pool's stores."""


def _load(state: Pool, row: PreparationRow) -> None:
    state[PACES].put(row)


PREPARATION_ROWS: TableSpec[HourKey, PreparationRow] = TableSpec(
    "preparation", "PreparationRow", name=lambda key: f"{key[0]}/{key[1]}/{key[2]:02}", load=_load
)


def declared_ms(place: PickupPlace, lines: int) -> int:
    """Opening time that preparation takes at a place, as it is declared."""
    return place["preparation_ms"] + lines * place["preparation_per_line_ms"]


def prepared_ms(state: PoolState, place: str, store: str, lines: int, since_ms: int, permille: int) -> int:
    """When so much has passed of the time that is declared for preparation at a place, in the store's opening hours."""
    config = state.config
    span_ms = -(-permille * declared_ms(config.places[place], lines) // 1000)
    return time_after(config.stores[store], config.pool["time_zone"], since_ms, span_ms)


def pace_at(state: PoolState, store: str, now_ms: int) -> Pace:
    """The pace of a store that is asked at a time; as declared where the pool learns none."""
    paces = state[PACES]
    if not state.config.pool["learns_preparation"] or not paces.is_known(store):
        return AS_DECLARED
    return paces.at(store, hour_of(state, store, now_ms))


def pace_from_claim(state: PoolState, store: str) -> Pace | None:
    """The pace of a store from when it has claimed a pick; None where that is not known."""
    return state[PACES].from_claim(store) if state.config.pool["learns_preparation"] else None


def hour_of(state: PoolState, store: str, at_ms: int) -> int:
    """The hour of the day in which the store begins what it is asked at a time."""
    zone = state.config.pool["time_zone"]
    return local_hour(zone, time_after(state.config.stores[store], zone, at_ms, 0))


def count_pick(state: PoolState, store: str, hour: int, permille: int) -> None:
    """Fold: a pick that began in an hour of the day took so much of what was declared."""
    table, key = state.tables[PREPARATION_ROWS], (state.pool, store, hour)
    before = table.get(key) or _nothing_yet(key)
    weights = [weight - -(-weight // _FADES) for weight in before["weights"]]
    weights[min(max(-(-permille // STEP_PERMILLE), 1), STEPS) - 1] += _PICK_WEIGHT
    row: PreparationRow = {**before, "picks": before["picks"] + 1, "weights": weights}
    table.put(key, row)
    state[PACES].put(row)


def _nothing_yet(key: HourKey) -> PreparationRow:
    pool, store, hour = key
    weights = [0] * STEPS
    if hour == WHOLE_DAY:
        weights[1000 // STEP_PERMILLE - 1] = _PICKS_BEFORE * _PICK_WEIGHT
    return {"pool": pool, "store": store, "hour": hour, "picks": 0, "weights": weights}


def _percentile(weights: list[int], percent: int) -> int:
    """Permille within which so many percent of the weight lie."""
    enough, reached = percent * sum(weights), 0
    for step, weight in enumerate(weights, start=1):
        reached += 100 * weight
        if reached >= enough:
            return step * STEP_PERMILLE
    return LONGEST_PERMILLE
