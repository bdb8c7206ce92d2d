"""What connectors to vendors' APIs share: the signed page, the HTTP client, the poll that reconciles.

How to add a vendor: docs/connectors/README.md.
"""
