"""Payment files: by the schema that banks have, with accounts that are the operator's, and the same when made again."""

import csv
import io
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sepaxml
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from commonshelf.desks.settlement.payment_files import (
    Account,
    PaymentFileError,
    is_iban,
    payments_csv,
    read_accounts,
    sepa_files,
    sepa_text,
)
from streams.settlement.netting import Netted, Payment

SCHEMA = xmlschema.XMLSchema(Path(sepaxml.__file__).parent / "schemas" / "pain.001.001.09.xsd")
ACCOUNTS = {
    "corner": Account("Müller & Söhne", "DE89370400440532013000", "COBADEFFXXX"),
    "mill": Account("Moulin d'Été", "FR1420041010050500013M02606", ""),
    "@insurer": Account("Ø " * 80, "NL91ABNA0417164300", ""),
}
MADE_AT, PAY_ON = datetime(2026, 11, 29, 12, 0, 5, tzinfo=UTC), date(2026, 12, 1)
PAYMENTS = [
    Payment("mill", "corner", 28_501),
    Payment("mill", "@insurer", 5),
    Payment("corner", "@insurer", 99_999_999_999),
]


def files(payments=PAYMENTS, currency="EUR", accounts=ACCOUNTS, window="2026-11-23"):
    return sepa_files("north", window, Netted(currency, {}, payments, []), accounts, MADE_AT, PAY_ON)


def test_each_payer_has_a_file_that_keeps_to_the_schema_and_has_all_that_it_pays():
    made = files()
    assert sorted(made) == ["corner.xml", "mill.xml"]
    for content in made.values():
        SCHEMA.validate(content.decode())
    told = SCHEMA.to_dict(made["mill.xml"].decode())["CstmrCdtTrfInitn"]
    block = told["PmtInf"][0]
    assert (told["GrpHdr"]["NbOfTxs"], str(told["GrpHdr"]["CtrlSum"])) == ("2", "285.06")
    assert block["DbtrAcct"]["Id"]["IBAN"] == ACCOUNTS["mill"].iban
    assert block["ReqdExctnDt"]["Dt"] == "2026-12-01"
    assert [(one["CdtrAcct"]["Id"]["IBAN"], str(one["Amt"]["InstdAmt"]["$"])) for one in block["CdtTrfTxInf"]] == [
        (ACCOUNTS["corner"].iban, "285.01"), (ACCOUNTS["@insurer"].iban, "0.05"),
    ]  # fmt: skip


def test_a_file_that_is_made_again_has_the_same_identifiers_and_that_of_another_window_others():
    def identifiers(made):
        return [line for line in made["mill.xml"].decode().splitlines() if "MsgId" in line or "EndToEndId" in line]

    assert identifiers(files()) == identifiers(files())
    assert not set(identifiers(files())) & set(identifiers(files(window="2026-11-30")))
    assert len(set(identifiers(files()))) == 3


@given(st.text(max_size=80), st.text(min_size=1, max_size=80))
def test_any_holder_and_any_pool_keep_to_the_schema(holder, pool):
    accounts = ACCOUNTS | {"mill": Account(holder, ACCOUNTS["mill"].iban, "")}
    made = sepa_files(pool, "w", Netted("EUR", {}, PAYMENTS[:1], []), accounts, MADE_AT, PAY_ON)
    SCHEMA.validate(made["mill.xml"].decode())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"currency": "CHF"}, "SEPA moves EUR only"),
        ({"accounts": {}}, "has none of @insurer, corner, mill"),
        ({"payments": [Payment("mill", "corner", 100_000_000_000)]}, "more at once than SEPA takes"),
    ],
)
def test_payments_that_no_bank_would_take_are_refused(change, told):
    with pytest.raises(PaymentFileError, match=told):
        files(**change)


@pytest.mark.parametrize(
    ("iban", "is_one"),
    [
        ("DE89370400440532013000", True),
        ("DE88370400440532013000", False),
        ("", False),
        ("DE89", False),
        ("x" * 22, False),
    ],
)
def test_the_check_digits_of_an_iban(iban, is_one):
    assert is_iban(iban) is is_one


def accounts_file(tmp_path, *rows):
    file = tmp_path / "accounts.csv"
    file.write_text("\n".join(("party,holder,iban,bic", *rows)), encoding="utf-8")
    return file


def test_accounts_are_read_as_people_write_them(tmp_path):
    file = accounts_file(tmp_path, "corner,Corner Shop,de89 3704 0044 0532 0130 00,", "'@fund,Fund,NL91ABNA0417164300,")
    assert set(read_accounts(file)) == {"corner", "@fund"}
    assert read_accounts(file)["corner"] == Account("Corner Shop", "DE89370400440532013000", "")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["corner,Corner,DE88370400440532013000,"], "line 2 has no IBAN of corner"),
        ([",Corner,DE89370400440532013000,"], "line 2 names no party"),
        (["corner,,DE89370400440532013000,"], "names no holder"),
        (["corner,Corner,DE89370400440532013000,ABC"], "has a BIC of corner that is none"),
        (["corner,A,DE89370400440532013000,", "corner,B,DE89370400440532013000,"], "line 3 names corner a second time"),
    ],
)
def test_accounts_that_are_wrong_are_refused_by_their_line_and_never_shown(tmp_path, rows, told):
    with pytest.raises(PaymentFileError, match=told) as refused:
        read_accounts(accounts_file(tmp_path, *rows))
    assert "3704004405320130" not in str(refused.value)


def test_a_file_of_accounts_that_is_missing_is_told(tmp_path):
    with pytest.raises(PaymentFileError, match="cannot be read"):
        read_accounts(tmp_path / "none.csv")


def test_payments_as_csv_have_every_currency():
    found = [Netted("EUR", {}, PAYMENTS[:1], []), Netted("JPY", {}, [Payment("x", "@fund", 12)], [])]
    rows = list(csv.DictReader(io.StringIO(payments_csv("2026-11-23", found, ACCOUNTS))))
    assert [(row["payer"], row["payee"], row["amount"], row["currency"]) for row in rows] == [
        ("mill", "corner", "285.01", "EUR"), ("x", "'@fund", "12", "JPY"),
    ]  # fmt: skip
    assert [row["payee_iban"] for row in rows] == [ACCOUNTS["corner"].iban, ""]


def test_letters_that_not_every_bank_takes_are_written_as_their_neighbours():
    assert sepa_text("Müller & Söhne, Straße 5 \u20ac", 70) == "Muller + Sohne, Strasse 5"
