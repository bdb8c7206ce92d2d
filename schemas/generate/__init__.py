"""Generates from `schemas/records/` the topics' Avro schemas and the Python types. `python -m schemas.generate`."""
