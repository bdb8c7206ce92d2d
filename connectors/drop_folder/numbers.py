"""Numbers as people and spreadsheets write them, to plain decimals: 1.234,50 and 1 234,50 and 1'234.50 are 1234.50.

A point or a comma before exactly three digits is a decimal mark to one reader and a grouping mark to another. Such a
number is read only where the other numbers of its file, or the option decimal_mark, show what the mark is.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache

from connectors.contract import Refused
from connectors.parsing.quantities import DIGITS_MAX

MARKS = (".", ",")
_DOUBLE_DIGITS = 15
"""A double means no more digits than these: 0.30000000000000004 is 0.3."""
_ROUNDED = Context(prec=_DOUBLE_DIGITS)
_SAME = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "\u2019": "'", "\u02bc": "'", "\u2212": "-",
     "\u2013": "-", "\u066b": ".", "\u066c": "'", "\uff0e": ".", "\uff0c": ",", "\uff0d": "-"}
    | {chr(zero + digit): str(digit) for zero in (0x0660, 0x06F0, 0x0966, 0x09E6, 0xFF10) for digit in range(10)}
)  # fmt: skip
"""Blanks, apostrophes, minus signs, and digits of other scripts that mean the same."""
_WITH_WORD = re.compile(r"(?P<number>[^A-Za-z]*[0-9.]) ?(?P<word>[^\W\d_][^\d]{0,20})")
_EXPONENT = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?e[+-]?[0-9]+", re.IGNORECASE)
_SIGNED = re.compile(r"(?P<open>\()?(?P<sign>[+-]?) ?(?P<body>[0-9.,][0-9., ']*?) ?(?P<trail>-?)(?P<close>\))?")
_MONEY = re.compile(
    r"(?P<open>\(?)(?P<sign>[+-]?) ?(?P<before>[^0-9\s.,'()+-]{0,4}\.?) ?(?P<inner>[+-]?) ?(?P<body>[0-9.,][0-9., ']*?)"
    r" ?(?P<after>[^0-9\s.,'()+-]{0,4}\.?) ?(?P<trail>-?)(?P<close>\)?)"
)
_SPACED = re.compile(r"[0-9]{1,3}(?:( |')[0-9]{3})(?:\1[0-9]{3})*(?P<rest>[.,][0-9]+)?")
_BOTH = re.compile(
    r"(?P<whole>[0-9]{1,3}(?:(?P<group>[.,])[0-9]{3})(?:(?P=group)[0-9]{3})*)(?P<mark>[.,])(?P<rest>[0-9]+)"
)
_REPEATED = re.compile(r"[0-9]{1,3}([.,])[0-9]{3}(?:\1[0-9]{3})+")
_LAKHS = re.compile(r"[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}(?P<rest>\.[0-9]+)?")
_SINGLE = re.compile(r"(?P<whole>[0-9]*)(?P<mark>[.,])(?P<rest>[0-9]+)")
_DOLLARS = "USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP UYU DOP BBD BSD BZD JMD TTD XCD FJD NAD GYD LRD BND SBD SRD"
_CURRENCIES = {
    mark: frozenset(currencies.split())
    for mark, currencies in {
        "$": _DOLLARS, "us$": "USD", "ca$": "CAD", "c$": "CAD", "au$": "AUD", "a$": "AUD", "nz$": "NZD",
        "mx$": "MXN", "hk$": "HKD", "nt$": "TWD", "s$": "SGD", "r$": "BRL", "€": "EUR", "£": "GBP EGP GIP FKP SHP",
        "¥": "JPY CNY", "₹": "INR", "rs": "INR LKR NPR PKR MUR", "rs.": "INR LKR NPR PKR MUR", "₺": "TRY",
        "₪": "ILS", "₩": "KRW", "₫": "VND", "zł": "PLN", "kr": "SEK NOK DKK ISK", "kr.": "SEK NOK DKK ISK",
        "kč": "CZK", "ft": "HUF", "fr": "CHF", "fr.": "CHF", "sfr": "CHF", "sfr.": "CHF", "₱": "PHP", "฿": "THB",
        "₦": "NGN", "₴": "UAH", "₽": "RUB", "rp": "IDR", "rm": "MYR", "lei": "RON",
    }.items()
}  # fmt: skip
"""The currencies that a mark may name, of which the store's is meant."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The meaning of points and commas in the numbers of a file, as far as it is shown.

    decimal, grouping: of MARKS those that were seen to be one. is_set: by the operator, not by the file.
    """

    decimal: frozenset[str] = frozenset()
    grouping: frozenset[str] = frozenset()
    is_set: bool = False

    @classmethod
    def of_option(cls, decimal_mark: str) -> "Marks":
        """The meaning that the option decimal_mark gives them."""
        return cls(frozenset(decimal_mark), frozenset(MARKS) - {decimal_mark}, is_set=True)

    @property
    def native(self) -> str:
        """The mark with which a number that is stored as a number is written for `plain_number`."""
        return "," if self.is_set and "," in self.decimal else "."


@dataclass(frozen=True, slots=True)
class _Reading:
    """A number without its sign. decimal, grouping: the marks that it shows to be one, or empty.

    Where `other` is given the single mark `decimal` may as well group, and then the number is `other`.
    """

    text: str
    decimal: str = ""
    grouping: str = ""
    other: str | None = None


def marks_shown(cells: Iterable[str]) -> Marks:
    """What the numbers among `cells` show of their marks."""
    decimal: set[str] = set()
    grouping: set[str] = set()
    for cell in cells:
        if "." not in cell and "," not in cell:
            continue
        shown = _shown(cell)
        decimal.add(shown[0])
        grouping.add(shown[1])
    return Marks(frozenset(decimal - {""}), frozenset(grouping - {""}))


@lru_cache(maxsize=4096)
def _shown(cell: str) -> tuple[str, str]:
    found = _MONEY.fullmatch(cell.strip().translate(_SAME))
    reading = _reading(found["body"]) if found else None
    return ("", "") if reading is None or reading.other is not None else (reading.decimal, reading.grouping)


@lru_cache(maxsize=4096)
def plain_number(text: str, marks: Marks) -> str:
    """A number with a decimal point, maybe a sign, and nothing else. Raises Refused, with both readings if it has two.

    Parentheses and a minus at the end mean less than nothing, as in accounts.
    """
    found = _SIGNED.fullmatch(text.strip().translate(_SAME))
    if found is None or bool(found["open"]) != bool(found["close"]):
        if _EXPONENT.fullmatch(text.strip()):
            raise Refused(f"{_quoted(text)} is a number that a spreadsheet has shortened; export the column as text")
        raise Refused(f"{_quoted(text)} is not a plain decimal number such as 2 or 0.485")
    is_negative = "-" in (found["sign"], found["trail"]) or bool(found["open"])
    return _signed(text, found["body"], marks, is_negative=is_negative)


@lru_cache(maxsize=4096)
def plain_amount(text: str, marks: Marks, currency: str) -> str:
    """An amount of money, with or without a mark of its currency, as `plain_number` gives it. Raises Refused."""
    found = _MONEY.fullmatch(text.strip().translate(_SAME))
    if found is None or bool(found["open"]) != bool(found["close"]):
        raise Refused(f"{_quoted(text)} is not an amount such as 3.99")
    for named in (found["before"], found["after"]):
        theirs = _CURRENCIES.get(named.lower(), frozenset())
        if not theirs and len(named) == 3 and named.isascii() and named.isalpha():
            theirs = frozenset({named.upper()})
        if theirs and currency not in theirs:
            told = next(iter(theirs)) if len(theirs) == 1 else f"a currency of the mark {named}"
            raise Refused(f"{_quoted(text)} is in {told}, and the receipt in {currency}")
    is_negative = "-" in (found["sign"], found["inner"], found["trail"]) or bool(found["open"])
    return _signed(text, found["body"], marks, is_negative=is_negative)


def without_word(text: str) -> tuple[str, str]:
    """(number, the word behind it) of a cell such as 1,5 kg; the word is empty where there is none."""
    found = _WITH_WORD.fullmatch(text.strip().translate(_SAME))
    return (found["number"], found["word"].strip()) if found else (text, "")


def typed_number(text: str) -> str:
    """A number that stands alone, as a person types it, to a plain decimal. Raises Refused, with both readings if it
    has two.
    """
    reading = _reading(text.strip().translate(_SAME))
    if reading is None:
        raise Refused(f"{_quoted(text)} is not a number such as 2 or 0.5")
    if reading.other is not None:
        decimal = unambiguous(reading.text.rstrip("0").rstrip("."), Marks())
        raise Refused(f"{_quoted(text)} may be {decimal} or {reading.other}: write one of these")
    return reading.text


def unambiguous(number: str, marks: Marks) -> str:
    """A plain decimal, written so that `plain_number` with these marks reads it and nothing else."""
    whole, point, rest = number.partition(".")
    return f"{whole}{marks.native}{rest}{'0' if len(rest) == 3 else ''}" if point else number


def _signed(text: str, body: str, marks: Marks, *, is_negative: bool) -> str:
    reading = _reading(body.strip())
    if reading is None or len(body) > 3 * DIGITS_MAX:
        raise Refused(f"{_quoted(text)} is not a plain decimal number such as 2 or 0.485")
    plain = _settled(text, reading, marks)
    return f"-{_without_noise(plain)}" if is_negative else _without_noise(plain)


def _settled(text: str, reading: _Reading, marks: Marks) -> str:
    if marks.is_set and (reading.decimal in marks.grouping or reading.grouping in marks.decimal):
        if reading.other is not None:
            return reading.other
        (mark,) = marks.decimal
        raise Refused(
            f"{_quoted(text)} is no number with the decimal mark {mark!r}, which the option decimal_mark sets; "
            "write it so, or change the option"
        )
    if reading.other is None:
        return reading.text
    is_decimal, is_grouping = reading.decimal in marks.decimal, reading.decimal in marks.grouping
    if is_decimal != is_grouping:
        return reading.text if is_decimal else reading.other
    mark = repr(reading.decimal)
    seen = f"the file uses {mark} in both ways" if is_decimal else f"no other {mark} in the file shows which"
    other_mark = "," if reading.decimal == "." else "."
    raise Refused(
        f"{_quoted(text)} can be read in two ways, as {reading.text} or as {reading.other}, and {seen}: set the option "
        f'decimal_mark to "{reading.decimal}" for {reading.text}, or to "{other_mark}" for {reading.other}'
    )


def _reading(body: str) -> _Reading | None:
    if body.isascii() and body.isdigit():
        return _Reading(body)
    single = _SINGLE.fullmatch(body)
    if single:
        whole, mark, rest = single["whole"], single["mark"], single["rest"]
        text = f"{whole or '0'}.{rest}"
        if len(rest) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0":
            return _Reading(text, decimal=mark, other=whole + rest)
        return _Reading(text, decimal=mark)
    both = _BOTH.fullmatch(body)
    if both and both["group"] != both["mark"]:
        return _Reading(
            f"{both['whole'].replace(both['group'], '')}.{both['rest']}", decimal=both["mark"], grouping=both["group"]
        )
    repeated = _REPEATED.fullmatch(body)
    if repeated:
        return _Reading(body.replace(repeated[1], ""), grouping=repeated[1])
    spaced = _SPACED.fullmatch(body)
    if spaced:
        mark = spaced["rest"][0] if spaced["rest"] else ""
        return _Reading(body.replace(spaced[1], "").replace(",", "."), decimal=mark)
    lakhs = _LAKHS.fullmatch(body)
    if lakhs:
        return _Reading(body.replace(",", ""), decimal="." if lakhs["rest"] else "", grouping=",")
    return None


def _without_noise(plain: str) -> str:
    digits = plain.replace(".", "").lstrip("0")
    if "." not in plain or len(digits) <= _DOUBLE_DIGITS or len(plain.partition(".")[0]) >= _DOUBLE_DIGITS:
        return plain
    return format(_ROUNDED.create_decimal(Decimal(plain)).normalize(), "f")


def _quoted(text: str) -> str:
    """As it stands in the file: blanks of all kinds are shown as they are."""
    text = text.strip()
    return f"'{text if len(text) <= DIGITS_MAX else text[: DIGITS_MAX - 1] + '…'}'"
