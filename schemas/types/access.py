"""The records of `schemas/records/access`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict


class ApiKey(TypedDict):
    """A key by which a program, or a store's staff, asks the API. The secret itself is nowhere: only its digest is
    kept.
    """

    key_id: str
    label: str
    store: str | None
    scopes: list[str]
    digest: str
    previous_digest: str | None
    previous_until_ms: int
    created_at_ms: int
    expires_at_ms: int | None
    revoked_at_ms: int | None


class NumbersGrant(TypedDict):
    """A store lets members see the numbers of its shelves, for a purpose and a time."""

    grant: str
    store: str
    to_stores: list[str]
    to_keys: list[str]
    purpose: str
    from_ms: int
    until_ms: int
    ended_at_ms: int | None


class PublicListing(TypedDict):
    """What a store shows to everybody in the pool's directory. A store without one, or whose is not listed, is not
    in it.
    """

    store: str
    is_listed: bool
    shows_bands: bool
    categories: list[str] | None
    low_below_milli: int
    services: list[str]
    address: str | None
    url: str | None
    in_aggregates: bool


Access = (
    tuple[Literal["commonshelf.ApiKey"], ApiKey]
    | tuple[Literal["commonshelf.NumbersGrant"], NumbersGrant]
    | tuple[Literal["commonshelf.PublicListing"], PublicListing]
)
"""The new value."""


class AccessSetting(TypedDict):
    """Who may see what: a key of the API, a grant of numbers, or what a store shows to everybody."""

    pool: str
    recorded_at_ms: int
    origin: str
    setting: Access
