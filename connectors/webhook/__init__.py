"""Signed JSON over HTTP, for any system that can post. The payload is described in docs/webhook.md."""
