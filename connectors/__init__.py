"""The edges: each outside system's facts become events of `schemas`, and reach Kafka.

One folder per outside system. `translate.py` there is pure: outside data in, a `contract.Translated` out.
`client.py` does the I/O. What every connector shares is in `contract.py`; `host.py` runs them.
"""
