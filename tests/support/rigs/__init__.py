"""One rig for each vendor: how it answers, notifies and signs, by its documentation."""

import importlib
import pkgutil

from tests.support.rigs.rig import VendorRig


def all_rigs() -> list[type[VendorRig]]:
    """The rigs of all modules here, by kind."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return sorted(VendorRig.__subclasses__(), key=lambda rig: rig.kind)
