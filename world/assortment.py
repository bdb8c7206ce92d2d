"""A grocer's assortment: items with names, categories, units, prices and codes, drawn by seed.

Packed goods carry GTIN-13s with the prefix 952, which GS1 keeps for examples, so none is a real product's.
Loose produce carries PLU codes (the IFPS numbers), the counter's cheese and sausage the shop's own.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from world.barcodes import gtin13

_UNKNOWN_FROM = 900_000_000
"""References from here on are never in the assortment."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the product master. code is what tills call it; weekly demand is relative to popularity 1."""

    sku: str
    gtin13: str | None
    plu: str | None
    name: str
    category: str
    unit: str
    pack_milli: int
    cost_minor: int
    price_minor: int
    tax_permille: int
    shelf_life_days: int
    supplier: str
    popularity: float

    @property
    def code(self) -> str:
        return f"gtin:{self.gtin13}" if self.gtin13 else f"plu:{self.plu}"


@dataclass(frozen=True, slots=True)
class _Aisle:
    """One category of goods: what stands there, what a unit costs at the till, and how it is ordered."""

    category: str
    goods: tuple[str, ...]
    sorts: tuple[str, ...]
    sizes: tuple[str, ...]
    price_range_minor: tuple[int, int]
    pack_units: int
    shelf_life_days: int
    popularity: float
    tax_permille: int = 70


_AISLES = (
    _Aisle("dairy", ("Milk", "Yoghurt", "Quark", "Butter", "Cream", "Kefir", "Buttermilk", "Cream cheese"),
           ("whole", "low-fat", "organic", "lactose-free"), ("small", "large"), (59, 289), 6, 10, 2.2),
    _Aisle("bread", ("Rye bread", "Wheat bread", "Spelt bread", "Rolls", "Pretzel", "Toast", "Crispbread"),
           ("plain", "with seeds", "wholemeal"), ("half", "whole"), (79, 449), 4, 3, 2.4),
    _Aisle("eggs", ("Eggs free-range", "Eggs organic", "Eggs barn"),
           ("M", "L"), ("six", "ten"), (189, 419), 4, 21, 2.6),
    _Aisle("drinks", ("Mineral water", "Apple juice", "Orange juice", "Cola", "Lemonade", "Iced tea", "Spritzer"),
           ("still", "sparkling", "organic", "light"), ("0.5 l", "1 l"), (69, 249), 6, 365, 1.4, 190),
    _Aisle("beer and wine", ("Pilsner", "Wheat beer", "Cider", "Riesling", "Pinot noir", "Dornfelder"),
           ("dry", "mild", "alcohol-free"), ("0.33 l", "0.75 l"), (89, 899), 6, 365, 0.8, 190),
    _Aisle("pasta and rice", ("Spaghetti", "Penne", "Fusilli", "Basmati rice", "Risotto rice", "Couscous", "Lentils"),
           ("plain", "wholemeal", "organic"), ("500 g", "1 kg"), (79, 399), 8, 540, 0.8),
    _Aisle("tins and jars",
           ("Tomatoes", "Peas", "Sweetcorn", "Kidney beans", "Gherkins", "Tuna", "Olives", "Red cabbage"),
           ("plain", "seasoned", "organic"), ("small", "large"), (69, 349), 12, 900, 0.6),
    _Aisle("baking", ("Flour", "Sugar", "Baking powder", "Oats", "Semolina", "Cocoa", "Ground almonds", "Yeast"),
           ("plain", "fine", "organic"), ("small", "large"), (49, 399), 10, 365, 0.7),
    _Aisle("breakfast", ("Muesli", "Cornflakes", "Honey", "Strawberry jam", "Apricot jam", "Hazelnut spread"),
           ("classic", "crunchy", "organic"), ("small", "large"), (149, 599), 6, 365, 0.7),
    _Aisle("coffee and tea", ("Filter coffee", "Espresso", "Black tea", "Peppermint tea", "Fruit tea"),
           ("mild", "strong", "organic"), ("small", "large"), (159, 899), 6, 540, 0.7),
    _Aisle("sweets and snacks", ("Chocolate", "Gummy bears", "Biscuits", "Crisps", "Salted nuts", "Pretzel sticks"),
           ("classic", "dark", "mild", "family"), ("small", "large"), (79, 349), 12, 240, 1.2),
    _Aisle("frozen", ("Spinach", "Pizza", "Chips", "Fish fingers", "Vanilla ice cream", "Berries", "Vegetables"),
           ("classic", "organic"), ("small", "large"), (149, 549), 6, 365, 0.8),
    _Aisle("household", ("Washing-up liquid", "Washing powder", "Kitchen roll", "Toilet paper", "Bin bags", "Sponges"),
           ("basic", "eco"), ("small", "large"), (99, 699), 6, 1500, 0.5, 190),
    _Aisle("care", ("Toothpaste", "Soap", "Shampoo", "Hand cream", "Plasters", "Tissues"),
           ("classic", "sensitive"), ("small", "large"), (79, 499), 6, 1000, 0.4, 190),
)  # fmt: skip

_LOOSE = (
    ("4011", "Bananas", 199, 6), ("4135", "Apples Gala", 299, 20), ("4017", "Apples Granny Smith", 329, 20),
    ("4409", "Pears", 349, 12), ("4012", "Oranges", 269, 14), ("4053", "Lemons", 399, 21), ("4022", "Grapes", 449, 7),
    ("4030", "Kiwis", 499, 14), ("4072", "Potatoes", 149, 30), ("4093", "Onions", 169, 30),
    ("4082", "Red onions", 219, 30), ("4562", "Carrots", 159, 14), ("4064", "Tomatoes", 349, 7),
    ("4062", "Cucumbers", 249, 7), ("4088", "Peppers red", 499, 9), ("4065", "Peppers green", 449, 9),
    ("4060", "Broccoli", 329, 6), ("4079", "Cauliflower", 279, 8), ("4069", "Cabbage", 139, 21),
    ("4067", "Courgettes", 289, 9), ("4081", "Aubergines", 349, 9), ("4608", "Garlic", 899, 45),
    ("4078", "Sweetcorn", 399, 5), ("9101", "Gouda from the counter", 1290, 30),
    ("9102", "Emmental from the counter", 1590, 30), ("9103", "Mountain cheese", 2190, 45),
    ("9104", "Cooked ham", 1890, 8), ("9105", "Salami", 2290, 30), ("9106", "Liver sausage", 1190, 10),
    ("9107", "Minced meat", 990, 2), ("9108", "Bratwurst", 1090, 5),
)  # fmt: skip
_LOOSE_POPULARITY = 2.0
_SUPPLIERS = ("Lahntal Grosshandel", "Hof Sonnenberg", "Molkerei Burgwald", "Kolonial Wetzlar")
_MARGIN_PERMILLE = (180, 380)
_POPULARITY_SIGMA = 0.8

LARGEST = len(_LOOSE) + sum(len(s.goods) * len(s.sorts) * len(s.sizes) for s in _AISLES)
"""Most items that an assortment can have."""


def unknown_code(number: int) -> str:
    """A valid code that is in nobody's product master: a till sells something new before anyone has listed it."""
    return f"gtin:{gtin13(_UNKNOWN_FROM + number)}"


def assortment(rng: np.random.Generator, size: int) -> tuple[Item, ...]:
    """`size` items, at most LARGEST: the loose goods first, then a draw of the packed ones. The same for one seed."""
    if not len(_LOOSE) < size <= LARGEST:
        raise ValueError(f"an assortment has {len(_LOOSE) + 1} to {LARGEST} items, not {size}")
    loose = [_loose_item(rng, *row) for row in _LOOSE]
    packed = [(aisle, *words) for aisle in _AISLES for words in product(aisle.goods, aisle.sorts, aisle.sizes)]
    chosen = sorted(rng.choice(len(packed), size - len(loose), replace=False).tolist())
    return (*loose, *(_packed_item(rng, at, *packed[at]) for at in chosen))


def _loose_item(rng: np.random.Generator, plu: str, name: str, price_minor: int, shelf_life_days: int) -> Item:
    counter = plu.startswith("9")
    return Item(
        sku=f"PLU-{plu}",
        gtin13=None,
        plu=plu,
        name=name,
        category="cheese and sausage" if counter else "fruit and vegetables",
        unit="kg",
        pack_milli=1_000 if counter else 5_000,
        cost_minor=_cost(rng, price_minor),
        price_minor=price_minor,
        tax_permille=70,
        shelf_life_days=shelf_life_days,
        supplier=_SUPPLIERS[int(rng.integers(len(_SUPPLIERS)))],
        popularity=_popularity(rng, _LOOSE_POPULARITY),
    )


def _packed_item(rng: np.random.Generator, at: int, aisle: _Aisle, goods: str, sort: str, size: str) -> Item:
    low, high = aisle.price_range_minor
    price_minor = int(rng.integers(low, high + 1)) // 10 * 10 + 9
    code = gtin13(1_000 + 7 * at)
    return Item(
        sku=f"0{code}",
        gtin13=code,
        plu=None,
        name=f"{goods} {sort}, {size}",
        category=aisle.category,
        unit="each",
        pack_milli=aisle.pack_units * 1_000,
        cost_minor=_cost(rng, price_minor),
        price_minor=price_minor,
        tax_permille=aisle.tax_permille,
        shelf_life_days=aisle.shelf_life_days,
        supplier=_SUPPLIERS[int(rng.integers(len(_SUPPLIERS)))],
        popularity=_popularity(rng, aisle.popularity),
    )


def _cost(rng: np.random.Generator, price_minor: int) -> int:
    return price_minor * (1_000 - int(rng.integers(*_MARGIN_PERMILLE))) // 1_000


def _popularity(rng: np.random.Generator, middle: float) -> float:
    return float(middle * rng.lognormal(0.0, _POPULARITY_SIGMA))
