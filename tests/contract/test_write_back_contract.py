"""What every online channel keeps to, each against its vendor's API on a real port, by the vendor's documentation."""

import threading
from dataclasses import dataclass, replace

import pytest

from connectors.context import Held, WriteBackContext
from connectors.contract import AccessRefused, Unavailable
from connectors.http.client import PatientTransport
from connectors.installed import installed
from connectors.metrics import ConnectorMetrics
from connectors.outbound.driver import REFUSED_WAIT_MS, Driver
from connectors.specs import ConnectorSpec
from connectors.vendor.write_back import CHECK_MS, write_back_log
from messaging.publisher import PublishFailed
from tests.support.connectors import GROCER, MemoryPositions, tools
from tests.support.rigs import all_rigs
from tests.support.rigs.rig import NOW_MS
from tests.support.vendor_server import Answer, Cut, VendorServer

DAY_MS = 86_400_000
KINDS = [kind for kind, each in installed()[0].items() if "write_back" in each.options.model_fields]
MILK = {
    "shopify": Held("MILK-1L", 2000, ("gtin:04006381333931", "sku:milk")),
    "square": Held("MILK-1L", 2000, ("gtin:04006381333931", "item:none-such", "item:milk")),
    "woocommerce": Held("MILK-1L", 2000, ("plu:7", "sku:milk")),
}
ON_SALE = {
    "shopify": lambda rig: rig.stock["available"],
    "square": lambda rig: rig.in_stock("milk", 10),
    "woocommerce": lambda rig: rig.stock["93/0"],
}
UNDO = {
    "square": lambda rig: rig.count("milk", "10", rig.now_ms + 1),
    "woocommerce": lambda rig: [_cancelled(rig, order) for order in rig.holds.values()],
}


def _cancelled(rig, order):
    order["status"] = "cancelled"
    rig.stock["93/0"] += order["line_items"][0]["quantity"]


class Killed(BaseException):
    pass


class Topic:
    """The compacted topic; the record after which the process dies, or Kafka is away, may be named by its number."""

    def __init__(self):
        self.rows = {}
        self.saves = 0
        self.dies_after = self.goes_down_after = None

    def publish_all(self, events):
        if self.goes_down_after is not None and self.saves >= self.goes_down_after:
            raise PublishFailed("Kafka is down")
        for event in events:
            self.rows[event.key] = event.to_avro()
            self.saves += 1
            if self.saves == self.dies_after:
                raise Killed


@dataclass
class WriteBackStage:
    rig: object
    server: VendorServer
    options: object
    kind: str

    def __post_init__(self):
        self.topic, self.metrics, self.now_ms = Topic(), ConnectorMetrics(), NOW_MS
        self.milk = MILK[self.kind]

    def connector(self):
        """A process of its own: it knows what the topic has, no more."""
        log = write_back_log(lambda: list(self.topic.rows.values()), self.topic)
        lent = replace(tools(self.topic), write_back=WriteBackContext(self, log), metrics=self.metrics)
        return installed()[0][self.kind].make(ConnectorSpec(GROCER, self.options), lent)

    def of(self, pool, store):
        assert (pool, store) == (GROCER.pool, GROCER.id)
        return self._held

    def started(self) -> Driver:
        found = self.connector()._write_back
        found._now_ms = lambda: self.now_ms
        return found

    def go(self, *held, by=None):
        self._held = held
        for failure in (by or self.started()).round(threading.Event()):
            raise failure

    def go_on(self, *millis):
        for milli in millis:
            self.go(self.held(milli))

    @property
    def on_sale(self):
        return ON_SALE[self.kind](self.rig)

    def count(self, outcome):
        labels = {"pool": GROCER.pool, "store": GROCER.id, "connector": self.kind, "outcome": outcome}
        return self.metrics.registry.get_sample_value("commonshelf_connector_written_back_total", labels) or 0

    def held(self, milli):
        return replace(self.milk, held_milli=milli)

    def writes(self):
        return [each for each in self.server.requests if not _only_reads(each)]


def _only_reads(request):
    if request.path.endswith("graphql.json"):
        return b"mutation" not in request.body
    return request.method == "GET" or request.path.endswith(("batch-retrieve", "search"))


@pytest.fixture(params=KINDS)
def stage(request, tmp_path):
    kind = request.param
    rig = next(each for each in all_rigs() if each.kind == kind)()
    (tmp_path / "token").write_text(rig.token)
    with VendorServer(rig.answer) as server:
        raw = {"kind": kind, "token_file": tmp_path / "token", "base_url": server.url, "write_back": True}
        options = installed()[0][kind].options.model_validate(raw | rig.options())
        yield WriteBackStage(rig, server, options, kind)
        server.faults.clear()


@pytest.fixture(autouse=True)
def _no_naps(monkeypatch):
    monkeypatch.setattr(PatientTransport, "sleep", staticmethod(lambda _s: None))


def test_every_connector_that_writes_back_is_tried_here():
    assert sorted(KINDS) == sorted(MILK)


def test_what_is_held_is_off_sale_until_it_is_released(stage):
    stage.go(stage.milk)
    assert stage.on_sale == 8
    wrote = len(stage.writes())
    stage.go(stage.milk)
    assert (stage.on_sale, len(stage.writes())) == (8, wrote)
    stage.go(stage.held(5000))
    assert stage.on_sale == 5
    stage.go(stage.held(1250))  # whole units there: rounded up
    assert stage.on_sale == 8
    stage.go()
    assert (stage.on_sale, stage.count("done")) == (10, 4)


@pytest.mark.parametrize("held_milli", [7000, 1000, 0])
@pytest.mark.parametrize("dies_after", [1, 2, 3, 4])
def test_a_process_that_dies_around_a_write_ends_right(stage, dies_after, held_milli):
    stage.topic.dies_after = dies_after
    with pytest.raises(Killed):
        stage.go_on(2000, held_milli)
    stage.topic.dies_after = None
    for _ in range(2):  # the write under way as it was begun, then what is held by now
        stage.go(stage.held(held_milli))
    assert stage.on_sale == 10 - held_milli // 1000


@pytest.mark.parametrize("target_milli", [5000, 1000, 0])
def test_a_write_that_was_done_but_not_noted_is_not_done_twice(stage, target_milli):
    stage.go(stage.milk)
    stage.topic.goes_down_after = stage.topic.saves + 1
    with pytest.raises(PublishFailed):
        stage.go(stage.held(target_milli))
    assert stage.on_sale == 10 - target_milli // 1000
    stage.topic.goes_down_after = None
    stage.go(stage.held(target_milli))
    assert stage.on_sale == 10 - target_milli // 1000
    stage.go()
    assert stage.on_sale == 10


@pytest.mark.parametrize("was_done", [True, False])
def test_an_answer_that_never_came_does_not_count_twice(stage, was_done):
    stage.go(stage.milk)
    answer, at = stage.server._answer, []

    def cut(request):
        if _only_reads(request):
            return answer(request)
        at.append(request)
        if was_done:
            answer(request)
        return Cut()

    stage.server._answer = cut
    with pytest.raises(Unavailable):
        stage.go(stage.held(3000))
    stage.server._answer = answer
    stage.go(stage.held(3000))
    assert (stage.on_sale, len(at) > 0) == (7, True)
    assert (len(at) == 1) == (stage.kind == "woocommerce"), "it knows no keys, so nothing is sent twice in one go"


@pytest.mark.parametrize("was_done", [True, False])
def test_a_write_of_the_day_before_yesterday_is_looked_up_and_not_sent_again(stage, was_done):
    if was_done:
        stage.topic.goes_down_after = 1
        with pytest.raises(PublishFailed):
            stage.go(stage.milk)
    else:
        stage.topic.dies_after = 1
        with pytest.raises(Killed):
            stage.go(stage.milk)
    stage.topic.goes_down_after = stage.topic.dies_after = None
    stage.now_ms += 2 * DAY_MS
    stage.rig.now_ms += 2 * DAY_MS
    wrote = len(stage.writes())
    stage.go(stage.milk)
    assert (len(stage.writes()), stage.count("looked_up")) == (wrote, 1)
    stage.go(stage.milk)
    assert (stage.on_sale, len(stage.writes())) == (8, wrote if was_done else wrote + 1)


@pytest.mark.parametrize("stage", sorted(UNDO), indirect=True)  # Shopify's reservations outlast counts
def test_what_somebody_there_put_back_on_sale_is_taken_out_again(stage):
    undo = UNDO[stage.kind]
    by = stage.started()
    stage.go(stage.milk, by=by)
    undo(stage.rig)
    assert stage.on_sale == 10
    stage.now_ms = stage.rig.now_ms = stage.rig.now_ms + 2
    stage.go(stage.milk, by=by)
    stage.now_ms = stage.rig.now_ms = stage.rig.now_ms + CHECK_MS
    stage.go(stage.milk, by=by)
    assert (stage.on_sale, stage.count("lost")) == (8, 1)
    stage.go(by=by)
    assert stage.on_sale == 10


@pytest.mark.parametrize("stage", sorted(UNDO), indirect=True)
def test_what_was_put_back_is_noticed_before_the_next_write(stage):
    stage.go(stage.milk)
    UNDO[stage.kind](stage.rig)
    stage.now_ms = stage.rig.now_ms = stage.rig.now_ms + 2
    stage.go(stage.held(1000))
    assert stage.on_sale == 9


@pytest.mark.parametrize("stage", ["woocommerce"], indirect=True)  # the one with two requests for a write
def test_a_write_that_was_half_done_two_days_ago_ends_right(stage):
    stage.go(stage.milk)
    answer = stage.server._answer
    stage.server._answer = lambda asked: Cut() if asked.method == "PUT" else answer(asked)
    with pytest.raises(Unavailable):
        stage.go(stage.held(5000))
    assert stage.on_sale == 3, "the earlier order is not cancelled yet"
    stage.server._answer = answer
    stage.now_ms = stage.rig.now_ms = stage.rig.now_ms + 2 * DAY_MS
    for _ in range(2):
        stage.go(stage.milk)
    assert stage.on_sale == 8


@pytest.mark.parametrize("stage", ["square"], indirect=True)
def test_a_key_that_was_used_for_something_else_leaves_the_write_under_way(stage):
    stage.topic.goes_down_after = 1
    with pytest.raises(PublishFailed):
        stage.go(stage.milk)
    stage.topic.goes_down_after = None
    (key,) = stage.rig.writes
    stage.rig.writes[key] = {"as": "an earlier release wrote it"}
    with pytest.raises(Unavailable):
        stage.go(stage.milk)
    (kept,) = stage.topic.rows.values()
    assert kept["pending_milli"] == 2000


@pytest.mark.parametrize("stage", ["square"], indirect=True)
def test_a_count_of_what_is_wasted_puts_nothing_back_on_sale(stage):
    stage.go(stage.milk)
    stage.rig.count("milk", "1", stage.rig.now_ms + 1)
    stage.rig.changes[-1]["physical_count"]["state"] = "WASTE"
    stage.go(stage.held(1000))
    assert (stage.count("lost"), stage.count("done")) == (0, 2)


def test_an_item_that_is_not_there_is_counted_and_holds_up_no_other(stage, logged):
    stage.go(Held("BREAD", 1000, ("plu:4",)), stage.milk)
    assert (stage.on_sale, stage.count("refused")) == (8, 1)
    assert "BREAD" in logged()


def test_a_refusal_is_tried_again_after_a_while_and_not_at_once(stage):
    by = stage.started()
    refusal = {"shopify": "ITEM_NOT_STOCKED_AT_LOCATION", "square": "INVALID_VALUE", "woocommerce": 400}[stage.kind]
    field = "refuses_moves" if stage.kind == "shopify" else "refuses_writes"
    setattr(stage.rig, field, refusal)
    stage.go(stage.milk, by=by)
    asked = len(stage.server.requests)
    stage.go(stage.milk, by=by)
    assert (len(stage.server.requests), stage.count("refused"), stage.on_sale) == (asked, 1, 10)
    setattr(stage.rig, field, type(refusal)())
    stage.now_ms += REFUSED_WAIT_MS
    stage.go(stage.milk, by=by)
    assert stage.on_sale == 8


def test_a_token_that_may_not_write_leaves_the_write_under_way(stage):
    answer = stage.server._answer
    stage.server._answer = lambda asked: (
        answer(asked)
        if asked.method == "GET" or _only_reads(asked)
        else Answer({"errors": [{"code": "FORBIDDEN"}]}, 403)
    )
    with pytest.raises(AccessRefused):
        stage.go(stage.milk)
    (kept,) = stage.topic.rows.values()
    assert kept["pending_milli"] == 2000
    stage.server._answer = answer
    stage.go(stage.milk)
    assert stage.on_sale == 8


def test_nothing_that_we_wrote_comes_back_as_an_event(stage):
    told = stage.connector()
    positions, published = MemoryPositions(), []
    told._positions = positions
    told._publisher = type("Publisher", (), {"publish_all": lambda _self, events: published.extend(events)})()
    told.poll(threading.Event())
    published.clear()
    stage.go(stage.milk)
    stage.go(stage.held(5000))
    stage.go()
    told.poll(threading.Event())
    labels = {"pool": GROCER.pool, "store": GROCER.id, "connector": stage.kind, "reason": "echo"}
    echoes = stage.metrics.registry.get_sample_value("commonshelf_connector_skipped_total", labels) or 0
    assert (published, echoes > 0) == ([], stage.kind != "shopify")  # its levels are read with what is reserved
