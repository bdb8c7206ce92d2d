"""Odoo's Point of Sale and Inventory, polled over JSON-2 (Odoo 19 and newer). See docs/connectors/odoo.md."""
