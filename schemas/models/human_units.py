"""Settings that people write in one unit and records carry in a finer one. Both are declared in one line."""

from typing import Any, NamedTuple

from pydantic import BaseModel, Field
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from schemas.models.base import DAY_MS, MINUTE_MS, Record


class HumanUnit(NamedTuple):
    """A unit of the settings file: `late_limit_days` there is `late_limit_ms` in the record."""

    suffix: str
    record_suffix: str
    factor: int
    """How many of the record's unit it is."""
    decimal_places: int | None = 0
    """Most that may be written; 0 for whole numbers, None for any."""


DAYS = HumanUnit("_days", "_ms", DAY_MS)
HOURS = HumanUnit("_h", "_ms", 60 * MINUTE_MS)
MINUTES = HumanUnit("_min", "_ms", MINUTE_MS)
SECONDS = HumanUnit("_s", "_ms", 1000)
UNITS = HumanUnit("_units", "_milli", 1000, decimal_places=3)
DEGREES = HumanUnit("_deg", "_e6", 1_000_000, decimal_places=None)
_BY_SUFFIX = {unit.suffix: unit for unit in (DAYS, HOURS, MINUTES, SECONDS, UNITS, DEGREES)}


def setting(default: int, unit: HumanUnit, *, least: int, most: int) -> Any:
    """A field's declaration, in human units. A record may be finer: whatever is above 0, or from 0 on."""
    above, from_on = (0, None) if least > 0 else (None, least * unit.factor)
    extra: JsonDict = {"unit": unit.suffix}
    return Field(default * unit.factor, gt=above, ge=from_on, le=most * unit.factor, json_schema_extra=extra)


def unit_of(field: FieldInfo) -> HumanUnit | None:
    """The unit that a field was declared in, if it was by `setting`."""
    extra = field.json_schema_extra
    return _BY_SUFFIX[str(extra["unit"])] if isinstance(extra, dict) else None


def human_range(field: FieldInfo, unit: HumanUnit | None) -> tuple[int, int] | None:
    """(least, most) that may be written in the settings file; None when nothing limits it."""
    bounds = [(name, getattr(bound, name, None)) for bound in field.metadata for name in ("gt", "ge", "le")]
    limits = {name: limit for name, limit in bounds if limit is not None}
    if "le" not in limits:
        return None
    factor = 1 if unit is None else unit.factor
    return 1 if "gt" in limits else limits["ge"] // factor, limits["le"] // factor


def human_name(name: str, unit: HumanUnit | None) -> str:
    """The name in a unit for people: late_limit_ms → late_limit_days."""
    return name if unit is None else name.removesuffix(unit.record_suffix) + unit.suffix


def record_fields(terms: BaseModel, record: type[Record]) -> dict[str, Any]:
    """The fields of `record` that `terms` has, in the record's units: late_limit_days 7 → late_limit_ms 604800000."""
    found = {}
    for name, field in record.model_fields.items():
        unit = unit_of(field)
        written = human_name(name, unit)
        if written in type(terms).model_fields:
            value = getattr(terms, written)
            found[name] = round(value * unit.factor) if unit else value
    return found
