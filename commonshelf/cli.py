"""The `commonshelf` command."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Commonshelf."""


def main() -> None:
    app()
