"""Options that several commands share, and that stand in each of them as if written there."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from commonshelf.options import with_groups


@dataclass(frozen=True)
class Size:
    width: Annotated[int, typer.Option("--width")] = 1
    height: Annotated[int, typer.Option("--height")] = 2


app = typer.Typer()


@app.command()
@with_groups
def draw(*, shape: str, size: Size, fill: bool = False) -> None:
    """Draw."""
    print(shape, size, fill)


def test_a_group_s_options_are_the_command_s_own():
    answer = CliRunner().invoke(app, ["box", "--height", "7", "--fill"])
    assert answer.output.split("\n")[0] == "box Size(width=1, height=7) True"


def test_they_stand_where_the_group_stands():
    names = [param.name for param in typer.main.get_command(app).params]
    assert names[:4] == ["shape", "width", "height", "fill"]
