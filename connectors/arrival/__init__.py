"""Arrival apps: told of appointments by signed messages, they report who is on the way and who came."""
