"""The API beside sales: how many look-ups a second, how soon, how many live streams, and the start from nothing."""

import asyncio
import itertools
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.cluster import PARTITIONS, Cluster
from bench.errors import BenchError
from bench.figures import percentile
from bench.ledger import Ledger
from bench.served import ServedProcess, exchange, free_ports
from bench.tills import Tills
from commonshelf.config.settings import Kafka, Settings
from commonshelf.config.web_settings import Api, Http
from commonshelf.desks.access import make_key
from commonshelf.stack.connection import Connection
from schemas.codec import topic_codec
from schemas.topics import POOL_AVAILABILITY, POS_STOCK
from schemas.types.stock import Availability
from world.uniform import BASE_MS, POOL, Published, UniformPools, declarations, opening_stock, sku, store_id

_GROUP = "api"
_NO_LIMIT = 10_000_000
_STARTED_WITHIN_S = 300.0
_HEARD_WITHIN_S = 30.0


def measure_api(
    seconds: int, connections: int, items: int, per_second: int, listeners: int, lines_per_second: int, rows: int,
    tell: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Ask one process for `items` items at a time by `connections` connections, while tills sell and pages listen.

    How many it answers shows when each asks as soon as it was answered; how soon, when all together ask for
    `per_second` items a second, whatever becomes of the answers. Then start it without its tables, with `rows` shelves
    more to read. Raises BenchError.
    """
    pools = UniformPools()
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="shelf-bench-") as name:
        folder = Path(name)
        cluster.publish(declarations(pools))
        opening_records = cluster.publish(opening_stock(pools))
        port, pages_port = free_ports(2)
        settings = Settings(
            data_dir=folder, partitions=PARTITIONS, kafka=Kafka(bootstrap_servers=cluster.bootstrap_servers),
            http=Http(port=port, web_port=pages_port),
            api=Api(key_requests_per_minute=_NO_LIMIT, listeners_per_caller=listeners + 1),
        )  # fmt: skip
        file = folder / "settings.json"
        file.write_text(settings.model_dump_json())
        connection = Connection(settings, {"bootstrap.servers": cluster.bootstrap_servers})
        key = make_key(connection, POOL, "bench", ["shelves:read"], store_id(0))
        web = ServedProcess("http", file, pages_port, {})
        try:
            with Ledger(cluster, folder, _GROUP) as ledger:
                ledger.wait_ready()
                cluster.wait_committed(_GROUP, POS_STOCK.name, opening_records, ledger.check)
                web.start()
                tell(f"{connections} connections ask for {items} items, {lines_per_second} lines/s, for {seconds} s")
                with Tills(cluster, pools, lines_per_second) as tills:
                    cpu_before_s = web.cpu_s()
                    most = asyncio.run(_look_up(port, key.token, pools, connections, items, seconds))
                    cpu_s = web.cpu_s() - cpu_before_s
                    tell(f"{per_second} items a second, for {seconds} s")
                    gap_s = connections * items / per_second
                    soon = asyncio.run(_look_up(port, key.token, pools, connections, items, seconds, gap_s))
                    tell(f"{listeners} live streams beside")
                    heard = asyncio.run(_listen(port, key.token, listeners))
                    rss_mib = web.rss_mib()
                    tills.stop()
            web.stop()
            tell(f"a start from nothing with {rows} rows more")
            cluster.publish(_shelves(rows))
            shutil.rmtree(settings.state_dir("http"))
            began_s = time.monotonic()
            web.start(_STARTED_WITHIN_S)
            cold_start_s = time.monotonic() - began_s
        finally:
            web.stop()
    return {
        "lookups_per_s": round(items * len(most) / seconds),
        "requests_per_s": round(len(most) / seconds),
        "lookups_asked_per_s": per_second,
        "lookup_p50_ms": round(percentile(soon, 50), 1),
        "lookup_p99_ms": round(percentile(soon, 99), 1),
        "items_per_request": items,
        "connections": connections,
        "cpu_percent": round(100 * cpu_s / seconds),
        "listeners": heard,
        "listeners_asked": listeners,
        "rss_mib": rss_mib,
        "sale_lines_per_second": lines_per_second,
        "sale_lines_sent": tills.sent,
        "cold_start_s": round(cold_start_s, 1),
        "cold_start_rows": rows,
        "measured_s": seconds,
    }


async def _look_up(
    port: int, token: str, pools: UniformPools, connections: int, items: int, seconds: int, gap_s: float = 0.0
) -> list[float]:
    """Milliseconds of each answer, from when it was due.

    gap_s: from one request of a connection to its next. One that is late for want of an answer counts as late; without
    a gap a request is due when the one before is answered.
    """
    took_ms: list[float] = []
    began_s = time.perf_counter()
    end_s = began_s + seconds

    async def ask(number: int) -> None:
        choice = random.Random(number)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        due_s = began_s + gap_s * number / connections
        while (now_s := time.perf_counter()) < end_s:
            begun_s = due_s if gap_s else now_s
            await asyncio.sleep(max(0.0, begun_s - now_s))
            due_s += gap_s
            wanted = "&".join(f"sku={sku(choice.randrange(pools.items))}" for _ in range(items))
            status, _ = await exchange(reader, writer, _request(f"availability?{wanted}", token))
            if status != 200:
                raise BenchError(f"a look-up was answered {status}")
            took_ms.append(1000 * (time.perf_counter() - begun_s))
        writer.close()

    await asyncio.gather(*map(ask, range(connections)))
    return took_ms


async def _listen(port: int, token: str, listeners: int) -> int:
    """How many of that many live streams, all open at once, have heard of a change."""
    heard = 0
    have_all = asyncio.Event()

    async def hear() -> None:
        nonlocal heard
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request("events", token))
        with suppress(TimeoutError, asyncio.IncompleteReadError, OSError):
            async with asyncio.timeout(_HEARD_WITHIN_S):
                while not (await reader.readuntil(b"\n")).startswith(b"data:"):
                    pass
                heard += 1
                if heard == listeners:
                    have_all.set()
                await have_all.wait()
        writer.close()

    await asyncio.gather(*(hear() for _ in range(listeners)))
    return heard


def _request(path: str, token: str) -> bytes:
    return (
        f"GET /v1/pools/{POOL}/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()


def _shelves(rows: int) -> Iterator[Published]:
    """Rows of shelves of a pool that is nowhere else."""
    encode = topic_codec(POOL_AVAILABILITY.name).encode
    for item, store in itertools.islice(itertools.product(range(rows), range(34)), rows):
        row: Availability = {
            "pool": "many", "sku": sku(item), "store": store_id(store), "unit": "each", "available_milli": 5_000,
            "on_hand_milli": 6_000, "safety_stock_milli": 0, "confidence_permille": 900, "recorded_at_ms": BASE_MS,
            "appended_at_ms": BASE_MS, "position": 1, "held_milli": 0, "not_found_milli": 0,
            "contribution_milli": 5_000,
        }  # fmt: skip
        yield POOL_AVAILABILITY.name, f"many/{row['sku']}/{row['store']}", encode(row)
