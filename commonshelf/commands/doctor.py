"""`doctor`: what is wrong here, line by line."""

import json
from dataclasses import asdict

import typer

from commonshelf.options import BootstrapOption, ConfigOption, JsonOption

_NAMES = 16
"""Characters of the longest name of what is looked at."""
_TO_DO = "to do: "
_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]·[/]"}


def doctor(config: ConfigOption = None, bootstrap: BootstrapOption = None, as_json: JsonOption = False) -> None:
    """Check this machine, the settings, Kafka and the workers, line by line, with what to do. Exit code 1 on a fault.

    Example: ./shelf doctor

    Example: ./shelf doctor --config commonshelf.toml --json
    """
    from rich.console import Console
    from rich.markup import escape

    from commonshelf.dead_letters.check import letters_waiting
    from commonshelf.stack.doctor import examine

    console = Console(highlight=False, soft_wrap=True)
    findings = []
    for finding in examine(config, bootstrap, [letters_waiting]):
        findings.append(finding)
        if not as_json:
            lines = [escape(line) for line in _in_width(finding.found)]
            if finding.is_well is False and finding.to_do:
                to_do, *rest = _in_width(f"{_TO_DO}{finding.to_do}")
                lines += [f"[bold]{_TO_DO}[/]{escape(to_do.removeprefix(_TO_DO))}", *map(escape, rest)]
            for number, line in enumerate(lines):
                before = " " * (_NAMES + 2) if number else f"{_MARKS[finding.is_well]} {finding.what:<{_NAMES}}"
                console.print(f"{before} {line}")
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    if any(finding.is_well is False for finding in findings):
        raise typer.Exit(1)


def _in_width(text: str) -> list[str]:
    """The lines of a finding beside its name: one, unless a terminal is narrower."""
    from commonshelf.text import terminal_width, wrapped

    width = terminal_width()
    return [text] if width is None else wrapped(text, max(width - _NAMES - 3, _NAMES))
