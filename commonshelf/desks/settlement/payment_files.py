"""Payments as files for banks: SEPA credit transfers, one file for each payer, and CSV.

Account numbers come from a file of the operator's and go nowhere but into these files.
"""

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from connectors.parsing.spreadsheet import clean_cell, guarded, unguarded
from messaging.errors import UserError
from schemas.currency import decimal_text
from streams.settlement.ledger.entries import Party
from streams.settlement.netting import Netted, Payment

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_COLUMNS = ("party", "holder", "iban", "bic")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
_NAME_MAX, _ID_MAX, _TEXT_MAX = 70, 35, 140
"""Characters; the European Payments Council's rules for SEPA credit transfers."""
_SEPA_MAX_MINOR = 99_999_999_999
_NOT_SEPA = re.compile(r"[^A-Za-z0-9/?:().,'+ -]")
_LETTERS = {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "&": "+"}


class PaymentFileError(UserError):
    """The payments cannot be written for a bank; the sentence says what is missing or wrong."""


class Account(NamedTuple):
    """An account at a bank."""

    holder: str
    iban: str
    bic: str
    """Empty where the file has none; inside of SEPA none is needed."""


def read_accounts(file: Path) -> dict[Party, Account]:
    """Party → account, from a CSV file with the columns party, holder, iban and, if wanted, bic.

    Raises PaymentFileError.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PaymentFileError(f"{file} cannot be read: {error}") from error
    found: dict[Party, Account] = {}
    for line, row in enumerate(rows, 2):
        party, holder, iban, bic = (
            unguarded(clean_cell(row.get(name) or "")) for name in ("party", "holder", "iban", "bic")
        )
        iban, bic = "".join(iban.split()).upper(), bic.upper()
        wrong = (
            "names no party" if not party
            else f"names {party} a second time" if party in found
            else f"names no holder of the account of {party}" if not holder
            else f"has no IBAN of {party} that is one: its check digits do not fit" if not is_iban(iban)
            else f"has a BIC of {party} that is none" if bic and not _BIC.fullmatch(bic)
            else ""
        )  # fmt: skip
        if wrong:
            raise PaymentFileError(f"{file}: line {line} {wrong}; it has the columns party, holder, iban and bic")
        found[party] = Account(holder, iban, bic)
    return found


def is_iban(text: str) -> bool:
    """Whether the check digits fit; ISO 13616."""
    if not _IBAN.fullmatch(text):
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def sepa_files(
    pool: str, window: str, netted: Netted, accounts: Mapping[Party, Account], made_at: datetime, pay_on: date
) -> dict[str, bytes]:
    """File name → a pain.001.001.09 document: for each payer all that it pays for the window.

    The identifiers follow from pool, window and parties, so that a bank sees a file that is sent twice. Raises
    PaymentFileError for another currency than EUR, an amount above SEPA's limit, a party without an account.
    """
    if netted.currency != "EUR":
        raise PaymentFileError(
            f"SEPA moves EUR only, and these payments are in {netted.currency}; write them with --csv"
        )
    parties = {party for one in netted.payments for party in (one.payer, one.payee)}
    missing = sorted(parties - set(accounts))
    if missing:
        raise PaymentFileError(f"the file of accounts has none of {', '.join(missing)}")
    by_payer: dict[Party, list[Payment]] = {}
    for one in netted.payments:
        if one.amount_minor > _SEPA_MAX_MINOR:
            raise PaymentFileError(f"{one.payer} is to pay more at once than SEPA takes, 999,999,999.99 EUR")
        by_payer.setdefault(one.payer, []).append(one)
    return {
        f"{_file_name(payer)}.xml": _document(pool, window, payments, accounts, made_at, pay_on)
        for payer, payments in sorted(by_payer.items())
    }


def payments_csv(window: str, found: Iterable[Netted], accounts: Mapping[Party, Account]) -> str:
    """All payments of all currencies; accounts where they are known."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("window", "payer", "payer_iban", "payee", "payee_holder", "payee_iban", "amount", "currency"))
    nobody = Account("", "", "")
    for netted in found:
        for one in netted.payments:
            payer, payee = (accounts.get(party, nobody) for party in (one.payer, one.payee))
            texts = (window, one.payer, payer.iban, one.payee, payee.holder, payee.iban)
            amount = decimal_text(one.amount_minor, netted.currency)
            writer.writerow([*(guarded(text) for text in texts), amount, netted.currency])
    return out.getvalue()


def sepa_text(text: str, most: int) -> str:
    """In the characters that every bank of SEPA takes, cut to so many."""
    spelt = "".join(_LETTERS.get(char, char) for char in text)
    plain = "".join(char for char in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(char))
    return " ".join(_NOT_SEPA.sub(" ", plain).split())[:most].strip() or "-"


def _document(
    pool: str, window: str, payments: list[Payment], accounts: Mapping[Party, Account], made_at: datetime, pay_on: date
) -> bytes:
    payer = accounts[payments[0].payer]
    total = decimal_text(sum(one.amount_minor for one in payments), "EUR")
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(_tag("Document"))
    initiation = ET.SubElement(root, _tag("CstmrCdtTrfInitn"))
    message = _identifier(pool, window, payments[0].payer)
    head = _under(initiation, "GrpHdr")
    _text(head, "MsgId", message)
    _text(head, "CreDtTm", made_at.isoformat(timespec="seconds"))
    _text(head, "NbOfTxs", str(len(payments)))
    _text(head, "CtrlSum", total)
    _text(_under(head, "InitgPty"), "Nm", sepa_text(payer.holder, _NAME_MAX))
    block = _under(initiation, "PmtInf")
    _text(block, "PmtInfId", message)
    _text(block, "PmtMtd", "TRF")
    _text(block, "NbOfTxs", str(len(payments)))
    _text(block, "CtrlSum", total)
    _text(_under(_under(block, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA")
    _text(_under(block, "ReqdExctnDt"), "Dt", pay_on.isoformat())
    _text(_under(block, "Dbtr"), "Nm", sepa_text(payer.holder, _NAME_MAX))
    _text(_under(_under(block, "DbtrAcct"), "Id"), "IBAN", payer.iban)
    _agent(block, "DbtrAgt", payer.bic, is_needed=True)
    _text(block, "ChrgBr", "SLEV")
    for one in payments:
        payee = accounts[one.payee]
        transfer = _under(block, "CdtTrfTxInf")
        _text(_under(transfer, "PmtId"), "EndToEndId", _identifier(pool, window, one.payer, one.payee))
        amount = _under(_under(transfer, "Amt"), "InstdAmt")
        amount.set("Ccy", "EUR")
        amount.text = decimal_text(one.amount_minor, "EUR")
        _agent(transfer, "CdtrAgt", payee.bic, is_needed=False)
        _text(_under(transfer, "Cdtr"), "Nm", sepa_text(payee.holder, _NAME_MAX))
        _text(_under(_under(transfer, "CdtrAcct"), "Id"), "IBAN", payee.iban)
        about = f"Settlement of pool {pool}, window {window}, {one.payer} to {one.payee}"
        _text(_under(transfer, "RmtInf"), "Ustrd", sepa_text(about, _TEXT_MAX))
    ET.indent(root)
    made: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return made


def _agent(parent: ET.Element, name: str, bic: str, *, is_needed: bool) -> None:
    """The bank; without a BIC a payer's is said to be known by the IBAN, and a payee's is left out."""
    if bic:
        _text(_under(_under(parent, name), "FinInstnId"), "BICFI", bic)
    elif is_needed:
        _text(_under(_under(_under(parent, name), "FinInstnId"), "Othr"), "Id", "NOTPROVIDED")


def _identifier(*parts: str) -> str:
    """The same for the same parts; no more than 35 characters of those that banks take."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return f"{sepa_text(parts[0], _ID_MAX - 17).replace(' ', '-').strip('/')}-{digest}"


def _file_name(party: Party) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", party)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _under(parent: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(parent, _tag(name))


def _text(parent: ET.Element, name: str, text: str) -> None:
    _under(parent, name).text = text
