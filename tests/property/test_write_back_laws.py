"""Whatever dies when, and however often: the channel ends with what is held taken out, and no write is done twice."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.vendor.reservation_plan import (
    REPEATED_FOR_MS,
    Begin,
    LookUp,
    Send,
    begun,
    change_milli,
    done,
    dropped,
    moved_as,
    next_step,
    write_key,
)
from schemas.models.connectors import ChannelReservation

NOTHING = ChannelReservation(pool="north", store="grocer-7", connector="shopify", sku="MILK-1L")
GRAIN = 1000
helds = st.integers(-2_000, 9_000)


class Vendor:
    """Takes out and gives back, each key once."""

    def __init__(self):
        self.taken_milli = 0
        self.keys = {}

    def change(self, key, change):
        if key not in self.keys:
            self.keys[key] = change
            self.taken_milli += change
        assert self.keys[key] == change


def step_once(vendor, stored, held_milli, now_ms, dies):
    """One step as `WriteBack` does it. dies: before the write is sent, after it, or never. Returns what is stored."""
    step = next_step(held_milli, stored, now_ms, GRAIN)
    match step:
        case None:
            return stored
        case Begin(target_milli):
            stored = begun(stored or NOTHING, target_milli, "808", vendor.taken_milli, now_ms)
        case LookUp():
            was_done = moved_as(change_milli(stored), stored.reserved_by_others_milli, vendor.taken_milli)
            return done(stored) if was_done else dropped(stored)
        case Send():
            pass
    if dies == "before":
        return stored
    vendor.change(write_key(stored), change_milli(stored))
    return stored if dies == "after" else done(stored)


def rounded(held_milli):
    units = 0
    while units * GRAIN < held_milli:
        units += 1
    return units * GRAIN


@given(st.lists(st.tuples(helds, st.sampled_from(["before", "after", "never"]), st.sampled_from([1, REPEATED_FOR_MS]))))
def test_the_channel_ends_with_what_is_held_whenever_we_die(happenings):
    vendor, stored, now_ms = Vendor(), None, 0
    for held_milli, dies, passes_ms in happenings:
        now_ms += passes_ms
        stored = step_once(vendor, stored, held_milli, now_ms, dies)
        assert stored is None or stored.pending_milli is not None or stored.written_milli == vendor.taken_milli
    last = happenings[-1][0] if happenings else 0
    for _ in range(3):  # what is under way, what is wanted now, and nothing
        stored = step_once(vendor, stored, last, now_ms, "never")
    assert next_step(last, stored, now_ms, GRAIN) is None
    assert vendor.taken_milli == rounded(last)


@given(helds, helds)
def test_a_write_under_way_stays_the_same_whatever_is_held_meanwhile(first, second):
    wanted = next_step(first, None, 0, GRAIN)
    if wanted is None:
        assert rounded(first) == 0
        return
    taken = begun(NOTHING, wanted.target_milli, "808", 0, 0)
    assert next_step(second, taken, 1, GRAIN) == Send()
    assert write_key(taken) == write_key(ChannelReservation.model_validate(taken.to_avro()))
    assert write_key(begun(done(taken), 0, "808", 0, 1)) != write_key(taken)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(-5, 5))
def test_an_old_write_is_believed_done_exactly_when_the_vendor_shows_it(written, target, others):
    if written == target:
        return
    last = NOTHING.model_copy(update={"written_milli": written * GRAIN})
    shown = (written + 10 + others) * GRAIN
    taken = begun(last, target * GRAIN, "808", shown, 0)
    assert next_step(0, taken, REPEATED_FOR_MS, GRAIN) == LookUp()
    change = change_milli(taken)
    assert moved_as(change, taken.reserved_by_others_milli, shown + (target - written) * GRAIN)
    assert not moved_as(change, taken.reserved_by_others_milli, shown)
