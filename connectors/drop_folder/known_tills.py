"""The exports of well-known tills, by the headers that their vendors write."""

from collections.abc import Sequence

from connectors.drop_folder.preset import Preset

PRESETS: tuple[Preset, ...] = ()


def preset_of(names: Sequence[str]) -> Preset | None:
    """The export that has these headers (as `normal_header` gives them), or None. The most telling one counts."""
    found = [preset for preset in PRESETS if preset.fits(names)]
    return max(found, key=lambda preset: len(preset.needs), default=None)
