"""An agreement as a TOML file, in the units that people write: amounts, percent, days, a time of day.

| in the file | in the record |
|---|---|
| `handling_fee = "0.50"` | `handling_fee_minor`, by the currency's decimals |
| `percent = 12.5` | `permille` |
| `returns_within_days`, `closing_delay_h` | milliseconds |
| `cut_off = "18:00"` | `cut_off_minute` |
| `effective_from = 2026-12-01` | `effective_from_ms`: midnight, or the time given, in the window's time zone |
"""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from messaging.errors import UserError
from schemas.currency import currency_exponent
from schemas.models.agreement import Agreement
from schemas.models.forms import first_problem

_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000


class AgreementError(UserError):
    """The file holds no agreement; the sentence names the line that breaks it."""


def read_agreement(file: Path) -> Agreement:
    """The agreement of a file. Raises AgreementError."""
    try:
        plain = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise AgreementError(f"{file} cannot be read ({error}); check the file") from None
    except tomllib.TOMLDecodeError as error:
        raise AgreementError(f"{file} is no TOML: {error}") from None
    try:
        return Agreement.model_validate(_as_record(plain))
    except ValidationError as error:
        raise AgreementError(f"{file}: {first_problem(error, 'the agreement')}") from None
    except ValueError as error:
        raise AgreementError(f"{file}: {error}") from None


def _as_record(plain: Mapping[str, Any]) -> dict[str, Any]:
    decimals = currency_exponent(str(plain.get("currency", "")))
    record = _renamed(plain, "", decimals)
    zone = str(record.get("window", {}).get("time_zone", "UTC"))
    if "effective_from" in record:
        record["effective_from_ms"] = _moment(record.pop("effective_from"), zone)
    return record


def _renamed(plain: Mapping[str, Any], where: str, decimals: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in plain.items():
        place = f"{where}{name}"
        if isinstance(value, dict):
            found[name] = _renamed(value, f"{place}.", decimals)
        elif isinstance(value, list):
            found[name] = [_renamed(one, f"{place}.", decimals) if isinstance(one, dict) else one for one in value]
        elif name == "percent" or name.endswith("_percent"):
            found[name.removesuffix("percent") + "permille"] = _whole(place, value, 1, "a percentage with one decimal")
        elif name.endswith("_days"):
            found[name.removesuffix("_days") + "_ms"] = _whole(place, value, 0, "a number of days") * _DAY_MS
        elif name.endswith("_h"):
            found[name.removesuffix("_h") + "_ms"] = _whole(place, value, 0, "a number of hours") * _HOUR_MS
        elif name == "cut_off":
            found["cut_off_minute"] = _minute(place, value)
        elif name in _AMOUNTS:
            amount = _whole(place, value, decimals, f"an amount with at most {decimals} decimals, such as 0.50")
            found[_AMOUNTS[name]] = amount
        else:
            found[name] = value
    return found


_AMOUNTS = {
    name: f"{name}_minor"
    for name in (
        "handling_fee", "pickup_fee", "delivery_fee", "no_show_fee", "price", "deductible", "cap", "cover",
    )
} | {"fee_per_unit": "fee_minor_per_unit"}  # fmt: skip


def _whole(place: str, value: Any, decimals: int, form: str) -> int:
    """The value in the record's finer unit."""
    try:
        scaled = Decimal(str(value)).scaleb(decimals)
    except InvalidOperation:
        raise ValueError(f"{place} is {value!r}; write {form}") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or isinstance(value, bool):
        raise ValueError(f"{place} is {value!r}; write {form}")
    return int(scaled)


def _minute(place: str, value: Any) -> int:
    try:
        told = value if isinstance(value, time) else time.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{place} is {value!r}; write a time of day like 18:00") from None
    return told.hour * 60 + told.minute


def _moment(value: Any, zone: str) -> int:
    try:
        told = value if isinstance(value, date) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"effective_from is {value!r}; write a date like 2026-12-01, or a time") from None
    at = told if isinstance(told, datetime) else datetime.combine(told, time())
    return int((at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).timestamp() * 1000)
