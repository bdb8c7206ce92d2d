"""README and docs name only commands and options that exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from commonshelf.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(page: Path) -> list[list[str]]:
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^(?:\$ )?\./shelf ([^\n#]*)", text, re.MULTILINE)
    inline = re.findall(r"`\./shelf ([^`\n]*)`", text)
    return [shlex.split(found.replace("…", "").replace("|", " ")) for found in (*fenced, *inline)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists_with_its_options(page):
    unknown = []
    for words in commands(page):
        command = typer.main.get_command(app)
        for word in words:
            if word == "COMMAND":
                break
            if word in getattr(command, "commands", {}):
                command = command.commands[word]
            elif hasattr(command, "commands") and not word.startswith("-"):
                unknown.append(" ".join(words))
                break
            elif word.startswith("--") and word != "--":
                known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
                if word.partition("=")[0] not in known | {"--help"}:
                    unknown.append(f"{' '.join(words)}: {word}")
    assert unknown == []


def test_the_readme_starts_with_the_two_commands():
    first_block = (ROOT / "README.md").read_text(encoding="utf-8").split("```")[1]
    assert first_block.split("\n")[1:-1] == ["./shelf demo", "./shelf test"]
