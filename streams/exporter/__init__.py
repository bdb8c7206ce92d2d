"""Figures of pools and stores for Prometheus, from topics that anybody may read."""
