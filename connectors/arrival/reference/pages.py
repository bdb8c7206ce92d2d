"""The texts of the app's pages, made from what it was told. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from connectors.arrival.reference.forms import goods_of
from schemas.statuses import ENDED_APPOINTMENT

FOLDER: Final = Path(__file__).parent / "templates"
MINUTES: Final = (5, 10, 15, 20, 30, 45, 60, 90)
"""Minutes until arrival that a customer may choose from."""
SAID: Final = {
    "on_the_way": "The shop knows that you are on your way.",
    "arrived": "The shop knows that you are here.",
    "cancelled": "Your order is cancelled.",
    "handed_over": "Handed over.",
    "pending": "It is kept, and takes a moment to show here.",
}
"""What a page says after a form was sent."""
_STATUS: Final = {
    "booked": "The shop is preparing your order.",
    "ready": "Your order is ready.",
    "handed_over": "You have collected your order.",
    "part_handed_over": "You have collected a part of your order, and nothing more is kept for you here.",
    "no_show": "Nobody came in time, so the goods are back on the shelf.",
    "cancelled": "This appointment is cancelled.",
}
Message = Mapping[str, Any]


def customer_page(order: str, code: str, messages: Iterable[Message], form: str, said: str, error: str) -> str:
    """The customer's page. form: names the form that is sent from it. said: a key of SAID. error: what went wrong."""
    appointments = [_appointment(one) for one in messages]
    shows_code = code and any(one["needs_code"] and not one["is_ended"] for one in appointments)
    return _page(
        "customer.html", order=order, appointments=appointments, code=code if shows_code else "",
        qr=_qr(code) if shows_code else "", form=form, minutes=MINUTES, notice=SAID.get(said, ""), error=error,
        can_cancel=any(not one["is_ended"] for one in appointments),
    )  # fmt: skip


def counter_page(place: str, messages: Iterable[Message], now: datetime, form: str, said: str, error: str) -> str:
    """The counter's page: whoever is here first, by when they came, then who is on the way, then all others."""
    queue = [_appointment(one) | {"waits": _waits(one, now)} for one in sorted(messages, key=_turn)]
    name = queue[0]["place"] if queue else place
    return _page("counter.html", place=name, queue=queue, form=form, notice=SAID.get(said, ""), error=error)


def error_page(title: str, text: str) -> str:
    """A page that says what is wrong and what to do."""
    return _page("error.html", title=title, text=text)


def _appointment(message: Message) -> dict[str, Any]:
    begins, ends = _time(message["window"]["from"]), _time(message["window"]["until"])
    customer = message["customer"]
    return {
        "order": message["order"], "store": message["store"], "store_name": message["store_name"],
        "place": message["place"]["name"], "map": _map(message["place"]), "status": message["status"],
        "told": _STATUS.get(message["status"], message["status"]), "is_ended": message["status"] in ENDED_APPOINTMENT,
        "day": f"{begins:%A} {begins.day} {begins:%B}", "begins": f"{begins:%H:%M}", "ends": f"{ends:%H:%M}",
        "is_moved": message["change"] == "moved", "is_late": message["is_late"], "needs_code": message["needs_code"],
        "wrong_codes": message["wrong_codes"], "customer": "" if customer is None else customer["state"],
        "eta": "" if customer is None or "eta" not in customer else f"{_time(customer['eta']):%H:%M}",
        "goods": goods_of(message), "lines": [_line(one) for one in message.get("lines", ())],
    }  # fmt: skip


def _line(line: Message) -> dict[str, str]:
    return {
        "name": line["name"], "unit": "" if line["unit"] == "each" else line["unit"],
        "most": _units(line["quantity_milli"]), "step": "1" if line["unit"] == "each" else "0.001",
    }  # fmt: skip


def _units(milli: int) -> str:
    whole, rest = divmod(milli, 1000)
    return f"{whole}.{rest:03}".rstrip("0") if rest else str(whole)


def _turn(message: Message) -> tuple[int, datetime, str]:
    customer = message["customer"]
    if customer is not None and customer["state"] == "arrived":
        return 0, _time(customer["at"]), message["order"]
    if customer is not None and "eta" in customer:
        return 1, _time(customer["eta"]), message["order"]
    return 2, _time(message["window"]["from"]), message["order"]


def _waits(message: Message, now: datetime) -> int | None:
    """Minutes since the customer came; None before."""
    customer = message["customer"]
    if customer is None or customer["state"] != "arrived":
        return None
    return max(0, int((now - _time(customer["at"])).total_seconds()) // 60)


def _map(place: Message) -> str:
    if "latitude_e6" not in place:
        return ""
    latitude, longitude = place["latitude_e6"] / 1e6, place["longitude_e6"] / 1e6
    return f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=18/{latitude}/{longitude}"


def _qr(code: str) -> Markup:
    """As SVG. It is ours alone: a code has letters and digits only, and an image of it has no text."""
    return Markup(segno.make(code, micro=False).svg_inline(omitsize=True, light="#fff"))  # noqa: S704


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _page(template: str, **values: object) -> str:
    return _templates().get_template(template).render(**values)


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
