"""Commands of routes."""
