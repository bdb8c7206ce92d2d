"""The frame of connectors to vendors' APIs: webhooks, the poll that reconciles, write-back.

How to add a vendor: docs/connectors/README.md.
"""
