"""Two pools that lend, whatever is late, lost or told twice between them: no unit is promised in both.

The model knows what was published and sums it up in plain numbers; what the pools believe is read from their rows.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streams.pool.state.dedup_index import FilteredIndex
from streams.pool.state.pool_state import PoolState
from tests.proof.simulation.lending import LendingAuditor
from tests.support.lending import AWAY, HOME, Pools
from tests.support.movements import assert_movements_are_the_books
from tests.support.pool import DAY_MS, HOUR_MS, NOON_MS, CommittedRows, PoolBench, processor

POOLS = st.sampled_from([HOME, AWAY])
OURS_TOO = st.sampled_from([AWAY, AWAY, AWAY, HOME])
UNITS = st.integers(1, 6).map(lambda units: units * 1_000)
QUOTAS = (6_000, 3_000, 0, 1_000, 20_000, 0)
REASONS = st.sampled_from(["not_found", "store_closed", "no_capacity", "damaged", "sold"])


class Lending(RuleBasedStateMachine):
    """Tills, customers and stores act; messages are delivered, lost or repeated; workers die; clocks tick."""

    @initialize(milk=st.sampled_from([4_000, 8_000, 12_000]), quota=st.sampled_from([3_000, 6_000]), told=st.booleans())
    def begin(self, milk, quota, told):
        self.pools = Pools(milk)
        self.auditor = LendingAuditor(self.pools, milk)
        self.clock = {HOME: NOON_MS, AWAY: NOON_MS}
        self.orders = {HOME: [], AWAY: []}
        self.pools.lend(quota)
        if told:
            self.pools.settle()

    # --- what happens -----------------------------------------------------------------------------------

    @rule(kind=st.sampled_from(["receive", "receive", "sell", "sell", "quota"]), milli=UNITS)
    def supply(self, kind, milli):
        if kind == "quota":
            self.pools.lend(QUOTAS[milli // 1_000 - 1])
        elif kind == "receive":
            self.pools.receive(milli)
            self.auditor.on_hand += milli
        else:
            self.pools.sell(milli)
            self.auditor.on_hand -= milli

    @rule(
        pool=OURS_TOO, milli=UNITS, may_split=st.booleans(), may_part_fill=st.booleans(),
        confirmed=st.sampled_from([True, True, False]), delivered=st.sampled_from([True, False]),
    )  # fmt: skip
    def place(self, pool, milli, may_split, may_part_fill, confirmed, delivered):
        order = f"o{len(self.orders[pool])}"
        self.orders[pool].append(order)
        deadline_ms = self.clock[pool] + 2 * HOUR_MS
        self.pools.order(
            pool, order, milli, may_split=may_split, may_part_fill=may_part_fill, deadline_ms=deadline_ms
        )  # fmt: skip
        if confirmed:
            self.pools.request(pool, "confirmed", order)
        if delivered:
            self.pools.settle()

    @precondition(lambda self: any(self.orders.values()))
    @rule(
        pool=OURS_TOO, nth=st.integers(0, 9), kind=st.sampled_from(["confirmed", "confirmed", "cancelled", "amended"]),
        milli=UNITS,
    )  # fmt: skip
    def change(self, pool, nth, kind, milli):
        if not self.orders[pool]:
            return
        order = self.orders[pool][-1 - nth % len(self.orders[pool])]
        if kind == "amended":
            self.pools.amend(pool, order, milli, self.clock[pool] + 2 * HOUR_MS)
        else:
            self.pools.request(pool, kind, order)

    @precondition(lambda self: self.pools.tasks())
    @rule(nth=st.integers(0, 5), kind=st.sampled_from(["done", "done", "done", "short", "refused"]), reason=REASONS)
    def report(self, nth, kind, reason):
        """The newest tasks first."""
        tasks = sorted(self.pools.tasks(), key=lambda task: -task["position"])
        task = tasks[nth % len(tasks)]
        left = sum(line["quantity_milli"] for line in task["lines"])
        gone = {"done": 0, "short": task["lines"][0]["quantity_milli"], "refused": left}[kind]
        short = [{"line_id": task["lines"][0]["line_id"], "quantity_milli": gone}] if kind == "short" else []
        self.pools.fulfil(kind, task["task"], *short, reason=None if kind == "done" else reason)
        if reason == "damaged":
            self.auditor.on_hand -= gone
        if task["kind"] == "hand_over":
            self.auditor.on_hand -= left - gone

    @rule(pools=st.lists(POOLS, min_size=1, max_size=4))
    def deliver(self, pools):
        for pool in pools:
            self.pools.deliver(pool)

    @rule(pool=POOLS, kind=st.sampled_from(["repeat", "lose", "die"]), nth=st.integers(0, 50))
    def trouble(self, pool, kind, nth):
        """A lost message became a dead letter, say; an operator may replay it, late, as a repeat.

        A worker dies with a message taken and nothing committed; the next one reads on from the last commit.
        """
        delivered = self.pools.delivered[pool]
        if kind == "die":
            self.pools.die(pool)
        elif kind == "repeat" and delivered:
            self.pools.again(pool, nth % delivered)
        elif kind == "lose" and delivered < len(self.pools.sent[pool]):
            self.pools.delivered[pool] += 1

    @rule(pool=POOLS, later_ms=st.sampled_from([60_000, 60_000, 10 * 60_000, HOUR_MS, DAY_MS]))
    def tick(self, pool, later_ms):
        self.clock[pool] += later_ms
        self.pools.tick(pool, self.clock[pool])

    # --- what holds -------------------------------------------------------------------------------------

    @invariant()
    def no_unit_is_promised_in_both(self):
        self.auditor.check()

    def teardown(self):
        if not hasattr(self, "pools"):
            return
        self.pools_agree_when_all_is_told()
        for pool in (HOME, AWAY):
            folds_to_the_same(self.pools.benches[pool], pool)
            decides_the_same(self.pools.benches[pool], pool)

    def pools_agree_when_all_is_told(self):
        """Nothing is lost from now on: the clocks tell again what was."""
        for _ in range(12):
            self.pools.settle()
            for pool in (HOME, AWAY):
                self.clock[pool] += 2 * DAY_MS
                self.pools.tick(pool, self.clock[pool])
        self.pools.settle()
        self.auditor.check_end()


def folds_to_the_same(bench: PoolBench, pool: str) -> None:
    rows = CommittedRows()
    view = rows.view()
    tables = processor().tables(view)
    state = PoolState(pool, tables, FilteredIndex(view.find_index, lambda: list(rows.index)))
    for entry in bench.journal(pool):
        processor().aggregates.fold(state, entry.fact, entry.fact_bytes, entry.appended_at_ms)
    rows.write(list(tables.drain()))
    assert rows.rows == bench.committed.rows
    assert_movements_are_the_books(bench.journal(pool), bench.committed, pool)


def decides_the_same(bench: PoolBench, pool: str) -> None:
    inputs = {record[:3]: record for record in bench.inputs}
    again = PoolBench(partition=bench.inputs[0].partition, partitions=2)
    for cause in dict.fromkeys(entry.cause for entry in bench.journal(pool)):
        again.apply(inputs[cause])
    assert again.journal(pool) == bench.journal(pool)
    assert again.committed.rows == bench.committed.rows


TestLending = Lending.TestCase
TestLending.settings = settings(
    max_examples=150, stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip
