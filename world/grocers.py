"""The demo's consortium: village grocers along the Lahn, a river in Hesse. The shops are invented, the places real."""

from dataclasses import dataclass

POOL = "lahn"
POOL_NAME = "Lahn valley grocers"
CURRENCY = "EUR"
TIME_ZONE = "Europe/Berlin"

_PLACES = (
    ("Marburg", 50.810, 8.770), ("Gießen", 50.584, 8.678), ("Wetzlar", 50.556, 8.504), ("Weilburg", 50.484, 8.262),
    ("Limburg", 50.388, 8.062), ("Biedenkopf", 50.912, 8.529), ("Fronhausen", 50.703, 8.697),
    ("Lollar", 50.646, 8.704), ("Staufenberg", 50.661, 8.730), ("Lohra", 50.737, 8.634), ("Gladenbach", 50.769, 8.583),
    ("Cölbe", 50.852, 8.783), ("Kirchhain", 50.827, 8.922), ("Amöneburg", 50.798, 8.923), ("Ebsdorf", 50.729, 8.818),
    ("Wetter", 50.904, 8.724), ("Dautphe", 50.853, 8.546), ("Braunfels", 50.516, 8.389), ("Leun", 50.553, 8.357),
    ("Solms", 50.540, 8.410), ("Löhnberg", 50.514, 8.271), ("Runkel", 50.405, 8.155), ("Villmar", 50.391, 8.192),
    ("Diez", 50.371, 8.016), ("Hadamar", 50.447, 8.042), ("Heuchelheim", 50.583, 8.633), ("Linden", 50.533, 8.663),
    ("Pohlheim", 50.528, 8.708), ("Buseck", 50.609, 8.778), ("Reiskirchen", 50.600, 8.832), ("Lich", 50.521, 8.821),
    ("Laubach", 50.541, 8.990), ("Grünberg", 50.592, 8.959), ("Aßlar", 50.591, 8.464),
)  # fmt: skip
_ASCII = str.maketrans({"ö": "oe", "ü": "ue", "ß": "ss"})

GROCERS = len(_PLACES)


@dataclass(frozen=True, slots=True)
class Grocer:
    """A member store."""

    id: str
    name: str
    latitude_deg: float
    longitude_deg: float


def grocers(count: int = GROCERS) -> tuple[Grocer, ...]:
    """The first `count` grocers; beyond 34 the places have a second shop, a third …"""
    made = []
    for at in range(count):
        place, latitude_deg, longitude_deg = _PLACES[at % len(_PLACES)]
        round_ = at // len(_PLACES)
        suffix = f"-{round_ + 1}" if round_ else ""
        shop_id = place.lower().translate(_ASCII) + suffix
        made.append(Grocer(shop_id, f"Dorfladen {place}{suffix}", latitude_deg, longitude_deg))
    return tuple(made)
