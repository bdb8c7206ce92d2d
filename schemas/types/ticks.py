"""The records of `schemas/records/ticks`. Made by `python -m schemas.generate`; change these."""

from typing import TypedDict


class Tick(TypedDict):
    """The clock, as an event: the pool's time is the largest tick so far."""

    pool: str
    at_ms: int
    origin: str
