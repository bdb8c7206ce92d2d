"""Shopify POS and shops: signed webhooks, and a poll of the GraphQL Admin API. See docs/connectors/shopify.md."""
