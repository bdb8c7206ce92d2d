"""The help of every command on a terminal of 80 columns."""

import re
from collections.abc import Iterator

import pytest
import typer

from commonshelf.cli import app
from tests.support.terminal import COLUMNS, call


def commands(command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """(words, the names of options and arguments that the help shows)."""
    inner = getattr(command, "commands", {})
    for name, one in inner.items():
        yield from commands(one, (*path, name))
    if not inner:
        shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
        yield path, [name for parameter in shown for name in (*parameter.opts, *parameter.secondary_opts)]


@pytest.mark.parametrize("path_and_names", commands(typer.main.get_command(app)), ids=lambda case: " ".join(case[0]))
def test_no_name_is_cut(path_and_names, tmp_path):
    path, names = path_and_names
    said = call(tmp_path, {}, *path, "--help")
    assert max(map(len, said.lines)) <= COLUMNS
    assert not re.search(r"[\w|-]…", said.out.replace("UNITS…", "").replace("…]", "")), said.out
    assert [name for name in names if name.startswith("--") and name not in said.out] == []
