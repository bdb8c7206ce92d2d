"""Clover's orders and stocks to events, its notices, its lists without an order, its tokens that end."""

import json
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clover.client import NOTICES_MAX, PAGE_SIZE, CloverVendor
from connectors.clover.spec import CloverOptions
from connectors.clover.translate import CloverShop, levels, orders
from connectors.contract import AccessRefused, Delivery
from connectors.http.signature import SignatureRefused
from connectors.vendor.fields import ReadContext
from tests.support.connectors import GROCER
from tests.support.rigs.clover import MERCHANT, CloverRig
from tests.support.rigs.rig import Order
from tests.support.vendor_server import Answer, VendorServer

NINE_MS = int(datetime(2026, 3, 1, 9, 15, tzinfo=UTC).timestamp() * 1000)
READING = ReadContext(NINE_MS + 5_000)
SHOP = CloverShop(GROCER)
SECRET = "a-code-of-the-clover-app-7"


def line(line_id="L1", **fields):
    return {"id": line_id, "item": {"id": "MILK"}, "price": 199, "isRevenue": True} | fields


def order(*lines, **fields):
    paid = {"result": "SUCCESS", "amount": 199, "createdTime": NINE_MS}
    return {
        "id": "O1", "currency": "EUR", "total": 199, "paymentState": "PAID", "createdTime": NINE_MS - 600_000,
        "modifiedTime": NINE_MS + 1_000, "payments": {"elements": [paid]}, "lineItems": {"elements": list(lines)},
    } | fields  # fmt: skip


def read(*found, shop=SHOP, reading=READING):
    done = orders(found, shop, reading)
    return done.events, done.problems, Counter(skip.reason.value for skip in done.skipped)


def the_lines(*found, **how):
    events, problems, _ = read(*found, **how)
    assert problems == ()
    return [
        (event.source.id, each.line_id, each.kind.value, each.quantity_milli)
        for event in events
        for each in event.lines
    ]


def test_a_paid_order_is_a_sale_at_the_time_it_was_paid():
    (sale,), problems, skipped = read(order(line(), line("L2", price=250)))
    assert (problems, skipped) == ((), {})
    assert (sale.source.id, sale.source.version, sale.occurred_at_ms) == ("order/O1", NINE_MS + 1_000, NINE_MS)
    assert [(each.code, each.quantity_milli, each.price_minor) for each in sale.lines] == [
        ("item:MILK", 1000, 199), ("item:MILK", 1000, 250),
    ]  # fmt: skip


def test_a_payment_that_was_taken_offline_counts_when_the_device_took_it():
    payment = {"result": "SUCCESS", "amount": 199, "createdTime": NINE_MS, "clientCreatedTime": NINE_MS - 3_600_000}
    assert read(order(line(), payments=[payment]))[0][0].occurred_at_ms == NINE_MS - 3_600_000


@pytest.mark.parametrize(
    ("fields", "milli", "price"),
    [
        ({}, 1000, 199), ({"unitQty": 485, "unitName": "kg"}, 485, 97), ({"unitQty": 0}, 1000, 199),
        ({"unitQty": "2500", "unitName": "l"}, 2500, 498), ({"unitQty": Decimal(3000)}, 3000, 597),
        ({"unitQty": None, "price": None}, 1000, None), ({"unitQty": 485_000, "unitName": "g"}, 485, 97),
    ],
)  # fmt: skip
def test_quantities_are_thousandths_of_the_unit(fields, milli, price):
    events, problems, _ = read(order(line(**fields)))
    assert problems == ()
    assert [(each.quantity_milli, each.price_minor) for each in events[0].lines] == [(milli, price)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"testMode": True}, "training"), ({"testMode": "true"}, "training"),
        ({"paymentState": "OPEN", "payments": []}, "unpaid"),
        ({"paymentState": "OPEN", "payments": [], "deletedTimestamp": NINE_MS}, "cancelled"),
        ({"externalReferenceId": "commonshelf:7"}, "echo"), ({"paymentState": "CREDITED"}, "unlinked"),
        ({"paymentState": "OPEN", "payments": [{"result": "FAIL", "amount": 199}]}, "unpaid"),
        ({"modifiedTime": NINE_MS + 8 * 86_400_000}, "already_reported"),
    ],
)  # fmt: skip
def test_what_is_no_sale_is_left_out_and_counted_by_line(fields, reason):
    events, problems, skipped = read(order(line(), line("L2"), **fields))
    assert (events, problems, skipped) == ((), (), {reason: 2})


def test_what_is_paid_in_part_has_left():
    assert len(the_lines(order(line(), paymentState="PARTIALLY_PAID"))) == 1
    assert len(the_lines(order(line(), paymentState=None, payments=[{"amount": 100}]))) == 1


def test_an_order_without_a_payment_state_is_paid_when_there_is_a_payment():
    assert len(the_lines(order(line(), paymentState=None))) == 1
    assert read(order(line(), paymentState=None, payments=[]))[2] == {"unpaid": 1}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"item": None}, "non_stock"), ({"isRevenue": False}, "gift_card"), ({"isOrderFee": True}, "fee"),
        ({"orderFeeType": "AUTO_GRATUITY"}, "tip"), ({"isPlatformOrderFee": "true"}, "fee"),
    ],
)  # fmt: skip
def test_lines_without_goods_are_left_out(fields, reason):
    events, problems, skipped = read(order(line(**fields), line("L2")))
    assert ([each.line_id for each in events[0].lines], problems, skipped) == (["L2"], (), {reason: 1})


def test_tips_and_service_charges_are_counted():
    payment = {"result": "SUCCESS", "amount": 199, "tipAmount": 50, "createdTime": NINE_MS}
    _, _, skipped = read(order(line(), payments={"elements": [payment]}, serviceCharge={"percentage": 10}))
    assert skipped == {"tip": 1, "fee": 1}


@pytest.mark.parametrize(("restocked", "kind"), [(True, "return"), (False, "return_not_restocked")])
@pytest.mark.parametrize("flag", ["refunded", "exchanged"])
def test_a_refunded_line_comes_back_at_the_refunds_own_time(flag, restocked, kind):
    refund = {"createdTime": NINE_MS + 86_400_000, "amount": 199}
    found = order(line(**{flag: True}), line("L2"), paymentState="PARTIALLY_REFUNDED", refunds={"elements": [refund]})
    shop = CloverShop(GROCER, returns_restocked=restocked)
    assert the_lines(found, shop=shop) == [
        ("order/O1", "L1", "sale", 1000), ("order/O1", "L2", "sale", 1000), ("returns/O1/L1", "L1", kind, 1000),
    ]  # fmt: skip
    assert [event.occurred_at_ms for event in read(found)[0]] == [NINE_MS, NINE_MS + 86_400_000]


def test_each_of_two_refunds_has_its_own_time_so_that_a_count_between_them_stands():
    later_ms = NINE_MS + 6 * 3_600_000
    first = line(refunded=True, refund={"id": "R1", "createdTime": NINE_MS + 1})
    second = line("L2", refunded=True, refund={"id": "R2"})
    refunds = [{"id": "R1", "createdTime": NINE_MS + 1}, {"id": "R2", "createdTime": later_ms}]
    found = read(order(first, second, paymentState="REFUNDED", refunds=refunds))[0]
    assert [(event.source.id, event.occurred_at_ms) for event in found[1:]] == [
        ("returns/O1/L1", NINE_MS + 1), ("returns/O1/L2", later_ms),
    ]  # fmt: skip
    alone = read(order(first, line("L2"), paymentState="PARTIALLY_REFUNDED"))[0]
    assert alone[1].lines == found[1].lines, "told again with the second, the first is the same"


def test_a_refund_of_an_old_order_is_told():
    late_ms = NINE_MS + 9 * 86_400_000
    found = order(line(refunded=True), refunds=[{"createdTime": late_ms}], modifiedTime=late_ms)
    assert ("returns/O1/L1", "L1", "return", 1000) in the_lines(found, reading=ReadContext(late_ms))


@pytest.mark.parametrize("junk", [["x" * 120], "x" * 101, "L3\ud83c"])
def test_junk_for_the_line_that_a_refund_names_costs_no_sale(junk):
    refund = {"createdTime": NINE_MS, "lineItems": {"elements": [{"id": "L2"}, {"id": junk}]}}
    events, problems, _ = read(order(line(), refunds={"elements": [refund]}))
    assert ([(len(event.lines), event.unread_lines) for event in events], problems) == ([(1, ("L2",))], ())


def test_a_refund_that_names_no_goods_is_counted():
    assert read(order(line(), paymentState="REFUNDED", refunds=[{"createdTime": NINE_MS}]))[2] == {"unlinked": 1}


def test_a_voided_payment_takes_the_sale_back():
    voided = order(line(), paymentState="OPEN", payments=[{"result": "VOIDED", "amount": 199, "createdTime": NINE_MS}])
    assert the_lines(voided) == [("order/O1", "L1", "sale", 1000), ("order/O1", "L1/void", "void", 1000)]
    listed = order(line(), paymentState="OPEN", payments=[], voids={"elements": [{"createdTime": NINE_MS}]})
    assert the_lines(listed) == the_lines(voided)


@pytest.mark.parametrize(
    ("fields", "place", "reason"),
    [
        ({"unitQty": Decimal("0.01")}, "order O1/line L1/quantity", "less than half a thousandth"),
        ({"item": {"id": "\x00"}}, "order O1/line L1/item", "usable"),
    ],
)  # fmt: skip
def test_a_bad_line_comes_back_alone(fields, place, reason):
    events, problems, _ = read(order(line(**fields), line("L2")))
    assert [each.line_id for each in events[0].lines] == ["L2"]
    assert [problem.where for problem in problems] == [place]
    assert reason in problems[0].reason


@pytest.mark.parametrize(
    "fields", [{"id": None}, {"createdTime": None, "payments": None, "paymentState": "PAID"}, {"lineItems": 7},
               {"modifiedTime": "soon"}]
)  # fmt: skip
def test_an_order_that_cannot_be_named_or_placed_is_a_problem(fields):
    events, problems, _ = read(order(line(), **fields), order(line(), id="O2"))
    assert ([event.source.id for event in events], len(problems)) == (["order/O2"], 1)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"id": "MILK", "itemStock": {"quantity": Decimal("160.5"), "stockCount": 161}}, 160_500),
        ({"id": "MILK", "itemStock": {"stockCount": 7}}, 7_000),
        ({"id": "MILK", "itemStock": {"quantity": "-2"}}, -2_000),
    ],
)  # fmt: skip
def test_an_items_stock_is_a_level(item, expected):
    (report,) = levels([item | {"modifiedTime": NINE_MS}], SHOP, READING).events
    assert (report.kind, report.source.id, report.lines[0].quantity_milli) == (
        "level",
        f"level/MILK/{NINE_MS}",
        expected,
    )


def test_an_item_without_stock_is_left_out():
    assert [skip.reason for skip in levels([{"id": "MILK"}], SHOP, READING).skipped] == ["no_content"]


def vendor(server, tmp_path, rig, **options):
    (tmp_path / "token").write_text("token-that-is-in-use-now")
    (tmp_path / "secret").write_text(SECRET)
    raw = {"merchant_id": MERCHANT, "token_file": tmp_path / "token", "secret_file": tmp_path / "secret",
           "base_url": server.url}  # fmt: skip
    return CloverVendor(CloverOptions.model_validate(raw | options), GROCER)


SIGNED = ((b"x-clover-auth", SECRET.encode()),)


def notice(*names, body=None, headers=SIGNED):
    named = [{"objectId": name, "type": "UPDATE", "ts": NINE_MS} for name in names]
    body = body or json.dumps({"appId": "A", "merchants": {MERCHANT: named, "OTHER": []}}).encode()
    return Delivery(headers, body, NINE_MS)


def test_a_notice_is_fetched_whatever_it_names(tmp_path):
    rig = CloverRig()
    rig.record(Order("A1"), Order("A2"))
    rig.items.append({"id": "milk", "modifiedTime": NINE_MS, "itemStock": {"quantity": 5}})
    with VendorServer(rig.answer) as server:
        found = vendor(server, tmp_path, rig).receive(
            notice("O:A1", "P:PAYA2", "I:milk", "O:A1", "C:X", "O:gone", "O:../x")
        )
    assert sorted(event.source.id for event in found.events) == [f"level/milk/{NINE_MS}", "order/A1", "order/A2"]
    assert Counter(skip.reason.value for skip in found.skipped) == {"no_content": 2, "cancelled": 1, "other_store": 1}


def test_discover_names_the_merchant_and_each_item_with_its_barcode(tmp_path):
    rig = CloverRig()
    with VendorServer(rig.answer) as server:
        found = list(vendor(server, tmp_path, rig).discover())
    assert [(each.kind, each.id, each.name, each.barcode, each.sku) for each in found] == [
        ("merchant", MERCHANT, "Grocer", "", ""), ("item", "milk", "Milk", "4006381333931", "SKU-1"),
    ]  # fmt: skip


def test_a_merchant_that_clover_does_not_have_is_told(tmp_path):
    rig = CloverRig()
    with VendorServer(rig.answer) as server:
        clover = vendor(server, tmp_path, rig)
        for ask in (clover.check, lambda: list(clover.discover())):
            server.faults.append(Answer({"message": "Not Found"}, 404))
            with pytest.raises(AccessRefused, match=f"no merchant {MERCHANT}; compare merchant_id"):
                ask()


def test_more_notices_than_one_request_should_cost_are_left_to_the_poll(tmp_path):
    rig = CloverRig()
    with VendorServer(rig.answer) as server:
        found = vendor(server, tmp_path, rig).receive(notice(*(f"O:X{n}" for n in range(NOTICES_MAX + 5))))
        assert len(server.requests) == NOTICES_MAX
    assert Counter(skip.reason.value for skip in found.skipped)["already_reported"] == 5


def test_the_code_that_clover_posts_when_the_address_is_set_is_shown_and_proves_nothing_else(tmp_path, logged):
    rig = CloverRig()
    with VendorServer(rig.answer) as server:
        clover = vendor(server, tmp_path, rig)
        code = notice(body=b'{"verificationCode": "b3e0ab22-96e4"}', headers=())
        clover.verify(code)
        assert "b3e0ab22-96e4" in logged()
        assert clover.receive(code).events == ()
        for body in (b'{"verificationCode": "a", "merchants": {}}', b'{"verificationCode": "' + b"a" * 65 + b'"}'):
            with pytest.raises(SignatureRefused):
                clover.verify(notice(body=body, headers=()))


@pytest.mark.parametrize("spacing_ms", [0, 1, 7])
def test_a_long_list_is_read_whole_in_order_of_time_though_clover_promises_none(tmp_path, spacing_ms):
    rig = CloverRig()
    rig.record(*(Order(f"A{n}", at_ms=NINE_MS + spacing_ms * n) for n in range(3 * PAGE_SIZE + 7)))
    with VendorServer(rig.answer) as server:
        feed = vendor(server, tmp_path, rig).feeds()[0]
        pages = list(feed.read(NINE_MS))
    assert {event.source.id for page in pages for event in page.translated.events} == {
        f"order/{each}" for each in rig.orders
    }
    cursors = [page.cursor for page in pages]
    assert cursors == sorted(cursors)
    assert cursors[-1] == max(each.changed_at_ms for each in rig.orders.values())


def test_an_order_that_changes_while_the_list_is_read_hides_no_other(tmp_path):
    rig = CloverRig()
    rig.record(*(Order(f"A{n:03}", at_ms=NINE_MS + n) for n in range(2 * PAGE_SIZE)))
    seen = set()

    def answer(request):
        found = rig.answer(request)
        if "/orders" in request.path:
            first = min(rig.orders.values(), key=lambda each: each.changed_at_ms)
            rig.record(replace(first, version=2, updated_at_ms=NINE_MS + 10**7 + len(seen)))
            seen.add(first.id)
        return found

    with VendorServer(answer) as server:
        pages = list(vendor(server, tmp_path, rig).feeds()[0].read(NINE_MS))
    assert {event.source.id for page in pages for event in page.translated.events} == {
        f"order/{each}" for each in rig.orders
    }


class Tokens:
    """Clover's renewal: a refresh token serves once."""

    def __init__(self):
        self.refresh, self.renewals = "refresh-token-number-0", 0

    def answer(self, request):
        if request.path != "/oauth/v2/refresh" or request.method != "POST":
            return None
        if request.json() != {"client_id": "APP", "refresh_token": self.refresh}:
            return Answer({"message": "invalid"}, 401)
        self.renewals += 1
        self.refresh = f"refresh-token-number-{self.renewals}"
        return Answer({"access_token": f"access-token-number-{self.renewals}", "refresh_token": self.refresh})


def test_a_token_that_ended_is_renewed_once_and_both_are_kept(tmp_path):
    rig, tokens = CloverRig(token="access-token-number-1"), Tokens()
    (tmp_path / "refresh").write_text(tokens.refresh)
    with VendorServer(lambda request: tokens.answer(request) or rig.answer(request)) as server:
        clover = vendor(server, tmp_path, rig, client_id="APP", refresh_token_file=tmp_path / "refresh")
        threads = [threading.Thread(target=clover.check) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (tokens.renewals, (tmp_path / "token").read_text()) == (1, "access-token-number-1")
        assert ((tmp_path / "refresh").read_text(), (tmp_path / "refresh").stat().st_mode & 0o777) == (
            tokens.refresh,
            0o600,
        )
        rig.token = "access-token-number-2"
        assert "Grocer" in clover.check()
        tokens.refresh, rig.token = "somebody-used-it-before-us", "access-token-number-3"
        with pytest.raises(AccessRefused, match="install the app anew"):
            clover.check()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "needs token_env"),
        ({"token_env": "T", "client_id": "A"}, "both client_id"),
        ({"token_env": "T", "client_id": "A", "refresh_token_file": "r"}, "needs token_file"),
    ],
)
def test_options_that_do_not_go_together_are_told(options, reason):
    with pytest.raises(ValueError, match=reason):
        CloverOptions.model_validate({"merchant_id": MERCHANT} | options)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.decimals(allow_nan=False, allow_infinity=False),
    st.text(max_size=6), st.sampled_from(["PAID", "OPEN", "REFUNDED", "SUCCESS", "VOIDED", "kg", "EUR", "1000"]),
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner))
)
FIELDS = ["unitQty", "unitName", "price", "item", "refunded", "isRevenue", "isOrderFee", "orderFeeType", "refund"]
HEADS = [
    "id", "currency", "paymentState", "payments", "refunds", "voids", "createdTime", "modifiedTime", "total",
    "testMode", "credits", "serviceCharge", "externalReferenceId", "deletedTimestamp",
]  # fmt: skip


lines_of_any_kind = st.lists(st.one_of(values, st.dictionaries(st.sampled_from(FIELDS), values)), max_size=5)


@given(lines_of_any_kind, st.dictionaries(st.sampled_from(HEADS), values, max_size=4))
def test_every_line_of_any_order_is_a_line_a_skip_or_a_problem(given_lines, head):
    lines = [
        line(f"L{at}", **each) if isinstance(each, dict) and "id" not in each else each
        for at, each in enumerate(given_lines)
    ]
    done = orders([order(*lines, **head)], SHOP, READING)
    if any("/line " not in problem.where for problem in done.problems):
        return
    sold = [event for event in done.events if event.source.id.startswith("order/")]
    count = sum(len({each.line_id.removesuffix("/void") for each in event.lines}) for event in sold)
    count += len(done.problems) + sum("/line " in skip.where for skip in done.skipped)
    assert count == len(lines) or (not lines and done.skipped)
