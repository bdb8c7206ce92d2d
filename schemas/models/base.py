"""Base of all models: their class, and the types of their fields."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.models.forms import text_like

QUANTITY_MAX_MILLI = 1_000_000_000
"""A million units: more in one line is a typing error or an attack."""
PRICE_MAX_MINOR = 10**12
POLICY_MAX_MINOR = 100_000_000
ORDER_LINES_MAX = 30
ORDER_QUANTITY_MAX_MILLI = 10_000_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
HOLD_TTL_MAX_MS = 7 * DAY_MS
CLOCK_STEP_MAX_MS = MINUTE_MS
"""By how much one tick may move a pool's clock beyond what its events say."""
LINES_MAX = 5_000
LINE_ID_MAX = 100
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
REFERENCE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$"
"""Of what stands for a person or an address: no address, e-mail or international number has this form."""
CODE_DIGEST_PATTERN = r"^[0-9a-f]{32}$"
CODE_PATTERN = r"^(gtin:[0-9]{14}|(plu|sku|item):[^\x00-\x1f\x7f]{1,100})$"
GEOHASH_PATTERN = r"^[0-9b-hjkmnp-z]{1,5}$"
"""Base 32 of geohash.org, which leaves out a, i, l and o; five characters are about five kilometres."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # what zoneinfo raises for odd names and unknown ones
        raise ValueError(f"{name!r} is no time zone; write an IANA name like Europe/Berlin") from error
    return name


Name = Annotated[str, text_like("corner-shop", NAME_PATTERN)]
Reference = Annotated[str, text_like("R-1042", REFERENCE_PATTERN)]
LineId = Annotated[str, Field(min_length=1, max_length=LINE_ID_MAX)]
Code = Annotated[str, text_like("plu:4011, sku:MILK-1L, item:77 or gtin: with 14 digits", CODE_PATTERN)]
TEXT_MAX = 200
"""Characters of a name, an id or a word."""
Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
TIME_MAX_MS = 253_402_300_799_999
"""The last moment of the year 9999."""
TimeMs = Annotated[int, Field(ge=0, le=TIME_MAX_MS)]
Offset = Annotated[int, Field(ge=0, lt=2**63)]
Partition = Annotated[int, Field(ge=0, lt=2**31)]
QuantityMilli = Annotated[int, Field(ge=-QUANTITY_MAX_MILLI, le=QUANTITY_MAX_MILLI)]
Day = Annotated[str, text_like("2026-11-29", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Permille = Annotated[int, Field(ge=0, le=1000)]
PolicyMinor = Annotated[int, Field(ge=0, le=POLICY_MAX_MINOR)]
Currency = Annotated[str, text_like("EUR", "^[A-Z]{3}$")]
TimeZone = Annotated[Text, AfterValidator(_known_zone)]
PriceMinor = Annotated[int, Field(ge=-PRICE_MAX_MINOR, le=PRICE_MAX_MINOR)]


class Record(BaseModel):
    """A record, or a part of one: frozen, and of known fields only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_avro(self) -> dict[str, Any]:
        """The value as a plain dict, fit for the topic's codec."""
        return self.model_dump(mode="json")
