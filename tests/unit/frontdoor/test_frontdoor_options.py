"""Options that several commands share, and that stand in each of them as if written there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import pytest
import typer
from typer.testing import CliRunner

from commonshelf.options import moment_ms, with_groups


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


@pytest.mark.parametrize(
    ("text", "utc"),
    [("2026-11-28", "2026-11-27T23:00:00Z"), ("2026-07-01T08:00", "2026-07-01T06:00:00Z"),
     ("2026-11-28T08:00:00+00:00", "2026-11-28T08:00:00Z")],
)  # fmt: skip
def test_a_time_without_an_offset_is_the_pools(text, utc):
    told = datetime.fromisoformat(utc).timestamp() * 1000
    assert moment_ms(text, ZoneInfo("Europe/Berlin"), "--from") == told


def test_what_is_no_time_is_told_with_an_example(capsys):
    with pytest.raises(typer.Exit):
        moment_ms("gestern", UTC, "--day")
    assert "--day is 'gestern'; write a date such as 2026-11-28" in capsys.readouterr().err
