"""docs/a-day.md as its reader plays it: its files, its commands in their order, and what they print."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.shelf import CommandFolder

PAGE = Path(__file__).parents[2] / "docs" / "a-day.md"
FILES = {"toml": "commonshelf.toml", "csv": "catalog.csv"}
PORTS = (
    "port",
    "web_port",
    "webhook_port",
    "arrival_port",
    "settlement_port",
    "restock_port",
    "exporter_port",
    "connectors_port",
    "agents_port",
    "ledger_port",
)
FREE_PORTS = "[http]\n" + "".join(f"{port} = 0\n" for port in PORTS)
LOOKS = ("./shelf availability", "./shelf tasks anna", "./shelf tasks bert", "./shelf tasks mill", "./shelf order show")
"""What only looks is repeated until it shows what the page says."""
WAITS = ("./shelf order send", "./shelf order confirm", "./shelf transfer")
PATIENCE = " --wait-s 200"
"""On a busy machine an answer takes longer than a reader would wait."""
DEADLINE_S = 200


def blocks() -> list[tuple[str, str]]:
    """(language, text) of the page's fenced blocks, from its top."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def steps(text: str) -> list[tuple[str, str]]:
    """(command, what it prints) of a console block."""
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)


def words(printed: str) -> str:
    """Without lines of a frame and with one space between words: how wide a column is does not matter."""
    lines = (" ".join(line.replace("│", " ").split()) for line in printed.split("\n") if re.search(r"\w", line))
    return "\n".join(lines)


def pattern(printed: str) -> re.Pattern[str]:
    """… stands for anything within a line."""
    return re.compile(re.escape(words(printed)).replace("…", ".*"))


def play(shelf: CommandFolder, script: str) -> str:
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=shelf.folder,
        env=shelf.env,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S + 60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def watch(shelf: CommandFolder, command: str, printed: str) -> None:
    """Play a command and see that it prints what the page says."""
    wanted = pattern(printed)
    deadline = time.monotonic() + (DEADLINE_S if command.startswith(LOOKS) else 0)
    script = command + (PATIENCE if command.startswith(WAITS) else "")
    while not wanted.search(words(found := play(shelf, script))):
        assert time.monotonic() < deadline, f"{command}\n{found}\nis not as on the page:\n{printed}"
        time.sleep(0.2)


@pytest.mark.timeout(900)
def test_the_day_goes_as_the_page_tells(tmp_path):
    (tmp_path / "shelf").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m commonshelf "$@"\n')
    (tmp_path / "shelf").chmod(0o755)
    shelf = CommandFolder(tmp_path)
    try:
        for language, text in blocks():
            if language in FILES:
                (tmp_path / FILES[language]).write_text((FREE_PORTS if language == "toml" else "") + text)
            elif text == "./shelf up\n":
                shelf.up()
            elif language == "sh":
                play(shelf, text)
            else:
                for command, printed in steps(text):
                    watch(shelf, command, printed)
    finally:
        if shelf.process is not None:
            shelf.end(signal.SIGTERM)
