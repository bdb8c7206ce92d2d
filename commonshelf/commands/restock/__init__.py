"""Commands of restock."""
