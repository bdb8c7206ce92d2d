"""An operator's lists: the product master and a store's codes."""

import csv

import openpyxl
import pytest

from commonshelf.config.catalog_files import UnusableFileError, read_catalog, read_codes
from commonshelf.config.publishing import SharedCodeError, check_codes
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
        ("name\nMilk\n", ":1: the column sku (or item_number, "),
        ("sku,name,gtin\nMILK,Milk,4006381333932\n", ":2: gtin: '4006381333932' has a wrong check digit"),
        ("sku,name,price\nMILK,Milk,1.299\n", ":2: price: '1.299' can be read in two ways"),
        ("sku,name,price\nMILK,Milk,0.299\n", ":2: price: '0.299' has more decimals than EUR has"),
        ("sku,name,unit\nMILK,Milk,pound\n", ":2: unit: 'pound' is not a unit of a product master"),
        ("sku,name,gtin\nA,A,4006381333931\nB,B,4006381333931\n", ":3: gtin:04006381333931 stands in line 2 already"),
        ("sku,name\nA,A\nA,Other\n", ":3: sku:A stands in line 2 already"),
        ("sku,name,codes\nA,A,plu:1\nB,B,plu:1\n", ":3: plu:1 stands in line 2 already, for A"),
        ("sku,name,codes\nA,A,\nB,B,sku:A\n", ":3: sku:A stands in line 2 already, for A"),
        ("sku,name,codes\nMILK,Milk,4011\n", ":2: code '4011' has no known scheme"),
        ("sku,name,tax_percent\nMILK,Milk,7.55\n", ":2: tax_percent: '7.55' has more than one decimal"),
        ("sku,name,shelf_life_days\n\nMILK,Milk,ten\n", ":3: shelf_life_days: 'ten' is no whole number of days"),
        ("", ":1: the file is empty"),
    ],
)
def test_a_wrong_row_is_told_with_file_line_and_column(tmp_path, text, expected):
    file = tmp_path / "catalog.csv"
    file.write_text(text)
    with pytest.raises(UnusableFileError) as caught:
        list(read_catalog(file, "riverside", "EUR", 5))
    assert str(caught.value).startswith(f"{file}{expected}")


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\xff\xfe\x00\xd8", "neither UTF-8"), (b"PK\x03\x04" + bytes(99), "zero bytes"),
     (b'sku,name\n"' + b"x" * 200_000, "longer than")],
)  # fmt: skip
def test_a_file_that_is_no_list_is_told(tmp_path, content, says):
    file = tmp_path / "catalog.csv"
    file.write_bytes(content)
    with pytest.raises(UnusableFileError, match=says):
        list(read_catalog(file, "riverside", "EUR", 5))


LISTS = {
    "german": "Artikelstamm Stand 1.3.2026\n\nArtikelnummer;Bezeichnung;EAN;Einheit;VK;MwSt %\n"
    "MILK;Bärenmilch 1 l;4006381333931;Stück;1,29;7\nBANANA;Bananen;4011;kg;1.299,50;7,0\nSumme;;;;;\n",
    "french": "Référence;Désignation;Code barres;Unité;Prix TTC;TVA\n"
    "MILK;Bärenmilch 1 l;4006381333931;pièce;1,29;7 %\nBANANA;Bananen;4011;kilogramme;1 299,50;7,0\n",
    "spanish": "Código\tDescripción\tCódigo de barras\tUnidad\tPVP\tIVA\n"
    "MILK\tBärenmilch 1 l\t4006381333931\tud.\t1,29 €\t7\nBANANA\tBananen\t4011\tkg\t1299,50\t7\n",
    "american": "Item Number,Item Name,UPC,Unit,Price,Tax\n"
    'MILK,Bärenmilch 1 l,4006381333931,each,1.29,7\nBANANA,Bananen,4011,kg,"1,299.50",7\n',
}


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16", "xlsx"])
@pytest.mark.parametrize("language", LISTS)
def test_a_catalog_is_read_as_the_shop_writes_it(tmp_path, language, encoding):
    text = LISTS[language]
    file = tmp_path / ("items.xlsx" if encoding == "xlsx" else "items.csv")
    if encoding == "xlsx":
        book = openpyxl.Workbook()
        delimiter = next(each for each in "\t;," if each in text)
        for row in csv.reader(text.splitlines(), delimiter=delimiter):
            book.active.append(row)
        book.save(file)
    else:
        file.write_bytes(text.encode(encoding))
    milk, banana, plu = read_catalog(file, "riverside", "EUR", 5)
    assert (milk.sku, milk.name, milk.gtin, milk.unit, milk.price_minor, milk.tax_permille) == (
        "MILK", "Bärenmilch 1 l", "04006381333931", Unit.each, 129, 70,
    )  # fmt: skip
    assert (banana.sku, banana.gtin, banana.unit, banana.price_minor) == ("BANANA", None, Unit.kg, 129_950)
    assert plu.change == CodeMapping(code="plu:4011", sku="BANANA")


def test_a_stores_code_with_two_meanings_is_told(tmp_path):
    file = tmp_path / "codes.csv"
    file.write_text("code;sku\nplu:1;A\nplu:1;B\n")
    with pytest.raises(UnusableFileError, match=r":3: plu:1 stands in line 2 already, for A"):
        list(read_codes(file, "riverside", "anna", 5))


def test_two_items_of_several_files_with_one_barcode_are_refused():
    def item(sku, gtin):
        return CatalogItem(pool="p", sku=sku, name=sku, gtin=gtin, recorded_at_ms=1)

    check_codes([item("A", "04006381333931"), item("B", None), item("A", "04006381333931")])
    with pytest.raises(SharedCodeError, match="A and B of pool p both have the barcode 04006381333931"):
        check_codes([item("A", "04006381333931"), item("B", "04006381333931")])
