"""Whatever dies when, and however often: the channel ends with what is held taken out, and no write is done twice."""

import contextlib
import threading
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from connectors.context import Held
from connectors.contract import StoreContext
from connectors.outbound.driver import Driver
from connectors.vendor.reservation_plan import (
    REPEATED_FOR_MS,
    begun,
    change_milli,
    done,
    is_repeatable,
    moved_as,
    target,
    write_key,
)
from connectors.vendor.write_back import WriteBack, write_back_log
from schemas.models.connectors import ChannelReservation

NOTHING = ChannelReservation(pool="north", store="grocer-7", connector="shopify", sku="MILK-1L")
GROCER = StoreContext("north", "grocer-7", ZoneInfo("UTC"), "EUR")
GRAIN = 1000
helds = st.integers(-2_000, 9_000)


class Killed(BaseException):
    pass


class World:
    """The topic, what the pool holds, and a vendor that carries each key out once."""

    grain_milli = GRAIN

    def __init__(self):
        self.rows = {}
        self.held_milli = self.taken_milli = self.now_ms = 0
        self.keys = {}
        self.dies = "never"

    def publish_all(self, records):
        self.rows |= {record.key: record.to_avro() for record in records}

    def of(self, pool, store):
        return [Held("MILK-1L", self.held_milli, ("sku:milk",))]

    def find(self, codes):
        return "808"

    def reserved_by_others_milli(self, item):
        return self.taken_milli

    def is_lost(self, item, since_ms):
        return False

    def change(self, write):
        if self.dies == "before":
            raise Killed
        if write.key not in self.keys:
            self.keys[write.key] = write.change_milli
            self.taken_milli += write.change_milli
        assert self.keys[write.key] == write.change_milli
        if self.dies == "after":
            raise Killed

    def was_done(self, write):
        return moved_as(write.change_milli, write.reserved_by_others_milli, self.taken_milli)

    def step(self, held_milli, dies):
        """One round of a process of its own, which knows what the topic has, no more. Returns how many were done."""
        self.held_milli, self.dies = held_milli, dies
        outcomes = []
        log = write_back_log(lambda: list(self.rows.values()), self)
        driver = Driver(WriteBack(self, GROCER, "shopify", self), log, 5, outcomes.append, lambda: self.now_ms)
        with contextlib.suppress(Killed):
            driver.round(threading.Event())
        return len(outcomes)

    @property
    def stored(self):
        return next(map(ChannelReservation.model_validate, self.rows.values()), None)


def rounded(held_milli):
    units = 0
    while units * GRAIN < held_milli:
        units += 1
    return units * GRAIN


@given(st.lists(st.tuples(helds, st.sampled_from(["before", "after", "never"]), st.sampled_from([1, REPEATED_FOR_MS]))))
def test_the_channel_ends_with_what_is_held_whenever_we_die(happenings):
    world = World()
    for held_milli, dies, passes_ms in happenings:
        world.now_ms += passes_ms
        world.step(held_milli, dies)
        stored = world.stored
        assert stored is None or stored.pending_milli is not None or stored.written_milli == world.taken_milli
    last = happenings[-1][0] if happenings else 0
    for _ in range(3):  # what is under way, what is wanted now, and nothing
        outcomes = world.step(last, "never")
    assert outcomes == 0
    assert world.taken_milli == rounded(last)


@given(helds, helds)
def test_a_write_under_way_stays_the_same_whatever_is_held_meanwhile(first, second):
    world = World()
    wanted = target(first, None, GRAIN)
    world.step(first, "before")
    if wanted is None:
        assert (rounded(first), world.stored) == (0, None)
        return
    taken = world.stored
    world.step(second, "before")
    assert world.stored == taken == begun(NOTHING, wanted, "808", 0, 0)
    assert write_key(taken) == write_key(ChannelReservation.model_validate(taken.to_avro()))
    assert write_key(begun(done(taken), 0, "808", 0, 1)) != write_key(taken)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(-5, 5))
def test_an_old_write_is_believed_done_exactly_when_the_vendor_shows_it(written, wanted, others):
    if written == wanted:
        return
    last = NOTHING.model_copy(update={"written_milli": written * GRAIN})
    shown = (written + 10 + others) * GRAIN
    taken = begun(last, wanted * GRAIN, "808", shown, 0)
    assert not is_repeatable(taken, REPEATED_FOR_MS)
    change = change_milli(taken)
    assert moved_as(change, taken.reserved_by_others_milli, shown + (wanted - written) * GRAIN)
    assert not moved_as(change, taken.reserved_by_others_milli, shown)
