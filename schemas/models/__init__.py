"""Records as they are made at the edges, a module a family: validated once, then plain dicts and Avro.

Field meanings are in `schemas/records/`. Limits here are the ones that the pool enforces again on every record.
"""
