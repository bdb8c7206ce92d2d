"""The curves of a growth run as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

_PANELS = (
    ("lines a second", ("lines_s",)),
    ("latency, ms", ("latency_p50_ms", "latency_p99_ms")),
    ("memory, MiB", ("rss_mib", "rss_peak_mib")),
    ("restore, s", ("restore_s",)),
    ("disk, MiB", ("state_mib", "changelog_mib", "journal_mib")),
)


def plot(curves: Mapping[str, Sequence[Mapping[str, Any]]], folder: Path) -> list[Path]:
    """One picture for each axis, `growth-AXIS.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for axis, points in curves.items():
        figure = Figure(figsize=(15, 3), layout="constrained")
        for place, (title, names) in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
            for name in names:
                place.plot([point[axis] for point in points], [point[name] for point in points], "o-", label=name)
            place.set(title=title, xlabel=axis, xscale="log", ylim=(0, None))
            if len(names) > 1:
                place.legend(fontsize="small")
        paths.append(folder / f"growth-{axis}.svg")
        figure.savefig(paths[-1], metadata={"Date": None})
    return paths
