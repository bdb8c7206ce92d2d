"""Clover: notices name an order, a payment or an item, which is fetched; the poll reconciles. See docs/connectors."""
