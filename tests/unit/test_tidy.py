"""Our own rules of the house, which no linter knows: how long, how many, who imports whom, how it is told."""

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "schemas": set(),
    "messaging": {"schemas"},
    "world": {"schemas"},
    "connectors": {"schemas", "messaging"},
    "streams": {"schemas", "messaging"},
    "commonshelf": {"schemas", "messaging", "connectors", "streams", "world"},
    "bench": {"schemas", "messaging", "connectors", "streams", "world", "commonshelf"},
}
"""Package → packages that it may import. Tests may import everything."""
RUNS_THE_BENCHES = re.compile(r"commonshelf\.commands\.(\w+\.)*bench\b")
"""Modules of the command that runs the benches, which are no part of what is installed."""
LINES_MAX = 400
ROOMS_MAX = {"streams.pool": 12, "commonshelf": 15}
GENERATED = ("schemas/types/",)
_QUESTIONS = re.compile(r"(What|Where|Who|Whom|Whose|Why|How|Which|When|That)\b")
"""Words that begin a riddle instead of a plain statement."""
_BEGINNINGS = re.compile(r"[A-ZÄÖÜ0-9`\"'(/]")
_ENDINGS = (".", "!", "?", ":", "…")


def name_of(path: Path) -> str:
    """The dotted name of a module of ours."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    """Dotted name → file, of all our packages."""
    return {name_of(path): path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(name: str) -> Iterator[str]:
    """The modules of ours that a module imports, wherever in it."""
    for node in ast.walk(tree(modules()[name])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in modules() or node.module in modules():
                    yield inner if inner in modules() else node.module


def is_package(name: str) -> bool:
    return modules()[name].name == "__init__.py"


def rooms(package: str) -> set[str]:
    """What stands directly in a package: its modules and its packages."""
    return {name for name in modules() if name.rpartition(".")[0] == package}


def room_of(name: str, package: str) -> str:
    """The room of the package in which a module stands."""
    return ".".join(name.split(".")[: package.count(".") + 2])


def arrows(package: str) -> dict[str, set[str]]:
    """Room → the other rooms of the package that it imports from."""
    found = defaultdict(set)
    for name in modules():
        if not name.startswith(f"{package}."):
            continue
        for imported in imports(name):
            if imported.startswith(f"{package}.") and room_of(imported, package) != room_of(name, package):
                found[room_of(name, package)].add(room_of(imported, package))
    return found


def a_way_round(arrows: dict[str, set[str]]) -> list[str]:
    """Rooms that import from each other in a circle; none when there is no circle."""
    done: set[str] = set()

    def follow(room: str, way: list[str]) -> list[str]:
        if room in way:
            return [*way[way.index(room) :], room]
        if room in done:
            return []
        for other in sorted(arrows.get(room, ())):
            if found := follow(other, [*way, room]):
                return found
        done.add(room)
        return []

    return next((found for room in sorted(arrows) if (found := follow(room, []))), [])


def docstrings() -> Iterator[tuple[str, type[ast.AST], str]]:
    """Where it stands, of what it is, and its first paragraph."""
    for name, path in modules().items():
        if path.relative_to(ROOT).as_posix().startswith(GENERATED):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                told = ast.get_docstring(node)
                if told:
                    yield f"{name}.{getattr(node, 'name', '')}".rstrip("."), type(node), told.split("\n\n")[0].strip()


def test_no_module_is_longer_than_400_lines():
    lengths = {
        path.relative_to(ROOT).as_posix(): path.read_bytes().count(b"\n")
        for folder in MAY_IMPORT
        for path in (ROOT / folder).rglob("*.py")
    }
    too_long = {name: lines for name, lines in lengths.items() if lines > LINES_MAX and not name.startswith(GENERATED)}
    assert too_long == {}


@pytest.mark.parametrize("package", sorted(ROOMS_MAX))
def test_a_package_has_so_many_rooms_that_they_are_seen_in_one_look(package):
    found = rooms(package)
    assert len(found) <= ROOMS_MAX[package], sorted(found)


def test_packages_import_only_those_below_them():
    wrong = [
        f"{name} imports {imported}"
        for name in modules()
        for imported in imports(name)
        if (there := imported.partition(".")[0]) != (here := name.partition(".")[0])
        and there not in MAY_IMPORT[here]
        and not (there == "bench" and RUNS_THE_BENCHES.match(name))
    ]
    assert wrong == []


def test_inside_a_package_no_arrow_runs_up():
    """Rooms do not import from each other in a circle, and nobody imports from a package in which he stands."""
    packages = [name for name in modules() if is_package(name)]
    circles = [way for name in packages if (way := a_way_round(arrows(name)))]
    upward = [
        f"{name} imports {imported}"
        for name in modules()
        for imported in imports(name)
        if is_package(imported) and name.startswith(f"{imported}.")
    ]
    assert (circles, upward) == ([], [])


def test_a_docstring_is_a_sentence():
    wrong = [
        f"{where}: {told}"
        for where, _, told in docstrings()
        if not _BEGINNINGS.match(told) or not told.endswith(_ENDINGS)
    ]
    assert wrong == []


def test_modules_and_classes_are_told_in_plain_statements():
    wrong = [
        f"{where}: {told}"
        for where, kind, told in docstrings()
        if kind in (ast.Module, ast.ClassDef) and _QUESTIONS.match(told)
    ]
    assert wrong == []


PROCESSES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "tests" / "proof").rglob("*.py"))
    if not path.name.startswith("test_")
]


@pytest.mark.parametrize("name", PROCESSES)
def test_each_module_of_the_proof_can_be_imported(name):
    """Some are only ever started as processes, whose end a long run would wait for."""
    importlib.import_module(name)


def test_a_circle_of_rooms_is_found():
    assert a_way_round({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert a_way_round({"a": {"b", "c"}, "b": {"c"}}) == []
