"""The edges: each outside system's facts become events of `schemas`, and reach Kafka; calls go out.

One folder per outside system. `translate.py` there is pure: outside data in, a `contract.Translated` out.
`client.py` does the I/O. `contract.py` says what every connector keeps to; `http/`, `parsing/`, `outbound/` and
`vendor/` are shared parts; `host.py` runs the connectors, found as entry points. Imports go one way:
contract ← shared parts ← connectors.
"""
