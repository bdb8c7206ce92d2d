"""What tests of vendors' translations share: payloads bent by chance, and what came out in short forms."""

import json
from decimal import Decimal

from hypothesis import strategies as st

from connectors.http.payload import parse

CANARY = "CANARY-Erika-Mustermann-4111111111111111"
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.just({}), st.just([]), st.just([{}]),
    st.sampled_from(["2", "0.485", "2026-03-01T09:15:00Z", "paid", "completed", "cancel", "closed", 16, "-1", "1e5"]),
    st.decimals(allow_nan=False, allow_infinity=False, places=4), st.just(Decimal("1E+999999")),
)  # fmt: skip
"""What may stand in any field."""


def bent(make):
    """What `make` makes, with a few fields replaced by anything."""
    names = st.sampled_from(sorted(make()))
    return st.builds(lambda changes: make(**changes), st.dictionaries(names, LEAVES, max_size=3))


def exact(payload):
    """`payload` as it comes out of a request's body: numbers with a fraction are Decimals."""
    return parse(json.dumps(payload).encode())


def moved(translated):
    """Event lines as (line id, kind, code, thousandths)."""
    return [
        (line.line_id, str(getattr(line, "kind", None) or event.kind), line.code, line.quantity_milli)
        for event in translated.events
        for line in event.lines
    ]


def skips(translated):
    return [(skip.where, skip.reason) for skip in translated.skipped]


def places(translated):
    return [problem.where for problem in translated.problems]
