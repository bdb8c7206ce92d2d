"""The page that names a test for each attack on the edges names tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_test_that_the_page_of_attacks_names_is_there():
    page = (ROOT / "docs" / "connectors" / "attacks.md").read_text(encoding="utf-8")
    tests = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", page)
    assert len(named) > 20
    assert [name for name in named if f"def {name}(" not in tests] == []
    files = re.findall(r"`(tests/\S+\.py)`", page)
    assert [file for file in files if not (ROOT / file).is_file()] == []
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert [row for row in rows if "`test" not in row] == []
