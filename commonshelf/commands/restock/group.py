"""`restock`: what is proposed to the stores, and what they say to it."""

import typer

from commonshelf.commands.restock import drop, sheets

app = typer.Typer(
    no_args_is_help=True, help="Restock: proposals as shopkeepers' sheets, and their answers; and limited editions."
)
app.command()(sheets.export)
app.command("import")(sheets.import_sheets)
app.add_typer(drop.app, name="drop")
