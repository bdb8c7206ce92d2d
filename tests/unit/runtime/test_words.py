"""The engine is below the front door: what it says names none of its commands."""

from pathlib import Path

import pytest

import streams.runtime

FOLDER = Path(streams.runtime.__file__).parent


@pytest.mark.parametrize("module", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_no_module_of_the_engine_names_a_command(module):
    assert "./shelf" not in module.read_text(encoding="utf-8")
