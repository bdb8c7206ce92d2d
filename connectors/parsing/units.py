"""The units that tills name, by their words in the languages of Europe and by their codes in UN/ECE Recommendation 20.

Weights are avoirdupois, volumes those of the United States (NIST Handbook 44, appendix C); all are exact. A word is
read in any case, without a full stop, blanks around it, or "(s)", "(es)", "(en)". Words that mean different things to
different shops, such as a case or a pair, are not among them: the option `unit_words` says what they are.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from connectors.contract import Measure, Refused
from connectors.parsing.quantities import decimal_of, shorten
from schemas.models.pos import Unit

UnitWords = Mapping[str, Measure]
"""Words for units, as `normal_word` has them."""

PIECE = Measure(Unit.each, Fraction(1))
KNOWN_UNITS = "each, kg, g, l, ml, lb, oz or dozen"
"""For messages: the units that are known best."""

_WORDS: Mapping[tuple[Unit, str], str] = {
    (Unit.each, "1"): (
        "each ea pc pcs piece pieces unit units item items count ct "  # English
        "stück stueck stk stck st einheit einheiten "  # German; Nordic: stk, st
        "pièce pièces pce pces unité unités u "  # French
        "ud uds und unds unidad unidades pieza piezas pza pzas "  # Spanish
        "pz pezzo pezzi unità nr cad cadauno "  # Italian
        "un unid unids unidade unidades peça peças "  # Portuguese
        "stuk stuks eenheid eenheden "  # Dutch
        "styck styk styks szt sztuka sztuki kpl ks db "  # Nordic, Polish, Finnish, Czech, Hungarian
        "c62 h87 nar unt"  # UN/ECE, and what tills write instead
    ),
    (Unit.each, "12"): (
        "dozen dozens doz dz dzn dutzend dtzd dtz douzaine douzaines docena docenas "
        "dozzina dozzine dúzia dúzias dozijn dozijnen dussin tucet"
    ),
    (Unit.each, "144"): "gross gro",
    (Unit.kg, "1"): (
        "kg kgs kilo kilos kilogram kilograms kilogramm kilogramme kilogrammes kilogramo kilogramos chilo chili "
        "chilogrammo chilogrammi quilo quilos quilograma quilogramas kgm"
    ),
    (Unit.kg, "0.001"): "g gr grs gram grams gramm gramme grammes gramo gramos grammo grammi grama gramas gramos grm",
    (Unit.kg, "0.01"): "dag dkg deka",
    (Unit.kg, "0.1"): "hg etto etti",
    (Unit.kg, "0.000001"): "mg milligram milligrams mgm",
    (Unit.kg, "1000"): "t tonne tonnes tne",
    (Unit.kg, "0.45359237"): "lb lbs pound pounds lbr libra libras",
    (Unit.kg, "0.028349523125"): "oz ozs ounce ounces onz",
    (Unit.kg, "6.35029318"): "stone",
    (Unit.l, "1"): "l lt lts ltr ltrs liter liters litre litres litro litros litri",
    (
        Unit.l,
        "0.001",
    ): "ml milliliter milliliters millilitre millilitres mililitro mililitros millilitro millilitri mlt cc",
    (Unit.l, "0.01"): "cl centiliter centiliters centilitre centilitres clt",
    (Unit.l, "0.1"): "dl deciliter deciliters decilitre decilitres dlt",
    (Unit.l, "1000"): "m³ m3 mtq",
    (Unit.l, "0.016387064"): "in³ in3 inq",
    (Unit.l, "28.316846592"): "ft³ ft3 ftq",
    (Unit.l, "100"): "hl hectoliter hectolitre hektoliter hlt",
    (Unit.l, "0.0295735295625"): "fl_oz floz fl_oz_us fluid_ounce fluid_ounces oza",
    (Unit.l, "0.2365882365"): "cup cups",
    (Unit.l, "0.473176473"): "pint pints pt pt_us ptl",
    (Unit.l, "0.946352946"): "quart quarts qt qt_us qtl",
    (Unit.l, "3.785411784"): "gal gals gallon gallons gal_us gll",
}
"""(our unit, how much of it) → words for it; a blank inside a word is written _."""
_MEASURES: UnitWords = {
    word.replace("_", " "): Measure(unit, Fraction(factor))
    for (unit, factor), words in _WORDS.items()
    for word in words.split()
} | {"": PIECE}
_VESSEL = (
    "pack|packs|package|box|case|crate|carton|tray|karton|kiste|kasten|packung|gebinde|steige|lot|caisse|colis|paquet|"
    "caja|paquete|confezione|cartone|cassa|caixa|doos|pak|krat"
)
_OF_SO_MANY = re.compile(
    rf"(?:{_VESSEL})(?: (?:of|à|a|de|da|di|von|mit|met|van|x))? ?([1-9][0-9]{{0,4}})(?: (?:pcs|stk|st))?"
)
_SO_MANY_OF = re.compile(rf"([1-9][0-9]{{0,4}})(?:er)?[ -]?(?:{_VESSEL})")
_EACH_OF = re.compile(r"^(?:(?:per|pro|je|par|por|al) |/ ?)")
"""As in per lb, /kg."""
_MEASURED = re.compile(r"([0-9]+(?:[.,][0-9]+)?(?:/[0-9]+)?)\s*(.*)", re.DOTALL)
_FACTOR_MAX = 1_000_000
_MAYBE_PLURAL = re.compile(r"\((?:s|es|en|n|e)\)")
"""As in Unit(s), Unidad(es), Einheit(en)."""


@lru_cache(maxsize=4_096)
def normal_word(text: str) -> str:
    """A word for a unit as it is compared."""
    word = _MAYBE_PLURAL.sub("", text.casefold()).replace("(", " ").replace(")", " ")
    return _EACH_OF.sub("", " ".join(word.split()).rstrip("."))


def measure_of(word: str, own: UnitWords) -> Measure | None:
    """How much a till's unit is, by `own` words first; None for a word that is not known."""
    word = normal_word(word)
    found = own.get(word) or _MEASURES.get(word)
    if found is not None or not word:
        return found
    pack = _OF_SO_MANY.fullmatch(word) or _SO_MANY_OF.fullmatch(word)
    return Measure(Unit.each, Fraction(int(pack[1]))) if pack else None


def unknown_unit(word: str) -> str:
    """What to tell of a word that is not known."""
    return (
        f"{shorten(word)} is not a unit that is known, such as {KNOWN_UNITS}; say in the option unit_words what it is, "
        f'unit_words = {{ "{word[:40]}" = "12 each" }}, or "each", "0.5 kg"'
    )


def parse_measure(text: str) -> Measure:
    """A measure that an operator writes: kg, 12, 12 each, 5 lb, 0.75 l, 1/12. Raises Refused."""
    found = _MEASURED.fullmatch(text.strip())
    number, word = (found[1], found[2]) if found else ("1", text)
    measure = measure_of(word, {}) if text.strip() else None
    if measure is None:
        raise Refused(f"{shorten(text)} is not a measure such as 12, kg, 5 lb or 1/12")
    return Measure(measure.unit, measure.factor * parse_factor(number))


def parse_factor(text: str) -> Fraction:
    """A factor that an operator writes: 12, 0.75 or 1/12. Raises Refused."""
    number, slash, parts = text.strip().replace(",", ".").partition("/")
    factor = Fraction(decimal_of(number)) / (_whole(parts) if slash else 1)
    if not 0 < factor <= _FACTOR_MAX:
        raise Refused(f"{shorten(text)} is not a factor above zero, up to {_FACTOR_MAX}")
    return factor


def written(measure: Measure) -> str:
    """A measure as an operator reads it: 12 each, 0.45359237 kg, 1/12 each."""
    factor = measure.factor
    decimal = Decimal(factor.numerator) / Decimal(factor.denominator)
    number = format(decimal.normalize(), "f") if Fraction(decimal) == factor else str(factor)
    return f"{number} {measure.unit.value}"


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise Refused(f"{shorten(text)} is not a whole number above zero")
    return int(text)
