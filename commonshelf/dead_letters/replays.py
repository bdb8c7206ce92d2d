"""A replay from start to end: which letters can be used, publishing them, and what the pool made of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from commonshelf.config.pool_config import PoolConfigs
from commonshelf.dead_letters.desk import Desk, Done
from commonshelf.dead_letters.letters import Letter, Place
from commonshelf.dead_letters.pool_progress import Verdict, verdict_on, wait_until_taken
from commonshelf.dead_letters.prognosis import blocker
from messaging.clock import wall_clock_ms
from schemas.models.dead_letters import DeadLetterOutcomeKind
from schemas.partition import partition_of

WAIT_S = 10.0
_CLOCKS_DIFFER_MS = 60_000


@dataclass(frozen=True)
class Replayed:
    """`verdict` is None when the workers have not taken the records yet; `left` are the letters with what hinders."""

    done: list[Done]
    left: list[tuple[Letter, str]]
    verdict: Verdict | None

    @property
    def published(self) -> int:
        return sum(one.outcome.outcome is DeadLetterOutcomeKind.replayed for one in self.done)

    @property
    def superseded(self) -> int:
        return len(self.done) - self.published


def sort_out(
    letters: Iterable[Letter], config: PoolConfigs, *, are_named: bool = False
) -> tuple[list[Letter], list[tuple[Letter, str]]]:
    """(letters that a replay helps, the others with what stands against it)."""
    helped, left = [], []
    now_ms = wall_clock_ms()
    for letter in letters:
        why_not = blocker(letter, config, now_ms, is_named=are_named)
        if why_not is None:
            helped.append(letter)
        else:
            left.append((letter, why_not))
    return helped, left


def replay(
    kafka_options: Mapping[str, str],
    partitions: int,
    letters: Iterable[Letter],
    config: PoolConfigs,
    reason: str,
    *,
    are_named: bool = False,
) -> Replayed:
    """Publish what a replay helps, and wait some seconds for the pool's verdict.

    First the workers must have taken the settings in `config`: a line that overtook its mapping would be set aside
    again. When they do not run that is certain anyway, for they begin with the settings.
    Raises DeskTakenError, KafkaException.
    """
    helped, left = sort_out(letters, config, are_named=are_named)
    if not helped:
        return Replayed([], left, Verdict(0, 0, 0))
    wait_until_settings_taken(kafka_options, config, {partition_of(str(letter.pool), partitions) for letter in helped})
    done = Desk(kafka_options, partitions, config, wall_clock_ms()).replay(helped, reason)
    return Replayed(done, left, _verdict(kafka_options, done))


def wait_until_settings_taken(
    kafka_options: Mapping[str, str], config: PoolConfigs, partitions: Collection[int]
) -> bool:
    """Return True once the workers have taken all settings of these partitions, False when they have not in WAIT_S."""
    wanted = {place: end for place, end in config.next_offsets.items() if place[1] in partitions}
    return wait_until_taken(kafka_options, wanted, WAIT_S)


def _verdict(kafka_options: Mapping[str, str], done: list[Done]) -> Verdict | None:
    replays = [one for one in done if one.outcome.replayed_to is not None]
    if not replays:
        return Verdict(0, 0, 0)
    places = {Place.of(one.outcome.replayed_to) for one in replays if one.outcome.replayed_to is not None}
    ends: dict[tuple[str, int], int] = {}
    for place in places:
        ends[place.topic, place.partition] = max(ends.get((place.topic, place.partition), 0), place.offset + 1)
    if not wait_until_taken(kafka_options, ends, WAIT_S):
        return None
    return verdict_on(kafka_options, places, min(one.appended_at_ms for one in replays) - _CLOCKS_DIFFER_MS)
