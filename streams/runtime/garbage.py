"""The collector of unreachable cycles, in processes whose memory has none."""

import gc


def collect_rarely() -> None:
    """Rows and records are many and acyclic: rare collections save time."""
    gc.set_threshold(200_000, 20, 100)


def spare_what_stays() -> None:
    """What is in memory now will stay, code and a partition's rows above all: collections pass over it."""
    collect_all()
    gc.freeze()


def collect_all() -> None:
    """Also of what was spared."""
    gc.unfreeze()
    gc.collect()
