"""`doctor`: what is wrong here, line by line."""

import json
from dataclasses import asdict

import typer

from commonshelf.options import BootstrapOption, ConfigOption, JsonOption

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
            console.print(f"{_MARKS[finding.is_well]} {finding.what:<16} {escape(finding.found)}")
            if finding.is_well is False and finding.to_do:
                console.print(f"  {'':<16} [bold]to do:[/] {escape(finding.to_do)}")
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    if any(finding.is_well is False for finding in findings):
        raise typer.Exit(1)
