"""`restock`: what is proposed to the stores, and what they say to it."""

import typer

from commonshelf.commands.restock import calendar, drop, proposals, scenario, sheets

app = typer.Typer(
    no_args_is_help=True,
    help="Restock: proposals, also as shopkeepers' sheets, their answers; limited editions; events; scenarios.",
)
app.command()(proposals.plan)
app.command()(proposals.answer)
app.command()(proposals.orders)
app.command()(scenario.scenario)
app.command()(sheets.export)
app.command("import")(sheets.import_sheets)
app.add_typer(drop.app, name="drop")
app.add_typer(calendar.app, name="calendar")
