"""Metrics for Prometheus: one list, from which every process registers what it shows."""
