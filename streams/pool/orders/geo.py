"""Places in whole numbers: geohashes, and distances that are the same on every machine."""

from math import cos, isqrt, radians

Point = tuple[int, int]
"""(latitude, longitude) in millionths of a degree."""

_BASE32 = "0123456789bcdefghjkmnpqrstuvwxyz"
_DEGREE_M = 111_195
"""Length of a degree of a great circle, with the mean radius of the Earth, 6,371,009 m."""
_COS_E6 = [round(cos(radians(degree)) * 1_000_000) for degree in range(91)]


def is_geohash(text: str) -> bool:
    """1 to 5 characters of geohash.org's alphabet."""
    return 0 < len(text) <= 5 and all(letter in _BASE32 for letter in text)


def geohash_centre(geohash: str) -> Point:
    """The middle of its cell. Source: geohash.org; bits alternate, longitude first."""
    bits = [value >> at & 1 for value in map(_BASE32.index, geohash) for at in range(4, -1, -1)]
    return _middle(bits[1::2], 90_000_000), _middle(bits[::2], 180_000_000)


def _middle(bits: list[int], limit_e6: int) -> int:
    cell = 0
    for bit in bits:
        cell = 2 * cell + bit
    return ((2 * cell + 1) * limit_e6 >> len(bits)) - limit_e6


def distance_m(one: Point, other: Point) -> int:
    """Metres as the crow flies, on a map that is flat between the two: good to 1 % within a region."""
    north = abs(one[0] - other[0]) * _DEGREE_M // 1_000_000
    degrees_e6 = abs(one[1] - other[1])
    east_e6 = min(degrees_e6, 360_000_000 - degrees_e6) * _cos_e6(abs(one[0] + other[0]) // 2) // 1_000_000
    east = east_e6 * _DEGREE_M // 1_000_000
    return isqrt(north * north + east * east)


def _cos_e6(latitude_e6: int) -> int:
    """Millionths of the cosine, between the whole degrees on a straight line."""
    degree, rest_e6 = divmod(min(latitude_e6, 89_999_999), 1_000_000)
    return _COS_E6[degree] + (_COS_E6[degree + 1] - _COS_E6[degree]) * rest_e6 // 1_000_000
