"""One rig for each vendor: how it answers, notifies and signs, by its documentation."""

import importlib
import pkgutil

from tests.support.rigs.rig import VendorRig


def all_rigs() -> list[type[VendorRig]]:
    """The rigs of all modules here, by kind; of some vendors there are several."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    rigs = [
        *VendorRig.__subclasses__(),
        *(older for rig in VendorRig.__subclasses__() for older in rig.__subclasses__()),
    ]
    return sorted(rigs, key=lambda rig: (rig.kind, rig.__name__))
