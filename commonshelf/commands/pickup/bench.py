"""`bench pickup`: windows kept in a month, how long orders with a wish take, and how soon an app hears of them."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from commonshelf.commands.bench import JsonOption, report, tell


def pickup(
    orders: Annotated[int, typer.Option("--orders", min=10, help="Orders timed of each size.")] = 900,
    appointments: Annotated[int, typer.Option("--appointments", min=1, help="Open while ticks are timed.")] = 10_000,
    ticks: Annotated[int, typer.Option("--ticks", min=1, help="Ticks timed.")] = 200,
    events_per_second: Annotated[
        int, typer.Option("--events-per-second", min=1, help="Events of appointments of which an app is told.")
    ] = 50,
    seconds: Annotated[int, typer.Option("--seconds", min=0, help="Of that; 0 leaves it out.")] = 20,
    days: Annotated[int, typer.Option("--days", min=0, help="Of the month; 0 leaves it out.")] = 30,
    stores: Annotated[int, typer.Option("--stores", min=1, help="Shops of the month.")] = 4,
    orders_per_day: Annotated[int, typer.Option("--orders-per-day", min=1, help="Orders of each of them.")] = 8,
    seed: Annotated[int, typer.Option("--seed", help="Of the month.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Milliseconds of an order with a wish, from bytes to facts, and of a tick with many appointments open.

    At 34 stores x 5 lines and 60 x 30, each store with a counter and opening hours. Then a month of shops, half of them
    slower than they say: windows kept and their width, with learning, without, and with fixed windows of two hours.
    Then, with a Kafka of its own, from an appointment's event to an arrival app.

    Example: ./shelf bench pickup --json
    """

    def measure() -> Mapping[str, Any]:
        from bench.arrival import measure_webhooks
        from bench.pickup import measure_pickup
        from bench.pickup_month import measure_windows

        figures = measure_pickup(orders, appointments, ticks, tell)
        if days:
            figures |= measure_windows(seed, stores, days, orders_per_day, tell)
        return figures | measure_webhooks(events_per_second, seconds, tell) if seconds else figures

    report(measure, as_json)
