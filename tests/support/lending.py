"""Two pools on two partitions that lend to each other: messages between them wait until a test delivers them."""

from typing import Any

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ClockConfirmation, ConfigChange, LentQuota, PoolSettings, StoreSettings
from schemas.partition import partition_of
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_LENDING,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from streams.runtime.contract import InputRecord, OutputRecord
from tests.support.pool import (
    MILK,
    NOON_MS,
    PoolBench,
    decode_row,
    fulfilment_report,
    line,
    order_request,
    sale,
    stock,
    wanted,
)

HOME, AWAY = "north", "south"
"""The lender and the borrower; on two partitions they live apart."""
SHOP, FAR_SHOP = "corner", "hill"
LENT_SHOP = f"{SHOP}@{HOME}"
_decode = topic_codec(POOL_LENDING.name).decode


class Pools:
    """HOME with one store that has `milk_milli`, AWAY with one that has nothing, and the messages on their way."""

    def __init__(self, milk_milli: int = 10_000) -> None:
        self.benches = {pool: PoolBench(partition=partition_of(pool, 2), partitions=2) for pool in (HOME, AWAY)}
        self.sent: dict[str, list[OutputRecord]] = {HOME: [], AWAY: []}
        """By the pool that they are for, all so far."""
        self.delivered = {HOME: 0, AWAY: 0}
        self._read = {HOME: 0, AWAY: 0}
        self._ids = 0
        self.now_ms = {HOME: NOON_MS, AWAY: NOON_MS}
        """When it is at the edges of each pool: what they tell from then on happens, is recorded and comes then."""
        for pool, store in ((HOME, SHOP), (AWAY, FAR_SHOP)):
            self.configure(pool, PoolSettings(name=pool))
            self.configure(pool, StoreSettings(store=store, name=store))
            item = CatalogItem(pool=pool, sku=MILK, name=MILK, recorded_at_ms=NOON_MS)
            self.benches[pool].put(CATALOG_ITEMS.name, topic_codec(CATALOG_ITEMS.name).encode(item.to_avro()))
            self.tick(pool, NOON_MS)
        if milk_milli:
            self.receive(milk_milli)

    # --- in ---------------------------------------------------------------------------------------------

    def put(self, pool: str, topic: str, value: bytes, at_ms: int | None = None) -> None:
        """An input, and a commit: what it has the pool tell the other is on its way then."""
        bench = self.benches[pool]
        bench.put(topic, value, self.now_ms[pool] if at_ms is None else at_ms)
        bench.commit()
        self.collect(pool)

    def collect(self, pool: str) -> None:
        """Take what the pool has published since the last time."""
        outputs = self.benches[pool].outputs
        for output in outputs[self._read[pool] :]:
            if output.topic == POOL_LENDING.name:
                assert output.partition == partition_of(str(output.key), 2)
                self.sent[str(output.key)].append(output)
        self._read[pool] = len(outputs)

    def configure(self, pool: str, change: Any, recorded_at_ms: int = NOON_MS) -> None:
        event = ConfigChange(pool=pool, recorded_at_ms=recorded_at_ms, origin="test", change=change)
        self.put(pool, POOL_CONFIG.name, topic_codec(POOL_CONFIG.name).encode(event.to_avro()), recorded_at_ms)

    def lend(self, milli: int) -> None:
        self.configure(HOME, LentQuota(store=SHOP, sku=MILK, to_pool=AWAY, quantity_milli=milli))

    def tick(self, pool: str, at_ms: int) -> None:
        """Let it be `at_ms` in the pool: after hours of ticks, or as an operator confirms."""
        self.configure(pool, ClockConfirmation(at_ms=at_ms), max(at_ms, NOON_MS))
        value = topic_codec(POOL_TICKS.name).encode({"pool": pool, "at_ms": at_ms, "origin": "test"})
        self.put(pool, POOL_TICKS.name, value, max(at_ms, NOON_MS))

    def receive(self, milli: int) -> None:
        self._ids += 1
        value = stock("received", f"r{self._ids}", line(milli), pool=HOME, store=SHOP, **self._now(HOME))
        self.put(HOME, POS_STOCK.name, value)

    def sell(self, milli: int, **event: Any) -> None:
        self._ids += 1
        value = sale(f"s{self._ids}", line(milli, kind="sale"), pool=HOME, store=SHOP, **self._now(HOME) | event)
        self.put(HOME, POS_SALES.name, value)

    def order(self, pool: str, order: str, milli: int, **fields: Any) -> None:
        store = SHOP if pool == HOME else FAR_SHOP
        fields = {"recorded_at_ms": self.now_ms[pool], "preferred_store": store} | fields
        value = order_request("placed", order, wanted(milli), pool=pool, **fields)
        self.put(pool, ORDERS_REQUESTS.name, value)

    def amend(self, pool: str, order: str, milli: int, deadline_ms: int) -> None:
        self._ids += 1
        store = SHOP if pool == HOME else FAR_SHOP
        value = order_request(
            "amended", order, wanted(milli), pool=pool, preferred_store=store, deadline_ms=deadline_ms,
            key=f"{order}/amended/{self._ids}", recorded_at_ms=self.now_ms[pool],
        )  # fmt: skip
        self.put(pool, ORDERS_REQUESTS.name, value)

    def request(self, pool: str, kind: str, order: str) -> None:
        value = order_request(kind, order, pool=pool, recorded_at_ms=self.now_ms[pool])
        self.put(pool, ORDERS_REQUESTS.name, value)

    def fulfil(self, kind: str, task: str, *lines: dict[str, Any], **fields: Any) -> None:
        """HOME's store reports."""
        value = fulfilment_report(kind, task, *lines, pool=HOME, store=SHOP, **self._now(HOME) | fields)
        self.put(HOME, FULFILMENT_REPORTS.name, value)

    def _now(self, pool: str) -> dict[str, int]:
        return {"occurred_at_ms": self.now_ms[pool], "recorded_at_ms": self.now_ms[pool]}

    # --- between ----------------------------------------------------------------------------------------

    def deliver(self, pool: str) -> bool:
        """The next message for `pool`, if one is on its way."""
        at = self.delivered[pool]
        if at >= len(self.sent[pool]):
            return False
        self.delivered[pool] = at + 1
        self.put(pool, POOL_LENDING.name, self.sent[pool][at].value or b"")
        return True

    def again(self, pool: str, nth: int) -> None:
        """A message that was delivered before comes again."""
        self.put(pool, POOL_LENDING.name, self.sent[pool][nth].value or b"")

    def die(self, pool: str) -> None:
        """The pool's worker takes its next message, if one is on its way, and dies before it commits."""
        bench, at = self.benches[pool], self.delivered[pool]
        if at < len(self.sent[pool]):
            value = self.sent[pool][at].value
            record = InputRecord(POOL_LENDING.name, partition_of(pool, 2), 1 << 40, self.now_ms[pool], b"k", value)
            bench.partition.apply(record)
        bench.restart()

    def settle(self) -> None:
        """Deliver until nothing is on its way."""
        for _ in range(1_000):
            if not any([self.deliver(HOME), self.deliver(AWAY)]):
                return
        raise AssertionError("the pools never stop talking")

    # --- out --------------------------------------------------------------------------------------------

    def said(self, pool: str) -> list[tuple[str, dict[str, Any]]]:
        """Messages for `pool` so far: (kind, body)."""
        bodies = [_decode(output.value)["body"] for output in self.sent[pool]]
        return [(kind.removeprefix("commonshelf."), body) for kind, body in bodies]

    def row(self, pool: str, key: str) -> dict[str, Any] | None:
        raw = self.benches[pool].committed.rows.get(key)
        return None if raw is None else dict(decode_row(raw))

    def loan(self, pool: str) -> dict[str, Any]:
        side, peer = ("lender", AWAY) if pool == HOME else ("borrower", HOME)
        row = self.row(pool, f"loan/{pool}/{side}/{peer}/{SHOP}/{MILK}")
        assert row is not None
        return row

    def lent(self, pool: str) -> int:
        """What is lent, as that pool knows it."""
        loan = self.loan(pool)
        return int(loan["granted_milli"] - loan["returned_milli"] - loan["drawn_milli"])

    def shelf(self, pool: str) -> dict[str, Any]:
        """The newest availability of the store's milk in that pool."""
        store = SHOP if pool == HOME else LENT_SHOP
        return self.benches[pool].availability()[f"{pool}/{MILK}/{store}"]

    def holds(self, pool: str, order: str) -> list[tuple[str, int, str]]:
        """(store, thousandths, state) of the order's holds."""
        row = self.row(pool, f"order/{pool}/{order}")
        assert row is not None
        return [(hold["store"], hold["quantity_milli"], hold["state"]) for hold in row["holds"]]

    def rows(self, pool: str, prefix: str) -> dict[str, dict[str, Any]]:
        """The pool's committed rows under that prefix."""
        return {key: dict(decode_row(raw)) for key, raw in self.benches[pool].committed.scan(prefix)}

    def on_hand_at_home(self) -> int:
        return self._at_home("on_hand_milli")

    def available_at_home(self) -> int:
        return self._at_home("available_milli")

    def _at_home(self, name: str) -> int:
        row = self.benches[HOME].availability().get(f"{HOME}/{MILK}/{SHOP}")
        return 0 if row is None else int(row[name])

    def tasks(self) -> list[dict[str, Any]]:
        """HOME's open picks and hand-overs, by id."""
        rows = self.rows(HOME, f"task/{HOME}/").values()
        return [row for row in rows if row["status"] in ("open", "claimed") and row["kind"] in ("pick", "hand_over")]

    def task(self, kind: str) -> dict[str, Any]:
        """HOME's only open task of that kind."""
        rows = self.rows(HOME, f"task/{HOME}/").values()
        [task] = [row for row in rows if row["kind"] == kind and row["status"] in ("open", "claimed")]
        return dict(task)
