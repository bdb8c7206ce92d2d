"""The public directory of a pool: what its stores show to everybody."""
