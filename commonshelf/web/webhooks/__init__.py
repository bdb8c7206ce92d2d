"""Webhooks: subscribers are told of what happens in a pool, in order, until each message has an outcome."""
