"""The pilot list from what a pool's journal, product master and stock hold."""

import csv
import io

from commonshelf.desks.restock.pilot import WEEK_MS, by_week, joined, pilot_csv
from streams.pool.journal.movements import Movement
from streams.restock.decision.candidates import candidates

NOW_MS = 200 * WEEK_MS


def moved(milli, weeks_ago=0.0, store="anna", sku="MILK", cause="sale", **rest):
    books = rest.pop("books", milli)
    return Movement(store, sku, milli, books, cause, NOW_MS - int(weeks_ago * WEEK_MS), **rest)


def goods(sku, name="Milk", life=7, substitutes=()):
    return {"sku": sku, "name": name, "shelf_life_days": life, "substitutes": list(substitutes)}


def test_sales_are_counted_by_week_back_from_the_newest_one_and_returns_are_taken_off():
    sold, weeks = by_week([
        moved(-2_000), moved(-3_000, 0.9), moved(1_000, 0.5, cause="return"), moved(-4_000, 1.1),
        moved(-5_000, 3.5, store="bert"),
    ])  # fmt: skip
    assert weeks == 3
    assert sold == {("anna", "MILK"): {0: 4_000, 1: 4_000}, ("bert", "MILK"): {3: 5_000}}
    assert by_week([]) == ({}, 0)


def test_goods_of_an_order_count_once_whether_rung_up_or_handed_over():
    handed_over = moved(-2_000, cause="collected", order="o1", books=-2_000)
    rung_up_after = moved(-2_000, order="o1", books=0)
    sold, _ = by_week([handed_over, rung_up_after])
    assert sold == {("anna", "MILK"): {0: 2_000}}


def test_items_are_those_of_the_product_master_that_the_stores_sold_in_whole_weeks():
    sold = {("anna", "MILK"): {0: 4_000, 1: 1_000}, ("gone", "SALT"): {0: 9_000}}
    master = [goods("SALT"), goods("MILK", substitutes=("OAT",)), goods("RICE")]
    (item,) = joined(sold, 2, ["anna", "bert"], {"MILK": 6_000}, master)
    assert (item.sku, item.weekly_milli.tolist()) == ("MILK", [[1_000, 4_000], [0, 0]])
    assert (item.on_hand_milli, item.shelf_life_days, item.substitutes) == (6_000, 7, 1)


def test_the_pilot_list_has_each_part_with_its_evidence_and_no_formulas():
    sold = {(store, "=MILK"): dict.fromkeys(range(16), 5_000) for store in ("anna", "bert")}
    found = candidates(joined(sold, 16, ["anna", "bert"], {"=MILK": 10_000}, [goods("=MILK", "@home")]))
    (row,) = csv.DictReader(io.StringIO(pilot_csv(found, {"=MILK": "@home"})))
    assert (row["rank"], row["sku"], row["name"]) == ("1", "'=MILK", "'@home")
    assert row["score"] == str(found[0].permille)
    assert row["turns: evidence"] == "sells 10 a week, of 10 on hand: 52 turns a year"
