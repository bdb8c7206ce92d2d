"""Dashboards of Grafana, as code; `python -m messaging.metrics` writes their JSON."""
