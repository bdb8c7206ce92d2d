"""The kinds of faults that real tills' exports and messages have shown: strategies that make more of each.

Numbers with grouping marks, damaged codes and units have theirs beside their readers: test_written_numbers.py,
test_connector_codes.py, test_units.py. Prices that cannot be read: test_revision_contract.py.
"""

import csv
import io
import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connectors.drop_folder.formats import read_events
from connectors.drop_folder.settings import DropFolderSpec
from connectors.http.payload import parse
from connectors.odoo import translate as odoo
from connectors.square import translate as square
from connectors.vendor.fields import ReadContext, milli_of
from connectors.woocommerce import translate as woocommerce
from tests.support.connectors import GROCER
from tests.support.tills import AT_MS, FIRST, READING, SECOND, TILLS, on_hand
from tests.support.translated import moved
from tests.unit.connectors.test_known_tills import CURRENCIES, EXPORTS
from tests.unit.connectors.test_known_tills import read as read_export

NEW_YORK = ZoneInfo("America/New_York")
SEEN_MS = 1_790_000_000_000


def read(content, **settings_):
    spec = DropFolderSpec(
        pool="north", store="grocer-7", folder=Path(), **({"time_zone": "America/New_York"} | settings_)
    )
    return list(read_events("x.csv", content.encode(), "sales", spec, SEEN_MS))


def table(rows, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


# --- columns that say that a row was no sale, or that it brought goods back --------------------------------------

WORDS = {
    "cancelled": ["cancelled", "Canceled", "STORNIERT", "annulé", "Cancelado", "annullato", "Geannuleerd"],
    "voided": ["Voided", "void", "ungültig"],
    "unpaid": ["pending", "On Hold", "on-hold", "Offen", "en attente", "Pendiente de pago", "in sospeso", "Draft"],
    "training": ["Training", "Schulung", "formation", "prueba"],
    "sale": ["", "paid", "Completed", "bezahlt", "Payée", "pagado", "Pagato", "betaald", "partially_refunded"],
    "return": ["Refund", "Rückgabe", "remboursement", "devolución", "reso", "Retour"],
}
states = st.sampled_from([(meaning, word) for meaning, words in WORDS.items() for word in words])


@settings(max_examples=150)
@given(
    st.lists(st.tuples(states, st.integers(1, 9)), min_size=1, max_size=8), st.sampled_from(["Status", "Order state"])
)
def test_only_what_the_state_calls_a_sale_or_a_return_counts(told, header):
    rows = [["receipt", "sold_at", "sku", "qty", header]]
    rows += [[at, "2026-03-01 10:00", "MILK", n, word] for at, ((_, word), n) in enumerate(told)]
    batches = read(table(rows), columns={header: "status"})
    signs = {"sale": 1, "return": -1}
    lines = [(line.kind == "sale", line.quantity_milli) for b in batches for e in b.events for line in e.lines]
    assert lines == [(signs[what] > 0, n * 1_000) for (what, _), n in told if what in signs]
    skipped = [skip.reason.value for batch in batches for skip in batch.skipped]
    assert skipped == [what for (what, _), _ in told if what not in signs]


# --- exports in their vendors' layouts ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPORTS)
@settings(max_examples=25)
@given(data=st.data())
def test_an_export_is_read_alike_however_its_columns_stand(name, data):
    content, kind, lines, skipped = EXPORTS[name]
    delimiter = csv.Sniffer().sniff(content.splitlines()[0], delimiters=",;").delimiter
    rows = list(csv.reader(io.StringIO(content), delimiter=delimiter))
    order = data.draw(st.permutations(range(len(rows[0]))))
    moved_rows = [[row[at] for at in order] for row in rows]
    moved_rows[0] = [
        data.draw(st.sampled_from([str, str.upper, str.lower, " {} ".format]))(cell) for cell in moved_rows[0]
    ]
    more = data.draw(st.lists(st.sampled_from(["Cashier notes", "Loyalty", "Custom 1"]), unique=True))
    for header in more:
        for at, row in enumerate(moved_rows):
            row.append(header if at == 0 else "x")
    above = data.draw(st.sampled_from(["", "Sales report\n\n", "Main street;\nMarch 2026\n"]))
    shuffled = above + table(moved_rows, data.draw(st.sampled_from(",;\t")))
    assert read_export(shuffled, kind, currency=CURRENCIES.get(name, "USD")) == (lines, skipped)


# --- times -------------------------------------------------------------------------------------------------------

FORMATS = (
    "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y, %H:%M Uhr", "%m/%d/%Y %I:%M %p",
    "%m/%d/%y %I:%M%p", "%d %b %Y %H:%M", "%b %d, %Y %I:%M %p", "%Y/%m/%d %H.%M", "%d-%b-%Y %I:%M %p", "%d/%m/%y %Hh%M",
)  # fmt: skip


@settings(max_examples=200)
@given(
    st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 8, 30)), min_size=1, max_size=5),  # noqa: DTZ001
    st.sampled_from(FORMATS),
)
def test_a_time_is_read_in_the_form_that_the_file_shows(times, form):
    times = [each.replace(second=0, microsecond=0) for each in times]
    shown = "%d" in form and any(each.day > 12 for each in times)
    assume(shown or "%b" in form or form.startswith(("%Y", "%m")) or "." in form)
    rows = [
        ["receipt", "sold_at", "sku", "qty"],
        *([at, each.strftime(form), "MILK", 1] for at, each in enumerate(times)),
    ]
    found = [event.occurred_at_ms for batch in read(table(rows)) for event in batch.events]
    assert found == [int(each.replace(tzinfo=NEW_YORK).timestamp() * 1000) for each in times]


@settings(max_examples=60)
@given(st.timedeltas(timedelta(minutes=-600), timedelta(minutes=600)))
def test_a_device_clock_that_runs_ahead_is_not_believed_and_one_that_lags_is(offset):
    assume(abs(offset - timedelta(minutes=5)) > timedelta(seconds=1))
    device = datetime.fromtimestamp(AT_MS / 1000, ZoneInfo("UTC")) + offset
    shopify = next(till for till in TILLS if till.system == "shopify")
    order = shopify.order() | {"processed_at": device.isoformat(timespec="milliseconds")}
    (event,) = shopify.read(order).events
    believed_ms = AT_MS if offset > timedelta(minutes=5) else AT_MS + offset // timedelta(milliseconds=1)
    assert event.occurred_at_ms == believed_ms


# --- revisions that lose a line ----------------------------------------------------------------------------------


@pytest.mark.parametrize("till", [till for till in TILLS if till.system != "webhook"], ids=lambda till: till.system)
@settings(max_examples=40)
@given(data=st.data())
def test_through_any_revisions_each_line_stays_as_it_was_last_told(till, data):
    told, sold = [till.read(till.order())], [2, 3]
    is_there = [True, True]
    for version in range(2, data.draw(st.integers(2, 4)) + 1):
        order = till.order(version=version)
        if till.system not in ("clover", "square"):  # revisions are ordered by a time
            name = {"woocommerce": "date_modified_gmt", "odoo": "write_date"}.get(till.system, "updated_at")
            order[name] = order[name].replace("14:15", f"14:{14 + version}")
        lines = till.lines(order)
        for at in (1, 0):
            what = data.draw(st.sampled_from(["same", "gone", "more", "nulled", "renamed", "refused"]))
            if what == "gone":
                lines.pop(at)
                sold[at], is_there[at] = 0, False
                continue
            if what == "nulled":
                lines[at].update(dict.fromkeys(till.names))
            elif what == "renamed":
                lines[at][till.sku or till.names[0]] = till.renamed()
            elif what == "refused":
                lines[at][till.quantity] = "many"
            else:
                sold[at] = {"same": (2, 3)[at], "more": 7}[what]
                lines[at][till.quantity] = (1000 if till.system == "clover" else 1) * sold[at]
        told.append(till.read(order))
    assert on_hand(*told) == [-1_000 * each for each in sold]


# --- the noise of doubles, nothing that is worth 0, a mark before the text ---------------------------------------


@settings(max_examples=200)
@given(st.lists(st.integers(1, 99_999), min_size=1, max_size=12))
def test_sums_of_doubles_are_read_to_the_thousandth_that_they_mean(millis):
    total = sum(milli / 1000 for milli in millis)
    payload = parse(json.dumps({"quantity": total}).encode())
    assert milli_of(payload, "quantity") == sum(millis)


@pytest.mark.parametrize("body", ['{"a": 1.5}', '{"sales": []}'])
@given(st.sampled_from(["", "\ufeff"]), st.text(" \n\t", max_size=5))
def test_a_mark_or_blanks_before_the_json_change_nothing(body, mark, blanks):
    assert parse((mark + blanks + body).encode()) == parse(body.encode())


PRICES = {
    "shopify": "price", "square": "total_money", "clover": "price", "lightspeed": "price_total",
    "loyverse": "total_money", "woocommerce": "total", "odoo": "price_subtotal_incl", "webhook": "price",
}  # fmt: skip


@pytest.mark.parametrize("till", TILLS, ids=lambda till: till.system)
@given(st.sampled_from([0, "0", "0.00", Decimal(0), Decimal("0.000")]))
def test_a_price_of_nothing_is_nothing_and_not_unknown(till, zero):
    order = till.order()
    line = till.lines(order)[1]
    if till.system == "square":
        zero = {"amount": 0, "currency": "EUR"}
    line[PRICES[till.system]] = zero
    line.update({name: 0 for name in ("tax_total", "total_tax") if name in line})
    (event,) = till.read(order).events
    assert event.lines[1].price_minor == 0


# --- bundles, and what is no good ---------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=5))
def test_of_any_bundle_at_woocommerce_the_parts_move_and_the_container_does_not(parts):
    ids = [20 + at for at, _ in enumerate(parts)]
    box = {"id": 11, "product_id": 1, "sku": "BOX", "quantity": 1, "total": "9", "meta_data": [], "bundled_items": ids}
    lines = [
        {
            "id": each,
            "product_id": each,
            "sku": f"P{each}",
            "quantity": n,
            "total": "0",
            "meta_data": [],
            "bundled_by": 11,
        }
        for each, (n, _) in zip(ids, parts, strict=True)
    ]
    order = {
        "id": 1, "status": "processing", "currency": "EUR", "date_created_gmt": FIRST[:-1], "date_paid_gmt": FIRST[:-1],
        "date_modified_gmt": FIRST[:-1], "line_items": [box, *lines],
    }  # fmt: skip
    found = moved(woocommerce.translate_order(order, (), GROCER, READING))
    assert [(code, milli) for _, _, code, milli in found] == [
        (f"sku:P{each}", n * 1_000) for each, (n, _) in zip(ids, parts, strict=True)
    ]


@settings(max_examples=60)
@given(st.integers(1, 9), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_of_any_kit_at_odoo_so_many_parts_move_as_kits_were_sold(sold, parts):
    till = next(till for till in TILLS if till.system == "odoo")
    order = till.order()
    till.lines(order)[1]["qty"] = sold
    kits = {2: tuple(odoo.KitPart(100 + at, Decimal(n), None) for at, n in enumerate(parts))}
    shop = odoo.OdooShop(GROCER, kits=kits)
    found = moved(odoo.orders([order], {1: order["lines"]}, {}, shop, READING))
    assert found[1:] == [(f"12/{100 + at}", "sale", f"item:{100 + at}", 1_000 * n * sold) for at, n in enumerate(parts)]


LESS = {
    "square": {"total_money": {"amount": -25, "currency": "EUR"}}, "clover": {"price": -25},
    "lightspeed": {"price_total": -1}, "loyverse": {"total_money": Decimal("-0.25")}, "woocommerce": {"total": "-0.25"},
    "odoo": {"price_subtotal_incl": Decimal("-0.25")},
}  # fmt: skip


@pytest.mark.parametrize("till", [till for till in TILLS if till.system in LESS], ids=lambda till: till.system)
@given(st.booleans())
def test_what_is_sold_for_less_than_nothing_is_no_good(till, is_first):
    order = till.order()
    till.lines(order)[0 if is_first else 1].update(LESS[till.system])
    translated = till.read(order)
    assert [skip.reason.value for skip in translated.skipped] == ["fee"]
    assert len(moved(translated)) == 1


# --- paid, and not told so ---------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(
    st.sampled_from(["OPEN", "COMPLETED", "CANCELED", "DRAFT"]), st.booleans(), st.sampled_from([0, 1, 500, None]),
    st.sampled_from(["PROPOSED", "PREPARED", "COMPLETED"]),
)  # fmt: skip
def test_an_order_at_square_counts_once_nothing_is_due_whatever_its_state(state, is_paid, due, fulfilment):
    order = next(till for till in TILLS if till.system == "square").order() | {
        "state": state, "tenders": [{"id": "T", "created_at": SECOND}] if is_paid else [],
        "net_amount_due_money": None if due is None else {"amount": due, "currency": "EUR"},
        "fulfillments": [{"uid": "f", "type": "PICKUP", "state": fulfilment}],
    }  # fmt: skip
    translated = square.orders([order], square.SquareShop(GROCER, "L1"), ReadContext(READING.received_at_ms))
    kinds = [line[1] for line in moved(translated)]
    if state == "COMPLETED" or (state == "OPEN" and is_paid and due == 0):
        assert kinds == ["sale", "sale"]
    elif state == "CANCELED" and is_paid:  # it may have been told as a sale
        assert kinds == ["sale", "void", "sale", "void"]
    else:
        assert kinds == []
        assert {skip.reason.value for skip in translated.skipped} == {"cancelled" if state == "CANCELED" else "unpaid"}
