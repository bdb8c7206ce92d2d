"""Exports of well-known tills as their vendors lay them out (values invented): what counts, and what does not."""

import io
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from connectors.drop_folder.formats import format_of, read_events
from connectors.drop_folder.guess import guess
from connectors.drop_folder.known_tills import PRESETS, preset_of
from connectors.drop_folder.preset import normal_header
from connectors.drop_folder.settings import DropFolderSpec
from connectors.drop_folder.survey import FileRefused

GTIN = "4006381333931"
SQUARE_LIBRARY = (
    "Token,Item Name,Customer-facing Name,Variation Name,SKU,Description,Categories,GTIN,Item Type,Price,Archived,"
    "Sellable,Stockable,Current Quantity Main,New Quantity Main,Stock Alert Enabled Main\n"
    f"TOK1,Oat drink,,Regular,OAT-1L,,Dairy,{GTIN},Physical,3.99,N,Y,Y,12,,N\n"
    "TOK2,Coffee,,Cup,,,,,Prepared food and beverage,2.50,N,Y,N,,,N\n"
)
SHOPIFY_INVENTORY = (
    "Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,SKU,HS Code,COO,"
    "Location,Bin name,Incoming (not editable),Unavailable (not editable),Committed (not editable),"
    "Available (not editable),On hand (current),On hand (new)\n"
    "fern,Fern print,Title,Default Title,,,,,FERN-1,,,Main,,0,0,1,4,5,\n"
    "card,Gift wrap,Title,Default Title,,,,,WRAP,,,Main,,not stocked,not stocked,not stocked,not stocked,"
    "not stocked,\n"
)
LOYVERSE_RECEIPTS = (
    "Date,Receipt number,Receipt type,Gross sales,Discounts,Net sales,Taxes,Tips,Total collected,Cost of goods,"
    "Gross profit,Payment type,Description,Dining option,POS,Store,Cashier name,Customer name,"
    "Customer contacts,Status\n"
    "2026-03-01 08:00,1-1001,Sale,15.00,0.00,15.00,0.00,0.00,15.00,12.00,3.00,Cash,1 x Cocoa,,POS 1,Main,,,,Closed\n"
)
TOAST = (
    "Location,Order Id,Order #,Sent Date,Order Date,Check Id,Server,Table,Dining Area,Service,Dining Option,"
    "Item Selection Id,Item Id,Master Id,SKU,PLU,Menu Item,Menu Subgroup(s),Menu Group,Menu,Sales Category,Gross Price,"
    "Discount,Net Price,Qty,Tax,Void?,Deferred,Tax Exempt,Tax Inclusion Option,Dining Option Tax,Tab Name\n"
    "Main,O1,12,3/16/26 4:35 PM,3/16/26 4:34 PM,C1,,,,Dinner,Take Out,S1,I1,M1,SALSA,,Salsa jar,,Shop,Main,Retail,"
    "9.00,0.00,9.00,2.0,0.72,False,False,False,,,\n"
    "Main,O1,12,3/16/26 4:35 PM,3/16/26 4:34 PM,C1,,,,Dinner,Take Out,S2,I2,M2,CHIPS,,Chips,,Shop,Main,Retail,4.00,"
    "0.00,4.00,1.0,0.32,True,False,False,,,\n"
    "Main,O2,13,3/16/26 5:01 PM,3/16/26 5:00 PM,C2,,,,Dinner,Take Out,S3,I3,M3,GIFT,,Gift card,,,Main,,25.00,0.00,"
    "25.00,1.0,0.00,False,True,False,,,\n"
)
SUMUP = (
    "Account,Date,Time,Type,Transaction ID,Receipt Number,Payment Method,Quantity,Description,Currency,Price (Gross),"
    "Price (Net),Tax,Tax rate,Transaction refunded\n"
    "a@example.com,16.03.26,16:35,Sales,T1,S20260000001,Cash,2,Coffee beans,EUR,14.00,13.08,0.92,7%,\n"
    "a@example.com,16.03.26,16:40,Refund,T2,S20260000002,Cash,-1,Coffee beans,EUR,-7.00,-6.54,-0.46,7%,\n"
    "a@example.com,16.03.26,16:41,Sales,T3,S20260000003,Card,1,Custom amount,EUR,3.00,3.00,0.00,0%,\n"
)
SUMUP_DE = (
    "Datum,Typ,Transaktionsnummer,Zahlungsmethode,Menge,Beschreibung,Category,Sku,Währung,Preis vor Rabatt,Rabatt,"
    "Preis (brutto),Preis (netto),Steuer,Steuersatz,Konto\n"
    '"16.03.2026, 16:35",Verkauf,T1,Bar,2,Kaffeebohnen,Laden,,CHF,14.0,0.0,14.0,13.65,0.35,2.6%,a@example.com\n'
    '"16.03.2026, 16:35",Verkauf,T1,Bar,1,Seife,Laden,SEIFE-1,CHF,5.0,0.0,5.0,4.62,0.38,8.1%,a@example.com\n'
    '"16.03.2026, 16:40",Rückerstattung,T2,Bar,1,Kaffeebohnen,,,CHF,-7.0,,-7.0,-6.82,,,\n'
    '"16.03.2026, 16:45",Rückerstattung,T1,Bar,1,,,,CHF,-19.0,,-19.0,-18.27,,,\n'
)
SUMUP_FR = (
    "Date,Type,Réf. transaction,Moyen de paiement,Quantité,Unité,Description,Catégorie,SKU,Devise,"
    "Prix avant réduction,Réduction,Prix (TTC),Prix (HT),TVA,Taux de TVA,Compte\n"
    '"10 juil. 2026 10:15",Vente,TA1,Carte,"10,575",kg,Pommes,Fruits,,EUR,"15,86",0,"15,86","13,22","2,64",20 %,Ann\n'
    "1 juin 2026 09:59,Vente,TA2,Visa - Débit,1,,Savon,Boutique,SAVON-1,EUR,1,0,1,1,0,,Ann\n"
    "1 juin 2026 10:05,Remboursement,TA3,Visa - Débit,1,,Savon,Boutique,SAVON-1,EUR,1,0,1,1,0,,Ann\n"
)
ZETTLE = (
    "Date,Time,Receipt number,VAT (20%),Name,Variant,Unit,SKU,Barcode,Quantity,Currency,Final price (GBP),Cashier\n"
    f"2026-03-16,16:35,41,1.00,Soap,Rose,,SOAP-R,{GTIN},2,GBP,6.00,Ann\n"
    "2026-03-16,16:36,42,-0.50,Soap,Mint,,SOAP-M,,-1,GBP,-3.00,Ann\n"
)
CLOVER = (
    "Line Item Date,Order Employee ID,Order Employee Name,Order Employee Custom ID,Item ID,Item Product Code,Item SKU,"
    "Order ID,Item Name,Currency,Per Unit Quantity,Item Unit,Item Revenue,Modifiers,Modifiers Revenue,Total Revenue,"
    "Discounts,Total Discount,Order Discounts,Order Discount Proportion,Item Total,Item Tax Rate,Item Fee,Tax Amount,"
    "Item Total with Tax/Fee Amount,Refunded,Exchanged,Order Payment State,Service Charge\n"
    f"16-Mar-2026 04:35 PM EDT,E1,Ann,,I1,{GTIN},MUG,O1,Mug,USD,,,8.00,,,8.00,,0.00,,0.00,8.00,0.065,0.00,0.52,8.52,"
    "false,false,Paid,\n"
    "16-Mar-2026 04:35 PM EDT,E1,Ann,,I2,,APPLES,O1,Apples,USD,2.000,lb,5.00,,,5.00,,0.00,,0.00,5.00,0.0,0.00,0.00,"
    "5.00,false,false,Paid,\n"
    "16-Mar-2026 04:35 PM EDT,E1,Ann,,,,,O1,Gratuity,USD,,,2.34,,,2.34,,0.00,,0.00,2.34,0.0,0.00,0.00,2.34,false,"
    "false,Paid,True\n"
    "16-Mar-2026 04:49 PM EDT,E1,Ann,,I3,,PLATE,O2,Plate,USD,,,5.00,,,5.00,,0.00,,0.00,5.00,0.065,0.00,0.33,5.33,"
    "false,false,Open,\n"
    "16-Mar-2026 05:10 PM EDT,E1,Ann,,I3,,PLATE,O3,Plate,USD,,,5.00,,,5.00,,0.00,,0.00,5.00,0.065,0.00,0.33,5.33,"
    "true,false,Paid,\n"
)
WOOCOMMERCE = (
    'ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,Is featured?,In stock?,Stock,Low stock amount,Regular price\n'
    f"10,simple,MUG-1,{GTIN},Mug,1,0,1,7,,8\n"
    "11,variable,SHIRT,,Shirt,1,0,1,,,\n"
    "12,variation,SHIRT-M,,Shirt - M,1,0,1,3,,20\n"
)
EXPORTS = {
    "square_library": (SQUARE_LIBRARY, "level", [f"12000 gtin:0{GTIN}"], ["non_stock"]),
    "shopify_inventory": (SHOPIFY_INVENTORY, "level", ["5000 sku:FERN-1"], ["non_stock"]),
    "toast_selections": (TOAST, "sales", ["sale 2000 sku:SALSA 900"], ["voided", "gift_card"]),
    "sumup": (SUMUP, "sales", ["sale 2000 item:Coffee beans 1400", "return 1000 item:Coffee beans 700"], ["non_stock"]),
    "sumup_de": (
        SUMUP_DE,
        "sales",
        ["sale 2000 item:Kaffeebohnen 1400", "sale 1000 sku:SEIFE-1 500", "return 1000 item:Kaffeebohnen 700"],
        ["unlinked"],
    ),
    "sumup_fr": (
        SUMUP_FR,
        "sales",
        ["sale 10575 item:Pommes 1586", "sale 1000 sku:SAVON-1 100", "return 1000 sku:SAVON-1 100"],
        [],
    ),
    "zettle": (ZETTLE, "sales", [f"sale 2000 gtin:0{GTIN} 600", "return 1000 sku:SOAP-M 300"], []),
    "clover": (
        CLOVER,
        "sales",
        [f"sale 1000 gtin:0{GTIN} 800", "sale 907 sku:APPLES 500"],
        ["fee", "unpaid", "not_moved"],
    ),
    "woocommerce_products": (WOOCOMMERCE, "level", [f"7000 gtin:0{GTIN}", "3000 sku:SHIRT-M"], ["non_stock"]),
}
CURRENCIES = {"sumup": "EUR", "sumup_de": "CHF", "sumup_fr": "EUR", "zettle": "GBP"}


def read(content, kind, name="x.csv", currency="USD"):
    content = content if isinstance(content, bytes) else content.encode()
    spec = DropFolderSpec(
        pool="north", store="grocer-7", folder=Path(), time_zone="America/New_York", currency=currency
    )
    batches = list(read_events(name, content, kind, spec, 1_790_000_000_000))
    assert [problem for batch in batches for problem in batch.problems] == []
    notes = [note.reason for batch in batches for note in batch.notes]
    assert [note for note in notes if "too old" not in note and "the nearest thousandth" not in note] == []
    lines = [
        f"{line.kind} {line.quantity_milli} {line.code} {line.price_minor}"
        if kind == "sales"
        else f"{line.quantity_milli} {line.code}"
        for batch in batches
        for event in batch.events
        for line in event.lines
    ]
    return lines, [skip.reason.value for batch in batches for skip in batch.skipped]


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("above", ["", "Report\nMain street\n\n"], ids=["as it comes", "under a title"])
def test_an_export_is_known_by_its_headers_and_counts_what_it_says(name, above):
    content, kind, lines, skipped = EXPORTS[name]
    assert read(above + content, kind, currency=CURRENCIES.get(name, "USD")) == (lines, skipped)


@pytest.mark.parametrize("name", EXPORTS)
def test_guess_names_the_preset_and_needs_no_mapping(name):
    content, kind, _, _ = EXPORTS[name]
    form = format_of("x.csv")
    found = form.survey(io.BytesIO(content.encode()))
    guessed = guess(form.sample(io.BytesIO(content.encode()), found), None, ZoneInfo("America/New_York"))
    title = next(preset.title for preset in PRESETS if preset.name == name)
    assert (guessed.preset, guessed.mapping, guessed.kind, guessed.missing) == (title, {}, kind, ())


@pytest.mark.parametrize("name", EXPORTS)
def test_a_workbook_of_the_same_export_counts_the_same(name):
    content, kind, lines, skipped = EXPORTS[name]
    layout = cells_of(content)
    book = openpyxl.Workbook()
    for row in layout:
        book.active.append(row)
    packed = io.BytesIO()
    book.save(packed)
    assert read(packed.getvalue(), kind, "x.xlsx", CURRENCIES.get(name, "USD")) == (lines, skipped)


def cells_of(content):
    form = format_of("x.csv")
    found = form.survey(io.BytesIO(content.encode()))
    sample = form.sample(io.BytesIO(content.encode()), found)
    return [list(sample.header), *map(list, sample.rows)]


OTHER_ROWS = {
    "a tip, a gift card and a custom amount of Shopify's": (
        ("Name,Financial Status,Fulfillment Status,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
        "Lineitem sku,Lineitem requires shipping,Cancelled at\n"
        "#1,paid,fulfilled,USD,2026-03-03 10:14:00 -0400,2,Fern,5.00,FERN,true,\n"
        "#1,,,,2026-03-03 10:14:00 -0400,1,Tip,1.00,,false,\n"
        "#1,,,,2026-03-03 10:14:00 -0400,1,Gift Card - $25,25.00,,false,\n"
        "#1,,,,2026-03-03 10:14:00 -0400,1,Engraving,5.00,,false,\n"),
        "sales", ["sale 2000 sku:FERN 1000"], ["tip", "gift_card", "non_stock"],
    ),
    "an older German report of SumUp's, with the time apart": (
        ("Konto;Datum;Zeit;Typ;Transaktions-ID;Menge;Beschreibung;Währung;Preis (brutto)\n"
        "a@example.com;16.03.26;16:35;Verkauf;T1;2;Kaffeebohnen;USD;14,00\n"
        "a@example.com;16.03.26;16:36;Verkauf;T2;1;Individueller Betrag;USD;3,00\n"),
        "sales", ["sale 2000 item:Kaffeebohnen 1400"], ["non_stock"],
    ),
    "what Shopify restocked, and a line of none": (
        ("Name,Financial Status,Fulfillment Status,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
        "Lineitem sku,Cancelled at\n"
        "#1,refunded,restocked,USD,2026-03-03 10:14:00 -0400,2,Fern,5.00,FERN,\n"
        "#2,paid,fulfilled,USD,2026-03-03 10:14:00 -0400,1,Fern,5.00,FERN,\n"
        "#2,,,,2026-03-03 10:14:00 -0400,0,Pot,5.00,POT,\n"),
        "sales", ["sale 1000 sku:FERN 500"], ["not_moved", "not_moved"],
    ),
    "an open item of Toast's": (
        TOAST.splitlines()[0] + "\nMain,O3,14,3/16/26 5:01 PM,3/16/26 5:00 PM,C3,,,,Dinner,Take Out,S4,,,,,Open Item,,,"
        "Main,,25.00,0.00,25.00,1.0,0.00,False,False,False,,,\n",
        "sales", [], ["non_stock"],
    ),
    "Clover's pieces without a quantity, what came back, and a custom amount": (
        ("Line Item Date,Order ID,Order Payment State,Line Item ID,Item ID,Item Name,Item SKU,Per Unit Quantity,"
        "Item Total,Refunded,Exchanged\n"
        "16-Mar-2026 04:35 PM EDT,O1,Paid,L1,I1,Mug,MUG,,$8.00,No,No\n"
        "16-Mar-2026 04:35 PM EDT,O1,Paid,L2,I2,Apples,APPLES,1.5,$5.00,No,No\n"
        "16-Mar-2026 04:36 PM EDT,O2,Paid,L3,I1,Mug,MUG,,$8.00,Yes,No\n"
        "16-Mar-2026 04:36 PM EDT,O3,Paid,L4,,Custom,,,$8.00,No,No\n"),
        "sales", ["sale 1000 sku:MUG 800", "sale 1500 sku:APPLES 500"], ["not_moved", "non_stock"],
    ),
    "Clover's line items without a column of quantities": (
        ("Line Item Date,Order ID,Order Payment State,Item ID,Item Name,Item SKU,Item Total\n"
        "16-Mar-2026 04:35 PM EDT,O1,Paid,I1,Mug,MUG,$8.00\n"),
        "sales", ["sale 1000 sku:MUG 800"], [],
    ),
    "the products that Lightspeed itself puts on receipts": (
        ("Date,Receipt Number,Line Type,Quantity,Total,Register,Status,Sku\n"
        "2026-03-16 16:35,1042,Sale,3,11,Main,CLOSED,\n"
        "2026-03-16 16:35,1042,Sale Line,2,11,Main,,MILK\n"
        "2026-03-16 16:35,1042,Sale Line,1,-1,Main,,vend-discount\n"),
        "sales", ["sale 2000 sku:MILK 1100"], ["no_content", "fee"],
    ),
    "WooCommerce's virtual products": (
        WOOCOMMERCE.splitlines()[0] + '\n13,"simple, downloadable, virtual",CARD,,Card,1,0,1,5,,8\n',
        "level", [], ["non_stock"],
    ),
    "Square's units with their precision, and the merchant's own": (
        ("Token,Item Name,Variation Name,SKU,Unit and Precision,Current Quantity Main\n"
        "T1,Cheese,Regular,CH,kg (.000),2.5\nT2,Herbs,Regular,HERB,Per bunch,2\n"),
        "level", ["2500 sku:CH", "2000 sku:HERB"], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER_ROWS)
def test_of_an_export_the_goods_count_and_nothing_else(what):
    content, kind, lines, skipped = OTHER_ROWS[what]
    assert read(content, kind) == (lines, skipped)


def test_loyverses_receipts_without_items_are_refused_with_the_export_that_has_them():
    with pytest.raises(FileRefused, match=r'Loyverse.*names no items; export "Receipts by item"'):
        read(LOYVERSE_RECEIPTS, "sales")


def test_no_two_presets_answer_to_the_same_headers():
    for preset in PRESETS:
        names = [need.split("|")[0].replace("*", "main") for need in preset.needs]
        assert preset_of(names) == preset


def test_headers_are_compared_as_vendors_vary_them():
    assert [normal_header(each) for each in ("Receipt No.", "\ufeffTransaction ID ", '="SKU"', "Void?")] == [
        "receipt_no", "transaction_id", "sku", "void?",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "total",
    ["Total,,,3", "Grand total:,,,3", ",,Summe,3", "Totals", ",,,3", "receipt_no,occurred_at,sku,quantity"],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_total_or_a_second_header_is_left_out_wherever_it_stands(total, at):
    rows = ["1,2026-03-01T10:00,MILK,1", "2,2026-03-01T11:00,MILK,2"]
    rows.insert(at, total)
    lines, skipped = read("\n".join(["receipt_no,occurred_at,sku,quantity", *rows]) + "\n", "sales")
    assert (lines, skipped) == (["sale 1000 sku:MILK None", "sale 2000 sku:MILK None"], ["no_content"])


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("Status", {"Cancelled": "cancelled", "Storniert": "cancelled", "VOIDED": "voided", "Pending": "unpaid",
                    "Entwurf": "unpaid", "Annulé": "cancelled", "on-hold": "unpaid", "Training": "training"}),
        ("Cancelled at", {"2026-03-01 10:00": "cancelled"}), ("Canceled", {"true": "cancelled", "Yes": "cancelled"}),
        ("Void?", {"TRUE": "voided"}), ("Payment status", {"failed": "unpaid"}), ("Type", {"Payment": "no_content"}),
    ],
)  # fmt: skip
def test_a_column_that_says_that_a_row_was_no_sale_is_read(column, words):
    for word, reason in words.items():
        content = f"receipt,sold_at,sku,qty,{column}\n1,2026-03-01 10:00,MILK,1,\n2,2026-03-01 10:00,MILK,1,{word}\n"
        assert read(content, "sales") == (["sale 1000 sku:MILK None"], [reason])


@pytest.mark.parametrize(
    ("column", "word", "lines", "skipped"),
    [
        ("is_refund", "true", ["return 1000 sku:MILK None"], []), ("Return?", "Y", ["return 1000 sku:MILK None"], []),
        ("Ist Retoure", "Ja", ["return 1000 sku:MILK None"], []),
        ("is_refund", "false", ["sale 1000 sku:MILK None"], []),
        ("Deleted", "yes", [], ["voided"]), ("Training", "x", [], ["training"]), ("Test mode", "1", [], ["training"]),
        ("Paid", "no", [], ["unpaid"]), ("Bezahlt", "Nein", [], ["unpaid"]),
        ("Paid", "3.50", ["sale 1000 sku:MILK None"], []), ("Storno", "J", [], ["cancelled"]),
        ("Storno", "N", ["sale 1000 sku:MILK None"], []),
    ],
)  # fmt: skip
def test_a_column_of_yes_and_no_that_says_what_a_row_was_is_read(column, word, lines, skipped):
    content = f"receipt,sold_at,sku,qty,{column}\n1,2026-03-01 10:00,MILK,1,{word}\n"
    assert read(content, "sales") == (lines, skipped)


@pytest.mark.parametrize("column", ["Refunded", "is_refunded", "Exchanged?", "Erstattet"])
def test_a_column_that_leaves_open_whether_goods_came_back_is_refused_until_an_option_says_it(column):
    rows = "".join(f"{at},2026-03-01 10:00,MILK,1,no\n" for at in range(300))
    content = f"receipt,sold_at,sku,qty,{column}\n{rows}"
    assert len(read(content, "sales")[0]) == 300
    with pytest.raises(FileRefused, match=r'whether their goods came back.*"cancelled".*"returned".*"ignored"'):
        read(content + "300,2026-03-01 10:00,MILK,1,yes\n", "sales")


@pytest.mark.parametrize("clock", ["16h35", "16:35 uur", "16.35 Uhr", "4:35 pm", "4:35 PM EDT"])
def test_a_clock_is_read_in_the_ways_of_several_languages(clock):
    spec = DropFolderSpec(pool="north", store="grocer-7", folder=Path(), time_zone="America/New_York")
    content = f"receipt,sold_at,sku,qty\n1,16/03/2026 {clock},MILK,1\n".encode()
    (batch,) = read_events("x.csv", content, "sales", spec, 1_790_000_000_000)
    assert [event.occurred_at_ms for event in batch.events] == [1_773_693_300_000]


@pytest.mark.parametrize("word", ["Refund", "Rückgabe", "Remboursement", "REFUNDED"])
@pytest.mark.parametrize("quantity", ["1", "-1"])
def test_a_refund_by_its_type_brings_back_whatever_its_sign(word, quantity):
    content = f"receipt,sold_at,sku,qty,total,type\n1,2026-03-01 10:00,MILK,{quantity},-3.50,{word}\n"
    assert read(content, "sales") == (["return 1000 sku:MILK 350"], [])


def test_a_word_of_the_tills_own_is_refused_until_the_option_says_what_it_means():
    content = b"receipt,sold_at,sku,qty,status\n1,2026-03-01 10:00,MILK,1,Zapfenstreich\n"
    spec = DropFolderSpec(pool="north", store="grocer-7", folder=Path())
    (batch,) = read_events("x.csv", content, "sales", spec, 0)
    assert "status_words" in batch.problems[0].reason
    spec = spec.model_copy(update={"status_words": {"zapfenstreich": "cancelled"}})
    (batch,) = read_events("x.csv", content, "sales", spec, 0)
    assert [skip.reason for skip in batch.skipped] == ["cancelled"]
