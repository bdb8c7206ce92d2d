"""Makes a new vendor's connector in a checkout: one that works, against a vendor that does not exist."""

import re
from pathlib import Path

from messaging.errors import UserError

TEMPLATES = Path(__file__).parent / "acme"
_FILES = {
    "init.py": "connectors/{name}/__init__.py",
    "spec.py": "connectors/{name}/spec.py",
    "translate.py": "connectors/{name}/translate.py",
    "client.py": "connectors/{name}/client.py",
    "rig.py": "tests/support/rigs/{name}.py",
    "test.py": "tests/unit/connectors/test_{name}.py",
    "order.json": "tests/payloads/{name}/order.json",
    "page.md": "docs/connectors/{name}.md",
}
_NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")
_ENTRY_POINTS = '[project.entry-points."commonshelf.connectors"]\n'


class ScaffoldError(UserError):
    """It cannot be made; the text says why and what to do."""


def scaffold(name: str, root: Path) -> list[Path]:
    """Write the files of a connector called `name` and its entry point; give their paths. Raises ScaffoldError."""
    if not _NAME.fullmatch(name):
        raise ScaffoldError(f"{name!r} is no name for a connector: small letters, digits and _, such as acme")
    project = root / "pyproject.toml"
    if not project.is_file() or _ENTRY_POINTS not in project.read_text(encoding="utf-8"):
        raise ScaffoldError(f"{root} is no checkout of this repository; go there, or name it with --folder")
    written = [root / place.format(name=name) for place in _FILES.values()]
    there = [str(path) for path in written if path.exists()]
    if there:
        raise ScaffoldError(f"{there[0]} is there already; choose another name")
    for template, path in zip(_FILES, written, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
        path.write_text(_named(text, name), encoding="utf-8")
    text = project.read_text(encoding="utf-8")
    entry = f'{_ENTRY_POINTS}{name} = "connectors.{name}.spec:CONNECTOR"\n'
    project.write_text(text.replace(_ENTRY_POINTS, entry), encoding="utf-8")
    return [*written, project]


def _named(text: str, name: str) -> str:
    return text.replace("acme", name).replace("Acme", "".join(word.capitalize() for word in name.split("_")))
