"""Logarithm and exponential of additions and multiplications alone, in one order: the same bits on every machine.

Libraries of mathematics differ in the last bit of these, and a quantile at a border would differ by a whole unit.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LN2 = 0.6931471805599453
_SQRT_HALF = 0.7071067811865476
EXPONENT_MAX = 700.0
"""Exponents beyond, either way, are taken for this one."""


def log(values: Floats) -> Floats:
    """Natural logarithm of values above zero, to some 15 digits, by the series of artanh."""
    mantissa, exponent = np.frexp(values)
    is_low = mantissa < _SQRT_HALF
    mantissa = np.where(is_low, mantissa * 2.0, mantissa)
    slope = (mantissa - 1.0) / (mantissa + 1.0)
    square = slope * slope
    total = np.zeros_like(slope)
    for odd in range(21, 0, -2):
        total = total * square + 1.0 / odd
    return (exponent - is_low) * _LN2 + 2.0 * slope * total


def exp(values: Floats) -> Floats:
    """Exponential, to some 15 digits, by Taylor's series."""
    bounded = np.minimum(np.maximum(values, -EXPONENT_MAX), EXPONENT_MAX)
    halvings = np.rint(bounded / _LN2)
    rest = bounded - halvings * _LN2
    total = np.ones_like(rest)
    for term in range(17, 0, -1):
        total = 1.0 + total * (rest / term)
    return np.ldexp(total, halvings.astype(np.int32))
