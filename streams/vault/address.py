"""An address in the vault: where goods go, and who takes them. Its values appear in no representation and no error."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.models.forms import text_like

_Text = Annotated[str, Field(min_length=1, max_length=200)]


class Address(BaseModel):
    """A postal address with what a carrier needs at the door."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: _Text
    street: _Text
    city: _Text
    postal_code: _Text | None = None
    country: Annotated[str, text_like("DE", "^[A-Z]{2}$")] | None = None
    phone: _Text | None = None
    note: Annotated[str, Field(max_length=1_000)] = ""

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Nothing, so that a log line or a traceback with an address in it tells none."""
        return ()
