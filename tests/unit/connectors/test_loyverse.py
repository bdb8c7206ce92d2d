"""Loyverse's receipts and levels to events, and its lists and webhooks against an API that answers by its reference."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given

from connectors.contract import AccessRefused, SkipReason
from connectors.http.payload import PayloadRefused
from connectors.loyverse.client import LoyverseVendor
from connectors.loyverse.spec import LoyverseOptions
from connectors.loyverse.translate import Component, LoyverseShop, Variant, levels, receipts, variants_of
from connectors.vendor.fields import ReadContext
from tests.support.connectors import GROCER, delivery
from tests.support.rigs.loyverse import STORE, LoyverseRig, composite, item, line
from tests.support.rigs.rig import NOW_MS, Order
from tests.support.rigs.square import rfc3339
from tests.support.translated import CANARY, bent, exact, moved, places, skips

NINE = "2026-03-01T09:15:00.000Z"
NINE_MS = int(datetime(2026, 3, 1, 9, 15, tzinfo=UTC).timestamp() * 1000)
READING = ReadContext(NINE_MS + 600_000)


def shop(**fields):
    return LoyverseShop(GROCER, STORE, **fields)


def receipt(*lines, **fields):
    return {
        "receipt_number": "2-1008", "receipt_type": "SALE", "refund_for": None, "order": None, "created_at": NINE,
        "receipt_date": NINE, "updated_at": NINE, "cancelled_at": None, "store_id": STORE, "pos_device_id": "device-1",
        "tip": 0, "surcharge": 0, "note": CANARY, "line_items": list(lines or [sold("a", "milk", 2)]),
    } | fields  # fmt: skip


def sold(line_id, variant, quantity, **fields):
    return line(line_id, variant) | {"quantity": quantity, "total_money": Decimal("3.98")} | fields


def read(*lines, at=None, **fields):
    return receipts([receipt(*lines, **fields)], at or shop(), READING)


def test_a_receipt_is_a_sale_at_the_tills_own_time():
    translated = read(
        sold("a", "milk", 2), sold("b", "cheese", Decimal("0.485"), total_money=Decimal("7.28")), created_at=NINE
    )
    (sale,) = translated.events
    assert (sale.source.id, sale.source.version, sale.occurred_at_ms, sale.till) == (
        "receipt/2-1008", NINE_MS, NINE_MS, "device-1",
    )  # fmt: skip
    assert moved(translated) == [("a", "sale", "item:milk", 2_000), ("b", "sale", "item:cheese", 485)]
    assert [each.price_minor for each in sale.lines] == [398, 728]
    assert CANARY not in repr(translated)


def test_what_was_rung_up_offline_counts_when_the_till_took_it_and_no_clock_runs_ahead():
    assert (
        read(created_at="2026-03-01T11:00:00.000Z", updated_at="2026-03-01T11:00:00.000Z").events[0].occurred_at_ms
        == NINE_MS
    )
    ahead = read(receipt_date="2026-03-01T12:00:00.000Z")
    assert (ahead.events[0].occurred_at_ms, len(ahead.notes)) == (NINE_MS, 1)


@pytest.mark.parametrize(
    ("restocked", "cancelled", "kind"),
    [(True, None, "return"), (False, None, "return_not_restocked"), (True, NINE, "return_not_restocked")],
)
def test_a_refund_is_a_receipt_of_its_own(restocked, cancelled, kind):
    fields = {"receipt_number": "2-1009", "receipt_type": "REFUND", "refund_for": "2-1008", "cancelled_at": cancelled}
    translated = read(at=shop(returns_restocked=restocked), **fields)
    assert (translated.events[0].source.id, moved(translated)) == (
        "receipt/2-1009", [("a", kind, "item:milk", 2_000)],
    )  # fmt: skip


def test_a_cancelled_receipt_is_taken_back_however_old_it_is():
    translated = read(cancelled_at="2026-06-01T09:15:00.000Z", updated_at="2026-06-01T09:15:00.000Z")
    assert moved(translated) == [("a", "sale", "item:milk", 2_000), ("a/void", "void", "item:milk", 2_000)]
    assert skips(translated) == [("receipt 2-1008", SkipReason.cancelled)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"store_id": "elsewhere"}, SkipReason.other_store), ({"store_id": None}, SkipReason.other_store),
        ({"order": "commonshelf:grocer-7/1"}, SkipReason.echo),
        ({"updated_at": "2026-06-01T09:15:00.000Z"}, SkipReason.already_reported),
    ],
)  # fmt: skip
def test_what_is_not_ours_to_count_is_left_out(fields, reason):
    translated = read(**fields)
    assert (translated.events, skips(translated)) == ((), [("receipt 2-1008", reason)])


def test_lines_without_goods_are_left_out_and_money_is_counted():
    translated = read(
        sold("a", "milk", 2),
        sold("b", "deposit", 1, total_money=Decimal("-0.25")),
        sold("c", "bread", 0),
        tip=1,
        surcharge=Decimal("0.5"),
    )
    assert moved(translated) == [("a", "sale", "item:milk", 2_000)]
    assert skips(translated) == [
        ("receipt 2-1008/line b", SkipReason.fee), ("receipt 2-1008/line c", SkipReason.not_moved),
        ("receipt 2-1008/tip", SkipReason.tip), ("receipt 2-1008/surcharge", SkipReason.fee),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"receipt_number": None}, "receipt #1/receipt_number"), ({"receipt_type": "LOAN"}, "/receipt_type"),
        ({"updated_at": None}, "/updated_at"), ({"receipt_date": "yesterday"}, "/receipt_date"),
        ({"receipt_date": None, "created_at": None}, "/receipt_date"), ({"line_items": {}}, "/line_items"),
    ],
)  # fmt: skip
def test_a_receipt_that_cannot_be_named_or_placed_is_a_problem(fields, place):
    translated = read(**fields)
    assert translated.events == ()
    assert places(translated)[0].endswith(place)


HAMPER = {
    "hamper": Variant(False, (Component("jam", Decimal(2)), Component("breakfast", Decimal(1)))),
    "breakfast": Variant(False, (Component("jam", Decimal("0.5")), Component("bread", Decimal(1)))),
}


def test_of_a_composite_the_components_move_whatever_it_is_nested_in():
    translated = read(sold("a", "hamper", 2), sold("b", "bread", 1), at=shop(variants=HAMPER))
    assert moved(translated) == [
        ("a/jam", "sale", "item:jam", 5_000), ("a/bread", "sale", "item:bread", 2_000),
        ("b", "sale", "item:bread", 1_000),
    ]  # fmt: skip
    assert [each.price_minor for each in translated.events[0].lines] == [None, None, 398]


def test_a_composite_within_itself_ends():
    around = {"a": Variant(False, (Component("b", Decimal(1)),)), "b": Variant(False, (Component("a", Decimal(1)),))}
    assert shop(variants=around).parts_of("a") == {"a": Decimal(1)}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (item("milk"), Variant(True)),
        (item("milk", track_stock=False), Variant(False)),
        (composite("hamper", ("jam", 2)), Variant(False, (Component("jam", Decimal(2)),))),
        (composite("hamper", ("jam", 2), use_production=True), Variant(True)),
        (composite("hamper", ("jam", 2)) | {"components": [{"variant_id": "jam", "quantity": "?"}]}, Variant(True)),
        (composite("hamper") | {"components": "?"}, Variant(True)),
    ],
)
def test_an_item_says_what_moves(listed, expected):
    (found,) = variants_of(exact(listed)).values()
    assert found == expected


def level(**fields):
    return exact({"variant_id": "milk", "store_id": STORE, "in_stock": 5, "updated_at": NINE}) | fields


TRACKED = shop(variants={"milk": Variant(True), "open": Variant(False)})


@pytest.mark.parametrize(("in_stock", "milli"), [(5, 5_000), (0, 0), (-1, -1_000), (Decimal("2.5"), 2_500)])
def test_a_level_is_told_as_it_stands(in_stock, milli):
    translated = levels([level(in_stock=in_stock)], TRACKED, READING)
    assert moved(translated) == [("1", "level", "item:milk", milli)]
    assert translated.events[0].occurred_at_ms == NINE_MS


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"variant_id": "open"}, SkipReason.non_stock), ({"variant_id": "gone"}, SkipReason.non_stock),
        ({"in_stock": None}, SkipReason.non_stock), ({"store_id": "elsewhere"}, SkipReason.other_store),
    ],
)  # fmt: skip
def test_a_level_of_what_is_not_tracked_is_none(fields, reason):
    translated = levels([level(**fields)], TRACKED, READING)
    assert (translated.events, [skip.reason for skip in translated.skipped]) == ((), [reason])


@given(bent(receipt))
def test_any_receipt_is_read_or_told(payload):
    translated = receipts([payload], shop(variants=HAMPER), READING)
    assert translated.events or translated.problems or translated.skipped


@given(bent(level))
def test_any_level_is_read_or_told(payload):
    translated = levels([payload], TRACKED, READING)
    assert len(translated.events) + len(translated.problems) + len(translated.skipped) == 1


@given(bent(lambda **fields: exact(composite("hamper", ("jam", 2))) | fields))
def test_any_item_is_read(listed):
    assert all(isinstance(each, Variant) for each in variants_of(listed).values())


@pytest.fixture
def rig():
    return LoyverseRig()


@pytest.fixture
def vendor(rig, server, tmp_path):
    return vendor_of(rig, server, tmp_path, store_id=STORE)


def vendor_of(rig, server, tmp_path, **changes):
    (tmp_path / "token").write_text(rig.token)
    (tmp_path / "secret").write_bytes(rig.secret)
    options = LoyverseOptions(
        token_file=tmp_path / "token", secret_file=tmp_path / "secret", base_url=server.url, **changes
    )
    return LoyverseVendor(options, GROCER, lambda: NOW_MS)


def feed(vendor, name, cursor=NOW_MS - 1_000):
    found = next(each for each in vendor.feeds() if each.name == name)
    return [event for page in found.read(cursor) for event in page.translated.events]


def test_the_lists_are_read_to_their_end_and_the_store_is_asked_for(rig, vendor, server):
    rig.record(*(Order(f"2-{n}", at_ms=NOW_MS + n * 1_000) for n in range(120)))
    rig.levels = [level(updated_at=rfc3339(NOW_MS)), level(store_id="elsewhere", updated_at=rfc3339(NOW_MS))]
    assert len(feed(vendor, "receipts")) == 120
    assert len(feed(vendor, "levels")) == 1
    asked = [request.query for request in server.requests if request.path == "/v1.0/receipts"]
    assert [query["store_id"] for query in asked] == [[STORE]] * 3


def test_an_item_that_became_a_composite_is_taken_apart_from_the_next_poll_on(rig, vendor):
    rig.record(Order("2-1", (("milk", "2"),)))
    assert [line.code for event in feed(vendor, "receipts") for line in event.lines] == ["item:milk"]
    rig.items.append(composite("hamper", ("milk", 3), updated_at=rfc3339(NOW_MS)))
    order = Order("2-2", (("hamper", "1"),), at_ms=NOW_MS + 1_000)
    rig.record(order)
    told = vendor.receive(delivery(rig.notice(order)))
    assert moved(told) == [("2-2-0/milk", "sale", "item:milk", 3_000)]
    assert feed(vendor, "receipts", NOW_MS + 1_000) == list(told.events)


def test_a_webhook_names_levels_too(rig, vendor):
    notice = rig.delivered("inventory_levels.update", inventory_levels=[level(updated_at=rfc3339(NOW_MS))])
    assert moved(vendor.receive(delivery(notice))) == [("1", "level", "item:milk", 5_000)]
    assert skips(vendor.receive(delivery(rig.delivered("customers.update", customers=[])))) == [
        ("", SkipReason.no_content)
    ]
    with pytest.raises(PayloadRefused, match="receipts is not a list"):
        vendor.receive(delivery(rig.delivered("receipts.update", receipts=None)))


def test_an_account_of_several_stores_is_told_to_name_one(rig, server, tmp_path):
    rig.stores.append({"id": "other", "name": "Baker"})
    vendor = vendor_of(rig, server, tmp_path)
    with pytest.raises(AccessRefused, match=f"set store_id .* {STORE} .Grocer., other .Baker."):
        vendor.check()
    assert "Grocer" in vendor_of(rig, server, tmp_path, store_id=STORE).check()


def test_discover_gives_stores_and_variants_with_barcode_and_sku(vendor):
    found = [(each.kind, each.id, each.name, each.barcode, each.sku) for each in vendor.discover()]
    assert found[:2] == [
        ("store", STORE, "Grocer", "", ""), ("item", "milk", "Milk", "4006381333931", "SKU-milk"),
    ]  # fmt: skip
