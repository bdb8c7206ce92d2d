"""A month of transactions becomes documents: on the data's clock, of the busiest stores, without outliers."""

from datetime import UTC, datetime

from commonshelf.demo.completejourney import DataLine, Product, journey_of, midnights_ms, month_ms

HOUR_MS = 3_600_000
START_MS, END_MS = month_ms()


def line(store: int, basket: int, product: int, quantity: int, at_ms: int, dollars: float = 1.0) -> DataLine:
    return DataLine(store, basket, product, quantity, dollars, at_ms)


def test_the_month_begins_and_ends_at_the_shops_midnight():
    assert datetime.fromtimestamp(START_MS / 1000, UTC).isoformat() == "2017-03-01T05:00:00+00:00"
    assert datetime.fromtimestamp(END_MS / 1000, UTC).isoformat() == "2017-04-01T04:00:00+00:00"


def test_the_day_on_which_summer_time_begins_has_23_hours():
    midnights = list(midnights_ms(START_MS, END_MS))
    hours = [(after - before) // HOUR_MS for before, after in zip([START_MS, *midnights], midnights, strict=False)]
    assert len(midnights) == 31
    assert midnights[-1] == END_MS
    assert hours == [23 if day == 12 else 24 for day in range(1, 32)]


def test_a_basket_is_a_receipt_and_receipts_come_in_the_order_of_time():
    journey = journey_of(
        [line(7, 2, 11, 1, START_MS + 900), line(7, 1, 12, 3, START_MS + 100), line(7, 2, 13, 1, START_MS + 900)],
        {},
        34,
    )
    assert [(document.number, document.occurred_at_ms, len(document.lines)) for document in journey.receipts] == [
        ("1", START_MS + 100, 1), ("2", START_MS + 900, 2),
    ]  # fmt: skip
    assert all(document.sent_at_ms == document.occurred_at_ms for document in journey.receipts)


def test_outliers_are_dropped_and_counted():
    journey = journey_of([line(7, 1, 11, quantity, START_MS) for quantity in (0, 1, 50, 51, 89_638)], {}, 34)
    assert (journey.lines, journey.dropped_lines) == (2, 3)


def test_the_busiest_stores_are_taken():
    lines = [line(store, store * 100 + at, 11, 1, START_MS + at) for store in (1, 2, 3) for at in range(store)]
    journey = journey_of(lines, {}, 2)
    assert journey.stores == ("store-3", "store-2")
    assert {document.store for document in journey.receipts} == {"store-3", "store-2"}


def test_a_store_opens_with_what_it_will_sell_and_one_more():
    journey = journey_of([line(7, 1, 11, 2, START_MS), line(7, 2, 11, 3, START_MS + 1)], {}, 34)
    (opening,) = journey.openings
    assert [(each.code, each.quantity_milli) for each in opening.lines] == [("sku:11", 6_000)]
    assert opening.occurred_at_ms == START_MS


def test_prices_are_per_unit_in_cents():
    journey = journey_of([line(7, 1, 11, 3, START_MS, dollars=2.67)], {}, 34)
    assert journey.receipts[0].lines[0].price_minor == 89


def test_only_products_that_are_sold_are_listed_and_each_has_a_name():
    known = {11: Product("11", "bananas", "produce"), 99: Product("99", "unsold", "grocery")}
    journey = journey_of([line(7, 1, 11, 1, START_MS), line(7, 1, 12, 1, START_MS)], known, 34)
    assert [(product.sku, product.name) for product in journey.products] == [("11", "bananas"), ("12", "product 12")]


def test_the_notice_says_what_was_done_to_the_data():
    notice = journey_of([line(7, 1, 11, 1, START_MS)], {}, 34).notice
    for said in (
        "do not redistribute",
        "more than 50 units dropped",
        "demand multiplier 1",
        "opening stock is assumed",
    ):
        assert said in notice
