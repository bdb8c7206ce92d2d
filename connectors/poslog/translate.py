"""A POSLog transaction to a sale. Pure.

Only what is named here is read, so names of customers and cashiers, cards and texts go no further. Elements are looked
up in the transaction's own namespace: a vendor's extensions cannot pass for the standard's.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from xml.etree.ElementTree import Element

from pydantic import ValidationError

from connectors.contract import FieldRefused, Note, Problem, Refused, Skip, SkipReason, StoreContext, Translated
from connectors.parsing.codes import check_digit, code_of
from connectors.parsing.lines import field_refused, noted_sale_line, taken_back, told_code
from connectors.parsing.quantities import shorten
from connectors.parsing.times import calendar_day, instant_ms, local_date
from connectors.parsing.units import measure_of, unknown_unit
from connectors.poslog.amounts import measured, rounded
from connectors.poslog.transactions import local_name
from schemas.models.pos import Sale, SaleLine, SaleLineKind, Source, Unit

SYSTEM = "poslog"

_TRUE = ("true", "1")
_NOT_THE_SALES = ("message", "extract", "transmission", "export", "created", "report")
"""Type codes of a POSLogDateTime that tells when the message was written."""
_TIMES = ("EndDateTime", "ReceiptDateTime", "RetailTransaction/ReceiptDateTime", "POSLogDateTime", "BeginDateTime")
"""Fields with the time at which the goods left, in the order of trust."""
_LOG_TIME = "POSLogDateTime"
_UNFINISHED: Mapping[str, SkipReason] = {
    "voided": SkipReason.voided, "canceled": SkipReason.cancelled, "cancelled": SkipReason.cancelled,
    "training": SkipReason.training, "failed": SkipReason.cancelled, "suspendeddeleted": SkipReason.cancelled,
} | dict.fromkeys(
    ("suspended", "suspendedretrieved", "started", "resumed", "inprocess"), SkipReason.unpaid
)  # fmt: skip
"""TransactionStatus, in lower case, of what is no sale."""
_POST_VOIDED = "postvoided"
_NOT_GOODS: Mapping[str, SkipReason] = dict.fromkeys(
    ("giftcertificate", "giftcard", "storedvalue", "storedvaluefund", "giftcardactivation", "giftcardreload"),
    SkipReason.gift_card,
) | dict.fromkeys(
    ("fee", "feerefund", "deposit", "depositrefund", "negativeitem", "bottlerefund", "bottledeposit", "coupon",
     "discount", "rounding", "donation", "shippingandhandling"), SkipReason.fee
) | dict.fromkeys(("tip", "gratuity"), SkipReason.tip) | dict.fromkeys(
    ("service", "warranty", "alteration", "subscription", "rental", "insurance", "membership", "paymentonaccount"),
    SkipReason.non_stock,
) | dict.fromkeys(
    ("salefordelivery", "saleforpickup", "customerorderfordelivery", "customerorderforpickup", "customerorder",
     "layaway", "previouslayaway", "previouscustomerorder"), SkipReason.not_moved,
)  # fmt: skip
"""Kinds of line, or of item (ItemType), in lower case, that leave the shelves as they are."""
_BACK_TO_STOCK = ("", "returntostock", "restock", "returntoshelf", "sellable")
_FLAGS: tuple[tuple[str, SkipReason], ...] = (
    ("TrainingModeFlag", SkipReason.training), ("CancelFlag", SkipReason.cancelled), ("VoidedFlag", SkipReason.voided),
    ("VoidFlag", SkipReason.voided), ("SuspendedFlag", SkipReason.unpaid), ("SuspendFlag", SkipReason.unpaid),
)  # fmt: skip
"""Of a whole transaction: the standard's two, and those by which vendors say the same."""
_LINE_FLAGS = ("VoidFlag", "CancelFlag", "DeleteFlag")
_BARCODE_LENGTHS = (8, 12, 13, 14)
_GTIN_TYPES = ("gtin", "ean", "upc", "barcode", "jan")
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)([T+Z-].*)?", re.ASCII)
_CURRENCY = re.compile("[A-Z]{3}")
_TILL_MAX = 200
_ZERO = re.compile(r"-?0+(?:\.0+)?")
_WHOLE_GTIN = re.compile(r"[0-9]{12,14}")


def translate(
    transaction: Element, store: StoreContext, recorded_at_ms: int, store_label: str | None = None
) -> Translated:
    """The sale that a Transaction element tells of, or why it tells of none.

    recorded_at_ms: when we first saw it. store_label: the RetailStoreID or UnitID that it must bear, if it bears one.
    A problem's place is the receipt and the LineItem.
    """
    return _Receipt(transaction, store, recorded_at_ms, store_label).translated()


def store_label(transaction: Element) -> str:
    """The file's name of the store; empty when it has none."""
    prefix = _namespace(transaction)
    return _text(transaction, prefix, "RetailStoreID") or _text(transaction, prefix, "BusinessUnit/UnitID")


class _Receipt:
    def __init__(self, element: Element, store: StoreContext, recorded_at_ms: int, label: str | None) -> None:
        self._element = element
        self._ns = _namespace(element)
        self._store = store
        self._recorded_at_ms = recorded_at_ms
        self._label = label
        self._where = self._name()
        self._skipped: list[Skip] = []
        self._problems: list[Problem] = []
        self._notes: list[Note] = []
        self._document = ""

    def translated(self) -> Translated:
        retail = self._child(self._element, "RetailTransaction")
        reason = self._no_sale(retail)
        if retail is None or reason is not None:
            self._skip_all(retail, reason or SkipReason.no_content)
            return Translated((), (), tuple(self._skipped))
        events: tuple[Sale, ...] = ()
        try:
            sale = self._sale(retail)
            events = (sale,) if sale else ()
            if not (events or self._problems or self._skipped):
                self._skipped.append(Skip(self._where, SkipReason.no_content))
        except FieldRefused as refused:
            self._problems.append(Problem(self._at(refused.field), str(refused)))
        except ValidationError as error:
            first = field_refused(error)
            self._problems.append(Problem(self._at(first.field), str(first)))
        problems = tuple(replace(each, document=self._document) for each in self._problems)
        return Translated(events, problems, tuple(self._skipped), tuple(self._notes))

    def _no_sale(self, retail: Element | None) -> SkipReason | None:
        """The reason why the whole moves no stock of ours, or None."""
        own = store_label(self._element)
        if self._label and own and own != self._label:
            return SkipReason.other_store
        for flag, reason in _FLAGS:
            if _is_set(self._element, flag):
                return reason
        if retail is None:
            has_order = self._child(self._element, "CustomerOrderTransaction") is not None
            return SkipReason.unpaid if has_order else SkipReason.no_content
        return _UNFINISHED.get(self._status(retail))

    def _status(self, retail: Element) -> str:
        return (retail.get("TransactionStatus") or self._element.get("TransactionStatus") or "").strip().lower()

    def _skip_all(self, retail: Element | None, reason: SkipReason) -> None:
        items = [] if retail is None else retail.findall(f"{self._ns}LineItem")
        for index, item in enumerate(items):
            self._skipped.append(Skip(self._at(self._line_name(item, index)), reason))
        if not items:
            self._skipped.append(Skip(self._where, reason))

    def _sale(self, retail: Element) -> Sale | None:
        occurred_at_ms = self._occurred_at_ms()
        currency = self._currency()
        is_post_void = self._status(retail) == _POST_VOIDED
        lines = tuple(self._lines(retail, currency))
        self._document = source_id = self._source_id(
            self._post_voided(retail) if is_post_void else self._element, occurred_at_ms
        )
        if is_post_void:
            lines = self._taken_back(lines)
        if not lines:
            return None
        return Sale(
            pool=self._store.pool,
            store=self._store.id,
            source=Source(system=SYSTEM, id=source_id, version=2 if is_post_void else 1),
            occurred_at_ms=occurred_at_ms,
            recorded_at_ms=self._recorded_at_ms,
            till=self._get("WorkstationID")[:_TILL_MAX] or None,
            currency=currency,
            lines=lines,
        )

    def _currency(self) -> str | None:
        """None, with a note, for what is no currency: the prices are left out then."""
        given = (self._get("CurrencyCode") or self._store.currency).upper()
        if _CURRENCY.fullmatch(given):
            return given
        self._note("CurrencyCode", f"{shorten(given)} is not an ISO 4217 code: the prices are left out")
        return None

    def _note(self, place: str, text: str) -> None:
        self._notes.append(Note(self._at(place), text))

    def _post_voided(self, retail: Element) -> Element:
        """The receipt that a post void takes back: the one it links to, or else itself."""
        for parent in (retail, self._element):
            link = self._child(parent, "TransactionLink")
            if link is not None and _text(link, self._ns, "SequenceNumber"):
                return link
        return self._element

    def _taken_back(self, lines: tuple[SaleLine, ...]) -> tuple[SaleLine, ...]:
        """A revision in which the goods did not move."""
        if self._problems or not lines:
            raise FieldRefused("", "a post void must list the receipt's lines, all of them usable, to be taken back")
        undone: list[SaleLine] = []
        for line in lines:
            if line.kind is SaleLineKind.sale:
                undone += taken_back(line)
            else:
                undone.append(line.model_copy(update={"kind": SaleLineKind.return_not_restocked}))
        return tuple(undone)

    def _lines(self, retail: Element, currency: str | None) -> Iterator[SaleLine]:
        items = retail.findall(f"{self._ns}LineItem")
        voided = self._voided(items)
        names: Counter[str] = Counter()
        for index, item in enumerate(items):
            name = self._line_name(item, index)
            goods, reason = self._goods(item, index in voided)
            if goods is None or reason is not None:
                self._skipped.append(Skip(self._at(name), reason or SkipReason.no_content))
                continue
            sequence = _text(item, self._ns, "SequenceNumber") or str(index + 1)
            names[sequence] += 1
            line_id = sequence if names[sequence] == 1 else f"{sequence}#{names[sequence]}"
            try:
                yield self._line(line_id, name, goods, currency)
            except FieldRefused as refused:
                place = f"{name}/{refused.field}" if refused.field else name
                code = told_code(dict(reversed([*self._codes(goods)])))
                self._problems.append(Problem(self._at(place), str(refused), item=code))

    def _goods(self, item: Element, is_voided: bool) -> tuple[Element | None, SkipReason | None]:
        """(the Sale or Return of a line, or None; why it moves nothing, or None)."""
        goods = self._child(item, "Sale")
        if goods is None:
            goods = self._child(item, "Return")
        if goods is None:
            kinds = [_NOT_GOODS.get(local_name(child).lower()) for child in item]
            return None, next((kind for kind in kinds if kind), None)
        if is_voided:
            return goods, SkipReason.voided
        if _ZERO.fullmatch(_text(goods, self._ns, "Quantity")):
            return goods, SkipReason.not_moved
        reason = _NOT_GOODS.get((goods.get("ItemType") or "").strip().lower().rpartition(":")[2])
        return goods, reason or (SkipReason.fee if self._is_paid_out(goods) else None)

    def _is_paid_out(self, goods: Element) -> bool:
        """True for what is sold for less than nothing: a deposit that is paid back, a coupon."""
        amount, quantity = _text(goods, self._ns, "ExtendedAmount"), _text(goods, self._ns, "Quantity")
        is_less = amount.startswith("-") and bool(amount.strip("-0."))
        return local_name(goods) == "Sale" and is_less and not quantity.startswith("-")

    def _voided(self, items: list[Element]) -> set[int]:
        """Lines that were voided: they say so themselves, or a voided line of the same goods links to them."""
        voided = {index for index, item in enumerate(items) if any(_is_set(item, flag) for flag in _LINE_FLAGS)}
        targets = {
            (link.text or "").strip(): self._goods_codes(items[index])
            for index in voided
            for link in (*items[index].iter(f"{self._ns}ItemLink"), *items[index].iter(f"{self._ns}LineItemLink"))
        }
        for index, item in enumerate(items):
            codes = targets.get(_text(item, self._ns, "SequenceNumber"))
            if codes and codes == self._goods_codes(item):
                voided.add(index)
        return voided

    def _goods_codes(self, item: Element) -> tuple[str, ...]:
        goods = self._goods(item, is_voided=False)[0]
        return () if goods is None else tuple(text for _, text in self._codes(goods))

    def _line(self, line_id: str, name: str, goods: Element, currency: str | None) -> SaleLine:
        fields: dict[str, object] = {"kind": "sale"}
        if local_name(goods) == "Return":
            disposal = self._child(goods, "Disposal")
            method = "" if disposal is None else (disposal.get("Method") or disposal.text or "")
            back = method.strip().lower().replace(" ", "") in _BACK_TO_STOCK
            fields["kind"] = "return" if back else "return_not_restocked"
        codes = list(self._codes(goods))
        # A barcode that cannot be one is refused where nothing else names the item.
        for scheme, code in [each for each in codes if each[0] != "gtin" or _is_gtin(each[1])] or codes:
            fields.setdefault(scheme, code)
        fields |= self._quantity(goods)
        amount = _text(goods, self._ns, "ExtendedAmount")
        if amount and currency:
            try:
                fields["price"] = rounded(amount, currency)
            except FieldRefused as refused:
                self._note(f"{name}/{refused.field}", f"the price is left out: {refused}")
        line, notes = noted_sale_line(line_id, fields, currency or self._store.currency, self._store.unit_words)
        for note in notes:
            self._note(name, note.text)
        return line

    def _codes(self, goods: Element) -> Iterator[tuple[str, str]]:
        """(scheme, code) of all that names the item, most telling first.

        What is typed as a barcode is one, unless it has not the length of any: many tills call their own numbers so.
        12 to 14 digits with the right check digit are one, too, whatever they are called.
        """
        named = [((child.get("Type") or "").lower(), child, "sku") for child in goods.findall(f"{self._ns}ItemID")]
        for identity in goods.findall(f"{self._ns}POSIdentity"):
            child = self._child(identity, "POSItemID")
            kind = (identity.get("POSIDType") or "").lower()
            if child is not None and kind not in ("maingroup", "articlegroup", "brand", "supplier"):
                named.append((kind, child, "plu"))
        for kind, child, scheme in named:
            text = (child.text or "").strip()
            if text:
                typed = any(each in kind for each in _GTIN_TYPES) and not _is_short_number(text)
                yield ("gtin" if typed or _looks_like_gtin(text) else scheme), text

    def _quantity(self, goods: Element) -> dict[str, object]:
        """The fields quantity and unit. A Sale without a Quantity is of one piece: the schema leaves it out then."""
        quantity = self._child(goods, "Quantity")
        if quantity is None:
            return {"quantity": "1", "unit": "each"}
        text = (quantity.text or "").strip()
        word = (quantity.get("UnitOfMeasureCode") or "").strip()
        measure = measure_of(word, self._store.unit_words)
        if measure is None:
            raise FieldRefused("Quantity", unknown_unit(word))
        units = (quantity.get("Units") or "").strip()
        if measure.unit is Unit.each or not units:
            return {"quantity": text, "unit": word}
        return {"quantity": measured(text, units), "unit": word}

    def _occurred_at_ms(self) -> int:
        for path in _TIMES:
            text = self._log_time() if path == _LOG_TIME else self._get(path)
            if text:
                try:
                    return instant_ms(text, self._store.zone)
                except Refused as error:
                    raise FieldRefused(path, str(error)) from error
        raise FieldRefused("EndDateTime", "the time is missing")

    def _log_time(self) -> str:
        """POSLogDateTime of the transaction: one that is typed so, else one without a type; never the message's."""
        texts: dict[str, str] = {}
        for child in self._element.findall(f"{self._ns}{_LOG_TIME}"):
            texts.setdefault((child.get("TypeCode") or "").strip().lower(), (child.text or "").strip())
        for kind in ("transaction", ""):
            if texts.get(kind):
                return texts[kind]
        return next((text for kind, text in texts.items() if kind not in _NOT_THE_SALES), "")

    def _source_id(self, element: Element, occurred_at_ms: int) -> str:
        """Id of a transaction, as POSLog names it in a store: workstation/business day/sequence number."""
        sequence = _text(element, self._ns, "SequenceNumber") or self._get("TransactionID")
        if not sequence:
            raise FieldRefused("SequenceNumber", "the sequence number is missing: it tells a repeat from something new")
        workstation = _text(element, self._ns, "WorkstationID") or self._get("WorkstationID")
        return f"{_part(workstation)}/{self._day(element, occurred_at_ms)}/{_part(sequence)}"

    def _day(self, element: Element, occurred_at_ms: int) -> str:
        text = _text(element, self._ns, "BusinessDayDate") or self._get("BusinessDayDate")
        if not text:
            return local_date(occurred_at_ms, self._store.zone)
        found = _DAY.fullmatch(text)
        try:
            return calendar_day(found[1] if found else text)
        except Refused as error:
            raise FieldRefused("BusinessDayDate", str(error)) from error

    def _name(self) -> str:
        parts = (self._get("WorkstationID"), self._get("BusinessDayDate"), self._get("SequenceNumber"))
        return "Transaction " + "/".join(part[:40] or "-" for part in parts)

    def _line_name(self, item: Element, index: int) -> str:
        return f"LineItem {(_text(item, self._ns, 'SequenceNumber') or str(index + 1))[:40]}"

    def _at(self, place: str) -> str:
        return f"{self._where}, {place}" if place else self._where

    def _child(self, element: Element, name: str) -> Element | None:
        return element.find(f"{self._ns}{name}")

    def _get(self, path: str) -> str:
        return _text(self._element, self._ns, path)


def _namespace(element: Element) -> str:
    """The element's namespace as a prefix for names: {http://…} or nothing."""
    return element.tag[: element.tag.rfind("}") + 1]


def _text(element: Element, namespace: str, path: str) -> str:
    found = element.find("/".join(f"{namespace}{name}" for name in path.split("/")))
    return "" if found is None else (found.text or "").strip()


def _is_set(element: Element, flag: str) -> bool:
    return (element.get(flag) or "").strip().lower() in _TRUE


def _is_short_number(text: str) -> bool:
    return text.isdecimal() and len(text) < _BARCODE_LENGTHS[-1] and len(text) not in _BARCODE_LENGTHS


def _is_gtin(text: str) -> bool:
    try:
        code_of("gtin", text)
    except Refused:
        return False
    return True


def _looks_like_gtin(text: str) -> bool:
    return bool(_WHOLE_GTIN.fullmatch(text)) and check_digit(text[:-1]) == text[-1]


def _part(text: str) -> str:
    """A part of a source id that is joined by slashes."""
    return text.replace("%", "%25").replace("/", "%2F") or "-"
