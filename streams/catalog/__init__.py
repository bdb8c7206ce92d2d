"""A pool's stores and items, and the meaning of their codes: product master and onboarding."""

from streams.catalog.pool_config import PoolConfig

__all__ = ["PoolConfig"]
