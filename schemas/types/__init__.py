"""The records as Python types, made from `schemas/records/`. They cost nothing at run time: values are plain dicts."""
