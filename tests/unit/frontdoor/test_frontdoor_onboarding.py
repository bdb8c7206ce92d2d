"""What a new store's opening stock must keep to, before anything is published."""

from commonshelf.desks.onboarding import _opening, declared_in, in_units_of
from connectors.drop_folder.formats import read_events
from connectors.drop_folder.settings import DropFolderSpec
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import CodeMapping, ConfigChange
from schemas.models.pos import Unit
from schemas.topics import POS_STOCK
from streams.catalog import PoolConfig
from tests.support.pool import NOON_MS, POOL, STORE, furnished

OPENING = b"plu,quantity,unit\n4011,12.5,kg\n4012,3,\n4013,7,\n4014,2,kg\n4015,1,\n"


def opening(tmp_path):
    spec = DropFolderSpec(pool="riverside", store="cara", folder=tmp_path, time_zone="Europe/Berlin", currency="EUR")
    return [event for batch in read_events("o.csv", OPENING, "opening", spec, 1_000) for event in batch.events]


def known(*units):
    """Items A, B, … counted so, with PLU 4011, 4012, …"""
    for at, unit in enumerate(units):
        sku = chr(ord("A") + at)
        yield CatalogItem(pool="riverside", recorded_at_ms=1, sku=sku, name=sku, unit=unit)
        mapping = CodeMapping(code=f"plu:{4011 + at}", sku=sku)
        yield ConfigChange(pool="riverside", recorded_at_ms=1, origin="test", change=mapping)


def test_an_opening_line_in_another_unit_than_the_pool_counts_is_told_and_not_published(tmp_path):
    catalog = declared_in(PoolConfig(), known(Unit.kg, Unit.kg, Unit.each, Unit.each))
    reports, misfits = in_units_of(catalog, opening(tmp_path))
    assert [line.code for report in reports for line in report.lines] == ["plu:4011", "plu:4013", "plu:4015"]
    assert misfits == [
        "plu:4012 is given by each, but the pool counts B by kg; put kg into a column named unit",
        "plu:4014 is given by kg, but the pool counts D by each; put each into a column named unit",
    ]


def test_a_report_of_which_no_line_fits_is_not_published(tmp_path):
    catalog = declared_in(PoolConfig(), known(Unit.l, Unit.l, Unit.l, Unit.l, Unit.l))
    assert in_units_of(catalog, opening(tmp_path))[0] == []


def test_an_opening_stock_that_is_added_again_takes_the_place_of_the_first(tmp_path):
    spec = DropFolderSpec(pool=POOL, store=STORE, folder=tmp_path)
    bench = furnished()
    for now_ms, quantity in ((NOON_MS, 24), (NOON_MS + 1_000, 20)):
        (tmp_path / "o.csv").write_text(f"sku,quantity\nMILK,{quantity}\n")
        reports, _ = _opening(tmp_path / "o.csv", spec, now_ms)
        for report in reports:
            bench.put(POS_STOCK.name, topic_codec(POS_STOCK.name).encode(report.to_avro()), now_ms)
    assert (bench.on_hand(), bench.reasons()) == (20_000, [])
