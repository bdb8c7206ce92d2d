"""`bench`: how fast, how soon, how small, how quickly back. Figures that you can measure again."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from commonshelf.options import fail

app = typer.Typer(no_args_is_help=True, help="Measure this engine, on an embedded Kafka of its own.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object, on the last line.")]
LinesPerSaleOption = Annotated[int, typer.Option("--lines-per-sale", min=1, max=1_000, help="Lines of a receipt.")]


@app.command()
def engine(
    lines: Annotated[int, typer.Option("--lines", min=1_000, help="Sale lines of each run.")] = 400_000,
    faust_lines: Annotated[
        int, typer.Option("--faust-lines", min=100, help="Lines that Faust gets of these: it is slow.")
    ] = 30_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Runs of each engine; the median counts.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Lines per second: consume and decode alone, a Faust agent with a Table, and ours, in one run.

    Ours is exactly-once with the duplicate check on; what it wrote is read back and audited.

    Example: ./shelf bench engine

    Example: ./shelf bench engine --lines 1000000 --rounds 3 --json
    """
    from bench.engine import measure_engines

    report(lambda: measure_engines(lines, faust_lines, rounds, tell), as_json, _print_engines)


@app.command()
def peers(
    lines: Annotated[int, typer.Option("--lines", min=1_000, help="Sale lines of each run.")] = 400_000,
    faust_lines: Annotated[
        int, typer.Option("--faust-lines", min=100, help="Lines of these that count for Faust: it is slow.")
    ] = 20_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Runs of each engine; the median counts.")] = 5,
    latency_seconds: Annotated[
        int, typer.Option("--latency-seconds", min=0, help="How long latency is measured; 0: it and restore are not.")
    ] = 20,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="limit, faust_table, quix, kafka_streams or ours; repeat it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ours beside Faust, Quix Streams and Kafka Streams: rates, latency, memory, restore, in one run on one topic.

    Each peer runs with the minimum (a counter for each store and SKU) and writing the same journal as ours. What
    every engine wrote is read back and checked. Some 30 minutes; the first time fetches 100 MB of peers.

    Example: ./shelf bench peers --json

    Example: ./shelf bench peers --only ours --only kafka_streams --rounds 1 --latency-seconds 0
    """
    from bench.peers import NAMES, measure_peers

    for name in only or ():
        if name not in NAMES:
            fail(f"there is no engine {name!r} for --only; there are {', '.join(NAMES)}")
    chosen = only or ()
    report(lambda: measure_peers(lines, faust_lines, rounds, latency_seconds, chosen, tell), as_json, _print_peers)


@app.command()
def latency(
    lines_per_second: Annotated[int, typer.Option("--lines-per-second", min=1, help="What all tills sell.")] = 1_000,
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="How long it is measured.")] = 60,
    warm_up_s: Annotated[int, typer.Option("--warm-up-s", min=0, help="How long it runs before.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Milliseconds from the till to the pool's availability, for every line.

    Example: ./shelf bench latency --lines-per-second 2000 --json
    """
    from bench.latency import measure_latency

    report(lambda: measure_latency(lines_per_second, seconds, warm_up_s, tell), as_json)


@app.command()
def restore(
    stores: Annotated[int, typer.Option("--stores", min=1)] = 34,
    items: Annotated[int, typer.Option("--items", min=1, help="Items of each store; stores x items rows.")] = 29_412,
    overwrites: Annotated[int, typer.Option("--overwrites", min=0, help="Sales of each row before.")] = 10,
    lines_per_sale: LinesPerSaleOption = 12,
    as_json: JsonOption = False,
) -> None:
    """Memory of a worker with a million stock rows, and its time to restore them from an empty directory.

    Example: ./shelf bench restore --lines-per-sale 1 --json

    Example: ./shelf bench restore --items 1000
    """
    from bench.restore import measure_restore
    from world.uniform import UniformPools

    world = UniformPools(stores, items)
    report(lambda: measure_restore(world, overwrites, lines_per_sale, tell), as_json)


@app.command()
def restart(
    tries: Annotated[int, typer.Option("--tries", min=1, help="Kills of each kind.")] = 10,
    lines_per_second: Annotated[int, typer.Option("--lines-per-second", min=1, help="What all tills sell.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Seconds from SIGKILL of a worker to the next commit: by itself, started again, and by another worker.

    Example: ./shelf bench restart --tries 30 --json
    """
    from bench.restart import measure_restart

    report(lambda: measure_restart(tries, lines_per_second, tell), as_json)


@app.command()
def orders(
    orders_per_second: Annotated[int, typer.Option("--orders-per-second", min=1, help="Orders placed.")] = 300,
    order_lines: Annotated[int, typer.Option("--order-lines", min=1, max=30, help="Lines of an order.")] = 5,
    lines_per_second: Annotated[int, typer.Option("--lines-per-second", min=1, help="What all tills sell.")] = 2_000,
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="How long it is measured.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Orders answered per second beside sales, and milliseconds from the request to the pool's answer.

    Example: ./shelf bench orders

    Example: ./shelf bench orders --orders-per-second 500 --lines-per-second 1000 --json
    """

    def measure() -> Mapping[str, Any]:
        from bench.orders import measure_orders

        return measure_orders(orders_per_second, order_lines, lines_per_second, seconds, tell)

    report(measure, as_json)


@app.command()
def allocate(
    orders: Annotated[int, typer.Option("--orders", min=10, help="Orders timed of each size, of ten kinds.")] = 900,
    checked: Annotated[int, typer.Option("--checked", min=0, help="Orders of up to 34 stores to check.")] = 600,
    large_checked: Annotated[
        int, typer.Option("--large-checked", min=0, help="Orders of 60 stores x 30 lines to check: slow ones.")
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """Milliseconds to allocate an order at 34 stores x 5 lines and at 60 x 30, easy and hard ones alike.

    Other orders' costs are compared with the optimum of an integer program. No Kafka is started.

    Example: ./shelf bench allocate

    Example: ./shelf bench allocate --checked 1000 --large-checked 0 --json
    """

    def measure() -> Mapping[str, Any]:
        from bench.allocate import measure_allocation

        return measure_allocation(orders, checked, large_checked, tell)

    report(measure, as_json)


@app.command()
def settlement(
    facts: Annotated[int, typer.Option("--facts", min=100, help="Sales of the month.")] = 1_000_000,
    stores: Annotated[int, typer.Option("--stores", min=2, help="Stores of the pool.")] = 34,
    postgresql: Annotated[
        str | None,
        typer.Option("--postgresql", metavar="URL", help="An empty database, to measure PostgreSQL as well."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Facts settled per second on SQLite and PostgreSQL, the close of a month with its netting, the slowest statement.

    A third of the sales are of goods that another store lent. Kafka's fetch is left out; balances are checked.

    Example: ./shelf bench settlement --facts 100000

    Example: ./shelf bench settlement --postgresql postgresql://me@localhost/bench --json
    """

    def measure() -> Mapping[str, Any]:
        from bench.settlement import measure_settlement

        return measure_settlement(facts, stores, postgresql, tell)

    report(measure, as_json)


@app.command()
def webhook(
    requests_per_second: Annotated[int, typer.Option("--requests-per-second", min=1, help="Of all stores.")] = 300,
    lines_per_sale: LinesPerSaleOption = 12,
    stores: Annotated[int, typer.Option("--stores", min=1)] = 34,
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="How long it is measured.")] = 30,
    warm_up_s: Annotated[int, typer.Option("--warm-up-s", min=0, help="How long it runs before.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Milliseconds until a signed webhook is answered, once Kafka has it; then a flood, then a kill: nothing is lost.

    Example: ./shelf bench webhook

    Example: ./shelf bench webhook --requests-per-second 100 --seconds 5 --json
    """
    from bench.webhook import measure_webhook

    report(lambda: measure_webhook(requests_per_second, lines_per_sale, stores, seconds, warm_up_s, tell), as_json)


@app.command()
def growth(
    rows: Annotated[str, typer.Option("--rows", help="Stock rows, 1,000 stores.")] = "10000,100000,1000000",
    stores: Annotated[str, typer.Option("--stores", help="Stores, 100,000 rows.")] = "34,500,5000",
    pools: Annotated[str, typer.Option("--pools", help="Pools, 1,000 stores.")] = "1,10,100,1000",
    partitions: Annotated[str, typer.Option("--partitions", help="Partitions, as many pools as the most.")] = "1,8,64",
    lines: Annotated[int, typer.Option("--lines", min=1_000, help="Sale lines at each size.")] = 200_000,
    latency_seconds: Annotated[int, typer.Option("--latency-seconds", min=1, help="At 1,000 lines/s.")] = 10,
    plots: Annotated[Path | None, typer.Option("--plots", help="A folder for a picture of each axis (SVG).")] = None,
    as_json: JsonOption = False,
) -> None:
    """One worker's rate, latency, memory, restore and disk as the state grows, along one axis at a time.

    Sizes are separated by commas; an empty list leaves an axis out.

    Example: ./shelf bench growth --rows 10000,100000,1000000,10000000 --stores "" --pools "" --plots out
    """
    from bench.growth import measure_growth
    from bench.plots import plot

    axes = {"rows": rows, "stores": stores, "pools": pools, "partitions": partitions}
    wanted = {axis: sizes(axis, text) for axis, text in axes.items() if text}

    def measure() -> Mapping[str, Any]:
        figures = measure_growth(wanted, lines, latency_seconds, tell)
        for path in plot(figures["curves"], plots) if plots else ():
            tell(f"wrote {path}")
        return figures

    report(measure, as_json, _print_growth)


def sizes(axis: str, text: str) -> list[int]:
    try:
        sizes = [int(size) for size in text.split(",")]
    except ValueError:
        fail(f"--{axis} takes whole numbers with commas between, not {text!r}")
    if min(sizes) < 1:
        fail(f"--{axis} takes numbers above zero, not {text!r}")
    return sizes


def report(
    measure: Callable[[], Mapping[str, Any]],
    as_json: bool,
    show: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    try:
        from bench.errors import BenchError
    except ModuleNotFoundError:
        fail("there are no benchmarks here: this command runs in a checkout of the repository")
    try:
        figures = measure()
    except BenchError as error:
        fail(str(error))
    if as_json:
        print(json.dumps(figures))
    else:
        (show or _print_figures)(figures)


def tell(line: str) -> None:
    typer.echo(f"· {line}", err=True)


def _print_engines(figures: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("engine", title=f"Median of {figures['rounds']} rounds on {figures['cpus']} CPUs")
    for heading in ("lines/s", "least to most", "of the limit", "x Faust's table", "CPU s per million lines"):
        table.add_column(heading, justify="right")
    for name, about in _ENGINES.items():
        rate = figures[f"{name}_lines_s"]
        table.add_row(
            about,
            f"{rate:,}",
            f"{figures[f'{name}_lines_s_min']:,} to {figures[f'{name}_lines_s_max']:,}",
            f"{rate / figures['limit_lines_s']:.2f}",
            f"{rate / figures['faust_table_lines_s']:.1f}",
            f"{figures[f'cpu_s_per_million_lines_{name}']:.1f}",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{figures['lines_audited']:,} lines of ours were read back: each was there once, and the sums agree."
    )


def _print_peers(figures: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    where = "engine and broker on a core each" if figures["pinned"] else "one core for all"
    table = Table("engine", title=f"Median of {figures['rounds']} rounds, {where}")
    headings = (
        "lines/s", "least to most", "ours is", "CPU s/M lines", "receipt lines/s", "ours is", "p50 ms", "p99 ms",
        "MiB", "restore s",
    )  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="right")

    def shown(key: str, form: str) -> str:
        return form.format(figures[key]) if key in figures else ""

    for name, about in _PEERS.items():
        if f"{name}_lines_s" in figures:
            spread = f"{figures[f'{name}_lines_s_min']:,} to {figures[f'{name}_lines_s_max']:,}"
            table.add_row(
                about,
                shown(f"{name}_lines_s", "{:,}"),
                spread,
                shown(f"ours_to_{name}_ratio", "{:.2f} x"),
                shown(f"cpu_s_per_million_lines_{name}", "{:.1f}"),
                shown(f"{name}_receipt_lines_s", "{:,}"),
                shown(f"ours_to_{name}_receipt_ratio", "{:.2f} x"),
                shown(f"{name}_latency_p50_ms", "{:.0f}"),
                shown(f"{name}_latency_p99_ms", "{:.0f}"),
                shown(f"{name}_rss_peak_mib", "{:,}"),
                shown(f"{name}_restore_s", "{:.1f}"),
            )
    Console(highlight=False, width=None if Console().is_terminal else 160).print(table)


def _print_growth(figures: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    for axis, points in figures["curves"].items():
        table = Table(title=f"Growing {axis}")
        for name in points[0]:
            table.add_column(name.replace("_", " "), justify="right")
        for point in points:
            table.add_row(*(f"{value:,}" for value in point.values()))
        Console(highlight=False).print(table)


_PEERS = {
    "limit": "consume and decode: the limit",
    "faust_table": "Faust table",
    "faust_table_same_outputs": "Faust table, same journal",
    "quix": "Quix Streams",
    "quix_same_outputs": "Quix Streams, same journal",
    "kafka_streams": "Kafka Streams",
    "kafka_streams_same_outputs": "Kafka Streams, same journal",
    "ours": "ours, its whole job",
    "limit_two_pools": "two pools: the limit",
    "kafka_streams_two_threads": "two pools: Kafka Streams, 2 threads",
    "kafka_streams_two_threads_same_outputs": "two pools: the same, same journal",
    "ours_two_pools": "two pools: ours",
}
_ENGINES = {
    "limit": "consume and decode: the limit",
    "faust_table": "Faust agent with a Table",
    "ours": "ours, exactly once",
    "limit_receipt": "the limit on receipts of 12 lines",
    "ours_receipt": "ours on receipts of 12 lines",
}


def _print_figures(figures: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", show_edge=False)
    table.add_column("", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int | float) else str(value))
    Console(highlight=False).print(table)
