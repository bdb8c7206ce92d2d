"""Carriers: told of deliveries by signed messages, they report what was scanned out, delivered and returned."""
