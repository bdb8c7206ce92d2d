"""Loyverse: receipts and refunds, stock levels; composites by their components. See docs/connectors/loyverse.md."""
