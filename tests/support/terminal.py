"""A command as it is called on a terminal of 80 columns, or into a pipe, in this process."""

import io
import os
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from commonshelf.cli import app
from commonshelf.errors import explain

COLUMNS = 80


@dataclass(frozen=True)
class Said:
    """The end of a command. `err` is what main() would tell."""

    exit_code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def call(folder: Path, env: Mapping[str, str], *words: str, is_terminal: bool = False) -> Said:
    """Run `./shelf` with these words in `folder`. An error that nobody explains is raised."""
    out, err = _Terminal() if is_terminal else io.StringIO(), io.StringIO()
    sized = {**env, "COLUMNS": str(COLUMNS), "LINES": "24"}
    with chdir(folder), mock.patch.dict(os.environ, sized), redirect_stdout(out), redirect_stderr(err):
        try:
            app(list(words), prog_name="./shelf")
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            code = 1
            err.write(sentence)
    return Said(code, out.getvalue(), err.getvalue())
