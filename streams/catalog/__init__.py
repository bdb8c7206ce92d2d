"""What a pool's stores and items are, and what their codes mean: product master and onboarding."""

from streams.catalog.pool_config import Catalog

__all__ = ["Catalog"]
