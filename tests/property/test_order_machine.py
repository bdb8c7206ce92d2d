"""A pool played step by step against a model of plain sums: what came in, what went out, what was promised."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.orders import short, stocked
from tests.support.pool import BREAD, HOUR_MS, MILK, MINUTE_MS, NOON_MS, OTHER_STORE, STORE, line, wanted

SKUS, STORES = st.sampled_from([MILK, BREAD]), st.sampled_from([STORE, OTHER_STORE])
UNITS = st.integers(1, 4).map(lambda units: units * 1_000)


class Shops(RuleBasedStateMachine):
    """The model knows only its own sums and what the pool has told: events and tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = stocked()
        self.on_hand = Counter({(store, sku): 5_000 for store in (STORE, OTHER_STORE) for sku in (MILK, BREAD)})
        self.not_found: Counter = Counter()
        self.count = 0
        self.now_ms = NOON_MS

    def told(self) -> dict:
        """Each order as the last event about it has it."""
        return {event["order"]: event for event in self.bench.events() if event["status"]}

    def open_tasks(self, kind: str) -> list[dict]:
        return [task for task in self.bench.tasks().values() if task["kind"] == kind and task["status"] == "open"]

    def named(self) -> str:
        self.count += 1
        return f"n{self.count}"

    @rule(store=STORES, sku=SKUS, milli=UNITS)
    def goods_arrive(self, store, sku, milli):
        self.bench.report("received", self.named(), line(milli, sku), store=store)
        self.on_hand[store, sku] += milli

    @rule(store=STORES, sku=SKUS, milli=UNITS)
    def till_sells(self, store, sku, milli):
        self.bench.sell(self.named(), line(milli, sku), store=store)
        self.on_hand[store, sku] -= milli

    @rule(store=STORES, milk=UNITS, bread=UNITS, split=st.booleans(), part=st.booleans())
    def customer_orders(self, store, milk, bread, split, part):
        self.bench.request(
            "placed", self.named(), wanted(milk), wanted(bread, BREAD), preferred_store=store, may_split=split,
            may_part_fill=part, recorded_at_ms=self.now_ms, appended_at_ms=self.now_ms,
        )  # fmt: skip

    @precondition(lambda self: any(event["status"] == "tentative" for event in self.told().values()))
    @rule(nth=st.integers(0, 5), kind=st.sampled_from(["confirmed", "confirmed", "confirmed", "cancelled"]))
    def customer_decides(self, nth, kind):
        names = sorted(name for name, event in self.told().items() if event["status"] == "tentative")
        self.bench.request(kind, names[nth % len(names)])

    @precondition(lambda self: self.open_tasks("pick"))
    @rule(nth=st.integers(0, 5), how=st.sampled_from(["done", "done", "no_capacity", "not_found", "damaged"]))
    def store_picks(self, nth, how):
        tasks = self.open_tasks("pick")
        task = tasks[nth % len(tasks)]
        if how == "done":
            self.bench.fulfil("done", task["task"])
            return
        first = task["lines"][0]
        self.bench.fulfil("short", task["task"], short(1_000, how, first["sku"]))
        if how == "damaged":
            self.on_hand[task["store"], first["sku"]] -= 1_000
        elif how == "not_found":
            self.not_found[task["store"], first["sku"]] += 1_000

    @precondition(lambda self: self.open_tasks("hand_over"))
    @rule(nth=st.integers(0, 5), when=st.sampled_from(["before", "after", "never"]))
    def store_hands_over(self, nth, when):
        """And rings the goods up, before or after: they leave the store once."""
        tasks = self.open_tasks("hand_over")
        task = tasks[nth % len(tasks)]
        lines = [line(one["quantity_milli"], one["sku"]) for one in task["lines"]]
        steps = [lambda: self.bench.fulfil("done", task["task"])]
        if when != "never":
            ring_up = lambda: self.bench.sell(self.named(), *lines, store=task["store"], order_ref=task["order"])  # noqa: E731
            steps.insert(0 if when == "before" else 1, ring_up)
        for step in steps:
            step()
        for one in task["lines"]:
            self.on_hand[task["store"], one["sku"]] -= one["quantity_milli"]

    @rule(minutes=st.sampled_from([1, 10, 20, 70]))
    def time_passes(self, minutes):
        self.now_ms = min(self.now_ms + minutes * MINUTE_MS, NOON_MS + 40 * HOUR_MS)
        self.bench.pass_time(self.now_ms)

    @invariant()
    def the_table_says_what_the_sums_say(self):
        held: Counter = Counter()
        picked: Counter = Counter()
        for event in self.told().values():
            for hold in event["holds"]:
                shelf = (hold["store"], hold["sku"])
                if hold["state"] != "collected":
                    held[shelf] += hold["quantity_milli"] - hold["sold_at_till_milli"]
                if hold["state"] == "picked":
                    picked[shelf] += hold["quantity_milli"] - hold["sold_at_till_milli"]
        for row in self.bench.availability().values():
            shelf = (row["store"], row["sku"])
            assert row["on_hand_milli"] == self.on_hand[shelf]
            assert row["available_milli"] == max(0, self.on_hand[shelf] - self.not_found[shelf] - held[shelf])
            assert held[shelf] - picked[shelf] <= max(0, self.on_hand[shelf] - picked[shelf])


TestShops = Shops.TestCase
TestShops.settings = settings(max_examples=60, stateful_step_count=25)
