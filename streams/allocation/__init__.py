"""Allocation of an order to stores: the exact minimum of the formula in docs/allocation.md. Pure."""

from streams.allocation.model import Answer, Case, Costs, Line, Offer, Policy, Store
from streams.allocation.solve import allocate

__all__ = ["Answer", "Case", "Costs", "Line", "Offer", "Policy", "Store", "allocate"]
