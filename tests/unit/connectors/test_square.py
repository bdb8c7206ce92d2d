"""Square's own examples and what comes out of each; the rules that its documentation states; whatever may be sent."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Delivery, Refused, SkipReason
from connectors.http.client import PatientTransport
from connectors.square import translate
from connectors.square.client import SquareVendor
from connectors.square.spec import SquareOptions
from connectors.square.translate import SquareShop
from connectors.vendor.fields import ReadContext, left_out
from schemas.models.pos import Sale
from tests.support.connectors import GROCER
from tests.support.rigs.rig import CANARY, Order
from tests.support.rigs.square import LOCATION, URL, SquareRig
from tests.support.vendor_server import Answer, VendorServer

PAYLOADS = Path(__file__).parents[2] / "payloads" / "square"
SHOP = SquareShop(GROCER, LOCATION)
NOW_MS = 1_790_000_000_000
NOW = ReadContext(NOW_MS)

ITEM = "item:W62UWFY35CWMYGVWK6TWJDNI"
OUTCOMES = {
    "BatchRetrieveInventoryChangesResponse": [f"counted change/46YDTW253DWGGK9HMAE6XCAO: {ITEM} 86000"],
    "BatchRetrieveInventoryCountsResponse": [f"level level/{ITEM[5:]}/1479335281223: {ITEM} 79000"],
    "BatchRetrieveOrdersResponse": ["skipped unpaid"],
    "CatalogVersionUpdatedEvent": ["skipped no_content"],
    "InventoryCountUpdatedEvent": [
        "level level/FGQ5JJWT2PYTHF35CKZ2DSKP/1572374325102: item:FGQ5JJWT2PYTHF35CKZ2DSKP 10000"
    ],
    "ListCatalogResponse": [],
    "ListLocationsResponse": ["location 18YC4JDH91E1H", "location 3Z4V4WHQK64X9"],
    "LocationUpdatedEvent": ["skipped no_content"],
    "OrderCreatedEvent": ["fetched eA3vssLHKJrv9H0IdJCM3gNqfdcZY", "skipped unpaid"],
    "OrderFulfillmentUpdatedEvent": ["fetched eA3vssLHKJrv9H0IdJCM3gNqfdcZY", "skipped unpaid"],
    "OrderUpdatedEvent": ["fetched eA3vssLHKJrv9H0IdJCM3gNqfdcZY", "skipped unpaid"],
    "PaymentCreatedEvent": ["skipped unpaid"],
    "PaymentUpdatedEvent": ["fetched 03O3USaPaAaFnI6kkwB1JxGgBsUZY", "skipped unpaid"],
    "RefundCreatedEvent": ["skipped unpaid"],
    "RefundUpdatedEvent": ["fetched haOyDuHiqtAXMk0d8pDKXpL7Jg4F", "skipped unpaid"],
    "RetrieveOrderResponse": ["skipped unpaid"],
    "SearchCatalogItemsResponse": ["item VBJNPHCOKDFECR6VU25WRJUD"],
    "SearchCatalogObjectsResponse": [
        "item 5GSZPX6EU7MM75S57OONG3V5",
        "item XVLBN7DU6JTWHJTG5F265B43",
        "item FHYBVIA6NVBCSOVETA62WEA4",
    ],
    "SearchOrdersResponse": ["skipped unpaid", "skipped other_store", "skipped unpaid"],
}
"""What each of Square's examples comes to, at the location that it names first."""


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """A function: payload → what comes out, in words. Orders that are asked for are Square's example of one."""
    monkeypatch.setattr(PatientTransport, "sleep", staticmethod(lambda _seconds: None))
    (tmp_path / "token").write_text("token-that-is-in-use-now")
    order = json.loads((PAYLOADS / "RetrieveOrderResponse.json").read_text())["order"]

    def answer(request):
        said.append(f"fetched {request.path.removeprefix('/v2/orders/')}")
        return Answer({"order": {**order, "location_id": None}})

    said: list[str] = []
    with VendorServer(answer) as server:

        def outcome(payload):
            said.clear()
            location = first(payload, "location_id") or LOCATION
            if "event_id" in payload:
                options = SquareOptions(location_id=location, token_file=tmp_path / "token", base_url=server.url)
                vendor = SquareVendor(options, GROCER)
                translated = vendor.receive(Delivery((), json.dumps(payload).encode(), NOW_MS))
                vendor.close()
                return said + words(translated)
            for name, make in (("orders", translate.orders), ("order_entries", translate.orders),
                               ("changes", translate.changes), ("counts", translate.counts)):  # fmt: skip
                if name in payload:
                    return words(make(payload[name], SquareShop(GROCER, location), NOW))
            if "order" in payload:
                return words(translate.orders([payload["order"]], SquareShop(GROCER, location), NOW))
            listed = payload.get("locations") or payload.get("objects") or payload.get("items")
            return [f"{found.kind} {found.id}" for found in translate.names(listed)]

        yield outcome


def first(value, name):
    """The first value of that name anywhere inside."""
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            return value[name]
        value = list(value.values())
    inner = (first(each, name) for each in value) if isinstance(value, list) else ()
    return next((each for each in inner if each), None)


def words(translated):
    assert translated.problems == ()
    events = [
        f"{getattr(event, 'kind', 'sale')} {event.source.id}: {line.code} {line.quantity_milli}"
        for event in translated.events
        for line in event.lines
    ]
    return events + [f"skipped {skip.reason}" for skip in translated.skipped]


def test_every_example_of_square_is_listed_here():
    names = {path.stem for path in PAYLOADS.glob("*.json")} - {"openapi"}
    assert names == set(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_example_of_square_comes_to(ask, name):
    assert ask(json.loads((PAYLOADS / f"{name}.json").read_text())) == OUTCOMES[name]


def made(*found, shop=SHOP, **changes):
    """Square's orders from the rig's, with fields replaced."""
    rig = SquareRig()
    return translate.orders([{**rig.order(order), **changes} for order in found], shop, NOW)


def lines(translated):
    return [(line.line_id, line.kind, line.code, line.quantity_milli) for e in translated.events for line in e.lines]


def test_square_s_example_of_an_order_is_a_sale_once_it_is_completed():
    order = json.loads((PAYLOADS / "RetrieveOrderResponse.json").read_text())["order"]
    for at, line in enumerate(order["line_items"]):
        line["catalog_object_id"] = f"ITEM{at}"
    (sale,) = translate.orders([{**order, "state": "COMPLETED"}], SquareShop(GROCER, order["location_id"]), NOW).events
    assert [(line.code, line.quantity_milli, line.price_minor) for line in sale.lines] == [
        ("item:ITEM0", 1_000, 250), ("item:ITEM1", 2_000, 300),
    ]  # fmt: skip
    assert (sale.currency, sale.source.version, sale.source.id) == ("USD", 1, "CAISENgvlJ6jLWAzERDzjyHVybY")


def test_an_exchange_whose_parts_lack_what_is_optional_keeps_its_lines_apart():
    bare = {"catalog_object_id": "milk", "quantity": "1"}
    returns = [{"return_line_items": [bare]}, {"return_line_items": [bare | {"catalog_object_id": "bread"}]}]
    translated = made(Order("A1"), returns=returns, version=None, service_charges=None, refunds=None, tenders=None)
    (sale,) = translated.events
    assert (sale.source.version, translated.problems) == (1, ())
    assert [(line.line_id, line.kind, line.code) for line in sale.lines] == [
        ("uid-0", "sale", "item:milk"), ("return/#1", "return", "item:milk"), ("return/#2", "return", "item:bread"),
    ]  # fmt: skip


@pytest.mark.parametrize(("restocked", "kind"), [(True, "return"), (False, "return_not_restocked")])
def test_returned_goods_go_back_to_the_shelf_where_the_store_says_so(restocked, kind):
    line = {"uid": "r1", "catalog_object_id": "milk", "quantity": "1", "source_line_item_uid": "uid-0"}
    returned = {"uid": "R", "source_order_id": "A0", "return_line_items": [line], "return_tips": [{"uid": "t"}]}
    shop = SquareShop(GROCER, LOCATION, returns_restocked=restocked)
    translated = made(Order("A1"), shop=shop, returns=[returned], line_items=[])
    assert lines(translated) == [("return/r1", kind, "item:milk", 1_000)]
    assert [skip.reason for skip in translated.skipped] == [SkipReason.tip]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "OPEN"}, SkipReason.unpaid),
        ({"state": "DRAFT"}, SkipReason.unpaid),
        ({"state": "CANCELED", "tenders": []}, SkipReason.cancelled),
        ({"location_id": "ANOTHER"}, SkipReason.other_store),
    ],
)
def test_an_order_that_is_no_sale_of_this_store_is_skipped(change, reason):
    translated = made(Order("A1"), **change)
    assert (translated.events, [skip.reason for skip in translated.skipped]) == ((), [reason])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"item_type": "GIFT_CARD"}, SkipReason.gift_card),
        ({"item_type": "CUSTOM_AMOUNT", "catalog_object_id": None}, SkipReason.non_stock),
        ({"catalog_object_id": None}, SkipReason.non_stock),
        ({"quantity": "0"}, SkipReason.not_moved),
    ],
)
def test_a_line_that_is_no_stock_is_skipped_alone(change, reason):
    kept = {"uid": "a", "catalog_object_id": "milk", "quantity": "1"}
    translated = made(Order("A1"), line_items=[kept, {**kept, "uid": "b", **change}])
    assert lines(translated) == [("a", "sale", "item:milk", 1_000)]
    assert [skip.reason for skip in translated.skipped] == [reason]


def test_tips_and_service_charges_are_skipped_and_counted():
    translated = made(Order("A1"), service_charges=[{"uid": "s"}], total_tip_money={"amount": 100, "currency": "EUR"})
    assert [skip.reason for skip in translated.skipped] == [SkipReason.fee, SkipReason.tip]


@pytest.mark.parametrize(
    ("unit", "quantity", "expected"),
    [
        ({"weight_unit": "METRIC_KILOGRAM"}, "0.485", ("kg", 485)),
        ({"weight_unit": "METRIC_GRAM"}, "485", ("kg", 485)),
        ({"volume_unit": "METRIC_MILLILITER"}, "750", ("l", 750)),
        ({"generic_unit": "UNIT"}, "2", ("each", 2_000)),
        ({"custom_unit": {"name": "bunch", "abbreviation": "b"}}, "2", ("each", 2_000)),
    ],
)
def test_a_unit_of_square_is_ours_exactly(unit, quantity, expected):
    line = {"uid": "a", "catalog_object_id": "x", "quantity": quantity, "quantity_unit": {"measurement_unit": unit}}
    (sale,) = made(Order("A1"), line_items=[line]).events
    assert (sale.lines[0].unit, sale.lines[0].quantity_milli) == expected


def test_a_paid_order_that_is_canceled_is_taken_back():
    translated = made(Order("A1"), state="CANCELED")
    assert [line.kind.value for line in translated.events[0].lines] == ["sale", "void"]


@pytest.mark.parametrize(
    ("unit", "quantity", "milli", "is_noted"),
    [
        ("IMPERIAL_POUND", "1.25", 567, True), ("IMPERIAL_POUND", "100000", 45_359_237, False),
        ("IMPERIAL_WEIGHT_OUNCE", "8", 227, True), ("METRIC_KILOGRAM", "0.4855", 486, True),
        ("METRIC_KILOGRAM", "0.30000000000000004", 300, False),
    ],
)  # fmt: skip
def test_what_is_no_whole_gram_is_counted_to_the_nearest(unit, quantity, milli, is_noted):
    given = {"measurement_unit": {"weight_unit": unit}}
    line = {"uid": "a", "catalog_object_id": "x", "quantity": quantity, "quantity_unit": given}
    translated = made(Order("A1"), line_items=[line])
    (sold,) = translated.events[0].lines
    assert (sold.unit.value, sold.quantity_milli, translated.problems) == ("kg", milli, ())
    assert bool(translated.notes) == is_noted


def test_a_payment_taken_offline_occurred_when_the_till_says():
    order = SquareRig().order(Order("A1"))
    (sale,) = translate.orders([order], SHOP, NOW, occurred_at_ms=NOW_MS - 3_600_000).events
    assert sale.occurred_at_ms == NOW_MS - 3_600_000


def test_an_old_order_that_is_changed_later_was_told_when_it_was_placed():
    old = Order("A1", at_ms=NOW_MS - 9 * 86_400_000, updated_at_ms=NOW_MS)
    found = [SquareRig().order(old)]
    assert [skip.reason for skip in translate.orders(found, SHOP, NOW).skipped] == [SkipReason.already_reported]
    polled_from_before = ReadContext(NOW_MS, from_ms=old.at_ms - 1)
    assert len(translate.orders(found, SHOP, polled_from_before).events) == 1


def adjustment(**fields):
    inner = {
        "id": "ADJ1", "from_state": "NONE", "to_state": "IN_STOCK", "location_id": LOCATION, "quantity": "5",
        "catalog_object_id": "milk", "occurred_at": "2026-09-21T12:00:00Z", **fields,
    }  # fmt: skip
    return {"type": "ADJUSTMENT", "adjustment": {name: value for name, value in inner.items() if value is not None}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("received", 5_000, None)),
        ({"from_state": "IN_TRANSIT"}, ("received", 5_000, None)),
        ({"from_state": "IN_STOCK", "to_state": "WASTE"}, ("adjusted", -5_000, "waste")),
        (
            {"from_state": "IN_STOCK", "to_state": "WASTE", "reason_id": {"type": "THEFT"}},
            ("adjusted", -5_000, "theft"),
        ),
        ({"from_state": "IN_STOCK", "to_state": "NONE"}, ("adjusted", -5_000, "other")),
        ({"from_state": "COMPOSED"}, ("adjusted", 5_000, "other")),
        (
            {"from_state": "IN_STOCK", "location_id": None, "from_location_id": LOCATION, "to_location_id": "B"},
            ("adjusted", -5_000, "other"),
        ),
        (
            {"from_state": "IN_STOCK", "location_id": None, "from_location_id": "B", "to_location_id": LOCATION},
            ("received", 5_000, None),
        ),
    ],
)
def test_an_adjustment_moves_stock_by_its_states(fields, expected):
    (report,) = translate.changes([adjustment(**fields)], SHOP, NOW).events
    assert (report.kind, report.lines[0].quantity_milli, report.lines[0].reason) == expected


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"from_state": "IN_STOCK", "to_state": "SOLD"}, SkipReason.already_reported),
        ({"from_state": "UNLINKED_RETURN"}, SkipReason.already_reported),
        ({"physical_count_id": "PC1"}, SkipReason.already_reported),
        ({"reason_id": {"type": "CANCELED_SALE"}}, SkipReason.already_reported),
        ({"reference_id": "commonshelf:1"}, SkipReason.echo),
        ({"location_id": "ANOTHER"}, SkipReason.other_store),
        ({"from_state": "WASTE", "to_state": "NONE"}, SkipReason.not_moved),
    ],
)
def test_an_adjustment_that_another_message_tells_is_skipped(fields, reason):
    translated = translate.changes([adjustment(**fields)], SHOP, NOW)
    assert (translated.events, [skip.reason for skip in translated.skipped]) == ((), [reason])


def test_an_order_that_square_does_not_have_is_a_problem_and_not_asked_for_for_ever(tmp_path):
    rig = SquareRig()
    _, body = rig.notice(Order("gone"))
    (tmp_path / "token").write_text(rig.token)
    with VendorServer(rig.answer) as server:
        options = SquareOptions(location_id=LOCATION, token_file=tmp_path / "token", base_url=server.url)
        vendor = SquareVendor(options, GROCER)
        translated = vendor.receive(Delivery((), body, NOW_MS))
        vendor.close()
    assert [problem.where for problem in translated.problems] == ["order gone"]


@pytest.mark.parametrize("order_id", ["../locations", "a/b", "", 7, ["x"], "x" * 200])
def test_what_is_no_id_is_not_asked_for(ask, order_id):
    payment = {"status": "COMPLETED", "order_id": order_id, "location_id": LOCATION}
    with pytest.raises(Refused):
        ask({"event_id": "e", "type": "payment.updated", "data": {"object": {"payment": payment}}})


def test_events_that_no_webhook_told_are_replayed_with_the_tills_own_time(tmp_path):
    rig = SquareRig()
    order = Order("A1")
    rig.record(order)
    _, body = rig.notice(order)
    event = json.loads(body)
    event["data"]["object"]["payment"]["offline_payment_details"] = {"client_created_at": "2026-09-21T06:00:00Z"}
    rig.events = [{**event, "event_id": f"e{at}"} for at in range(60)]
    (tmp_path / "token").write_text(rig.token)
    with VendorServer(rig.answer) as server:
        options = SquareOptions(
            location_id=LOCATION, token_file=tmp_path / "token", base_url=server.url, replay_events=True
        )
        vendor = SquareVendor(options, GROCER)
        pages = list(vendor.feeds()[0].read(order.at_ms - 60_000))
        vendor.close()
    events = [each for page in pages for each in page.translated.events]
    assert {(each.id, each.occurred_at_ms) for each in events} == {("grocer-7/square/A1@1", 1_789_970_400_000)}
    assert (len(pages), len(events), pages[-1].cursor) == (2, 60, order.at_ms)


def test_an_order_reference_of_ours_names_the_order_that_was_handed_over():
    (sale,) = made(Order("A1"), reference_id="commonshelf:order-7").events
    assert sale.order_ref == "commonshelf:order-7"
    (other,) = made(Order("A1"), reference_id="table 4").events
    assert other.order_ref is None


def test_verify_agrees_with_square_s_own_helper(tmp_path):
    from square.utils.webhooks_helper import verify_signature

    rig = SquareRig()
    headers, body = rig.notice(Order("A1"))
    signature = headers["x-square-hmacsha256-signature"]
    key = rig.secret.decode()
    assert verify_signature(
        request_body=body.decode(), signature_header=signature, signature_key=key, notification_url=URL
    )
    (tmp_path / "secret").write_bytes(rig.secret)
    (tmp_path / "token").write_text(rig.token)
    options = SquareOptions(
        location_id=LOCATION, token_file=tmp_path / "token", secret_file=tmp_path / "secret", webhook_url=URL
    )
    vendor = SquareVendor(options, GROCER)
    vendor.verify(Delivery(((b"x-square-hmacsha256-signature", signature.encode()),), body, NOW_MS))
    vendor.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
LINE = st.fixed_dictionaries(
    {},
    optional={
        "uid": JSON, "catalog_object_id": JSON | st.just("milk"), "quantity": JSON | st.just("1"), "item_type": JSON,
        "quantity_unit": JSON, "total_money": JSON | st.fixed_dictionaries({"amount": JSON}),
    },
)  # fmt: skip
ORDER = st.fixed_dictionaries(
    {"state": st.just("COMPLETED"), "id": st.just("A1"), "closed_at": st.just("2026-09-21T12:00:00Z")},
    optional={
        "version": st.integers(0, 9) | JSON, "location_id": st.just(LOCATION), "total_money": JSON,
        "line_items": st.lists(LINE | JSON, max_size=5) | JSON, "returns": JSON, "service_charges": JSON,
    },
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(LINE | JSON, min_size=1, max_size=5))
def test_every_line_of_an_order_ends_as_a_line_a_skip_or_a_problem(found):
    order = {"id": "A1", "state": "COMPLETED", "closed_at": "2026-09-21T12:00:00Z", "line_items": found}
    translated = translate.orders([order], SHOP, NOW)
    assert translated.line_count + len(translated.problems) + len(translated.skipped) == len(found)


@settings(max_examples=300)
@given(ORDER | JSON, JSON)
def test_whatever_is_sent_nothing_breaks_and_nothing_is_dropped_silently(order, other):
    for make in (translate.orders, translate.counts, translate.changes):
        translated = make([order, other, {"type": "ADJUSTMENT", "adjustment": order}], SHOP, NOW)
        assert len(translated.events) + len(translated.problems) + len(translated.skipped) >= 3


@settings(max_examples=200)
@given(st.sampled_from(["payment.updated", "refund.updated", "order.updated", "inventory.count.updated", "x"]), JSON)
def test_whatever_event_is_sent_is_refused_or_answered(kind, inner):
    vendor = SquareVendor.__new__(SquareVendor)
    vendor._options = SquareOptions(location_id=LOCATION, token_env="X")
    vendor._shop = SHOP
    vendor._fetched = lambda *_named: left_out("order", SkipReason.no_content)
    objects = {"payment": inner, "refund": inner, "order_updated": inner, "inventory_counts": inner}
    try:
        translated = vendor._take({"type": kind, "data": {"object": objects}}, 1)
    except Refused:
        return
    nothing_told = kind == "inventory.count.updated" and inner == []
    assert translated.skipped or translated.events or translated.problems or nothing_told


def test_names_and_cards_are_in_no_event_and_no_message():
    order = SquareRig().order(Order("A1", (("milk", "1"), ("milk", "x"))))
    translated = translate.orders([order], SHOP, NOW)
    assert CANARY not in repr(translated)
    assert isinstance(translated.events[0], Sale)
