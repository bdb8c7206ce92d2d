"""Lightspeed Retail X-Series (once Vend): signed webhooks, and a poll of its API. See docs/connectors/lightspeed.md."""
