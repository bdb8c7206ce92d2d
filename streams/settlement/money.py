"""Integer money: one rounding for a part, and shares that sum up to the whole."""

from collections.abc import Mapping
from typing import Literal

Rounding = Literal["half_up", "half_even", "down"]
"""Of the magnitude: what a debt rounds to, its reversal rounds back from."""


def scaled(amount: int, numerator: int, denominator: int, rounding: Rounding = "half_up") -> int:
    """The amount times numerator by denominator, in whole minor units; the denominator is above zero."""
    exact = amount * numerator
    sign = -1 if exact < 0 else 1
    whole, rest = divmod(abs(exact), denominator)
    twice = 2 * rest
    if rounding == "down" or twice < denominator:
        return sign * whole
    if twice == denominator and rounding == "half_even":
        return sign * (whole + whole % 2)
    return sign * (whole + 1)


def shares(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`total` split by weights, to the unit: what is left over goes to the largest remainders, ties by name.

    Equal shares when no weight is above zero. Raises ValueError when there is nobody to share with.
    """
    if not weights:
        raise ValueError("nobody is there to share with")
    counted = {name: max(weight, 0) for name, weight in weights.items()}
    if not any(counted.values()):
        counted = dict.fromkeys(weights, 1)
    sum_of_weights, sign = sum(counted.values()), -1 if total < 0 else 1
    parts = {name: divmod(abs(total) * weight, sum_of_weights) for name, weight in counted.items()}
    left = abs(total) - sum(whole for whole, _ in parts.values())
    largest = sorted(parts, key=lambda name: (-parts[name][1], name))[:left]
    return {name: sign * (parts[name][0] + (name in largest)) for name in sorted(parts)}
