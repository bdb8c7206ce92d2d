"""An operator's lists: the product master and a store's codes."""

import pytest

from commonshelf.config.catalog_files import UnusableFileError, read_catalog, read_codes
from schemas.models.catalog import CatalogItem
from schemas.models.config import CodeMapping
from schemas.models.pos import Unit


def test_a_catalog_row_becomes_an_item_and_the_mappings_of_its_codes(tmp_path):
    file = tmp_path / "catalog.csv"
    file.write_text(
        "\ufeffSKU,Name,GTIN,unit,pack,cost,price,tax_percent,shelf_life_days,supplier,substitutes,codes,remark\n"
        "MILK,Milk 1 l,4006381333931,each,12,0.79,1.29,7,10,Dairy,OAT SOY,plu:4011 sku:M-1,good\n"
        ",,,,,,,,,,,,\n",
        encoding="utf-8",
    )
    item, *mappings = read_catalog(file, "riverside", "EUR", 5)
    assert item == CatalogItem(
        pool="riverside", sku="MILK", name="Milk 1 l", gtin="04006381333931", unit=Unit.each, pack_milli=12_000,
        cost_minor=79, price_minor=129, tax_permille=70, shelf_life_days=10, supplier="Dairy",
        substitutes=("OAT", "SOY"), recorded_at_ms=5,
    )  # fmt: skip
    assert [mapping.change for mapping in mappings] == [
        CodeMapping(store=None, code="plu:4011", sku="MILK"),
        CodeMapping(store=None, code="sku:M-1", sku="MILK"),
    ]


def test_a_stores_code_list_becomes_its_mappings(tmp_path):
    file = tmp_path / "codes.csv"
    file.write_text("code,sku\nitem:A 1,MILK\n")
    (change,) = read_codes(file, "riverside", "anna", 5)
    assert change.change == CodeMapping(store="anna", code="item:A 1", sku="MILK")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name\nMilk\n", ":1: the column sku is missing"),
        ("sku,name,gtin\nMILK,Milk,4006381333932\n", ":2: gtin: '4006381333932' has a wrong check digit"),
        ("sku,name,price\nMILK,Milk,1.299\n", ":2: price: '1.299' has more decimals than EUR has"),
        ("sku,name,unit\nMILK,Milk,pound\n", ":2: unit is 'pound': "),
        ("sku,name,codes\nMILK,Milk,4011\n", ":2: code '4011' has no known scheme"),
        ("sku,name,tax_percent\nMILK,Milk,7.55\n", ":2: tax_percent: '7.55' has more than one decimal"),
        ("sku,name,shelf_life_days\n\nMILK,Milk,ten\n", ":3: shelf_life_days: 'ten' is no whole number of days"),
        ("", ":1: the column sku is missing"),
    ],
)
def test_a_wrong_row_is_told_with_file_line_and_column(tmp_path, text, expected):
    file = tmp_path / "catalog.csv"
    file.write_text(text)
    with pytest.raises(UnusableFileError) as caught:
        list(read_catalog(file, "riverside", "EUR", 5))
    assert str(caught.value).startswith(f"{file}{expected}")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'sku,name\n"' + b"x" * 200_000])
def test_a_file_that_is_no_csv_text_is_told(tmp_path, content):
    file = tmp_path / "catalog.csv"
    file.write_bytes(content)
    with pytest.raises(UnusableFileError, match="cannot be read as a UTF-8 CSV file"):
        list(read_catalog(file, "riverside", "EUR", 5))
