"""Agreements as members write, read and compare them."""
