"""Signed webhooks at a steady rate to one listener process: how soon Kafka's acknowledgement is answered.

Then one store floods it, and then it is killed meanwhile: what it had acknowledged must be in Kafka.
"""

import asyncio
import json
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.cluster import PARTITIONS, Cluster
from bench.errors import BenchError
from bench.figures import percentile
from bench.served import ServedProcess, exchange, free_ports
from commonshelf.config.settings import Kafka, Pool, Settings, Store
from commonshelf.config.web_settings import Http
from connectors.http.signature import HEADER, sign
from connectors.webhook.spec import Webhook
from schemas.codec import topic_codec
from schemas.topics import POS_SALES
from world.uniform import POOL

CONNECTIONS = 48
OVERLOAD_FACTOR = 10
KILLS = 3
_FLOODER = "flooder"
_SECRET_ENV = "BENCH_WEBHOOK_SECRET"  # noqa: S105  a name
_TIMEOUT_S = 30.0
_GTIN = "4006381333931"


@dataclass
class _Answers:
    """The answers that came back. latencies_ms: from when a request was due, of those that were acknowledged."""

    latencies_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    without_retry_after: int = 0
    broken_off: int = 0


def measure_webhook(
    requests_per_s: int, lines: int, stores: int, seconds: int, warm_up_s: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """The figures. Raises BenchError."""
    secret = secrets.token_hex(32)
    with Cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        port, pages_port = free_ports(2)
        settings = _settings(Path(folder), cluster.bootstrap_servers, port, pages_port, stores)
        file = Path(folder) / "settings.json"
        file.write_text(settings.model_dump_json())
        listener = ServedProcess("connectors", file, pages_port, {_SECRET_ENV: secret})
        try:
            listener.start()
            sender = _Sender(port, secret, [store.id for store in settings.stores[1:]], lines)
            tell(f"{requests_per_s} requests a second of {lines} lines for {seconds} s, after {warm_up_s} s")
            asyncio.run(sender.send(requests_per_s, warm_up_s, _Answers()))
            steady, cpu_before_s = _Answers(), listener.cpu_s()
            asyncio.run(sender.send(requests_per_s, seconds, steady))
            cpu_s, rss_mib = listener.cpu_s() - cpu_before_s, listener.rss_mib()
            tell(f"one more store sends {OVERLOAD_FACTOR} times as many for 10 s")
            flood, beside = _Answers(), _Answers()
            flooder = _Sender(port, secret, [_FLOODER], lines)
            asyncio.run(_at_once(flooder, OVERLOAD_FACTOR * requests_per_s, flood, sender, requests_per_s, beside))
            rss_flooded_mib = listener.rss_mib()
            tell("the first rate, and the process is killed three times meanwhile")
            killed = _Answers()
            asyncio.run(_killed_meanwhile(sender, listener, requests_per_s, killed))
        finally:
            listener.stop()
        stored = _stored(cluster)
    if not steady.latencies_ms:
        raise BenchError(f"nothing was acknowledged; the listener answered {dict(steady.statuses)}")
    acknowledged = steady.acknowledged | flood.acknowledged | beside.acknowledged | killed.acknowledged
    return {
        "requests_per_s": round(len(steady.latencies_ms) / seconds, 1),
        "lines_per_request": lines,
        "stores": stores,
        "requests_measured": sum(steady.statuses.values()),
        "acknowledged": steady.statuses[202],
        "latency_p50_ms": round(percentile(steady.latencies_ms, 50), 2),
        "latency_p99_ms": round(percentile(steady.latencies_ms, 99), 2),
        "latency_max_ms": round(max(steady.latencies_ms), 2),
        "cpu_percent": round(100 * cpu_s / seconds),
        "rss_mib": rss_mib,
        "flood_sent": sum(flood.statuses.values()),
        "flood_acknowledged": flood.statuses[202],
        "flood_told_to_wait": flood.statuses[429] + flood.statuses[503],
        "flood_without_retry_after": flood.without_retry_after,
        "flood_rss_mib": rss_flooded_mib,
        "others_acknowledged_in_flood": beside.statuses[202],
        "others_told_to_wait_in_flood": beside.statuses[429] + beside.statuses[503],
        "others_latency_p99_in_flood_ms": round(percentile(beside.latencies_ms, 99), 2),
        "acknowledged_around_the_kill": len(killed.acknowledged),
        "broken_off_by_the_kill": killed.broken_off,
        "acknowledged_and_not_in_kafka": len(acknowledged - stored),
    }


class _Sender:
    """Tills that send when it is time, whether or not the last answer is there."""

    def __init__(self, port: int, secret: str, stores: list[str], lines: int) -> None:
        self._port = port
        self._secret = secret.encode()
        self._stores = stores
        self._lines = lines
        self._number = 0
        self._run = secrets.token_hex(4)

    async def send(self, requests_per_s: int, seconds: float, answers: _Answers) -> None:
        due: asyncio.Queue[float | None] = asyncio.Queue()
        workers = [asyncio.create_task(self._work(due, answers)) for _ in range(CONNECTIONS)]
        began_s = time.perf_counter()
        for number in range(int(requests_per_s * seconds)):
            at_s = began_s + number / requests_per_s
            ahead_s = at_s - time.perf_counter()
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            due.put_nowait(at_s)
        for _ in workers:
            due.put_nowait(None)
        await asyncio.gather(*workers)

    async def _work(self, due: "asyncio.Queue[float | None]", answers: _Answers) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while (at_s := await due.get()) is not None:
            sale_id, request = self._request()
            try:
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", self._port)
                status, head = await asyncio.wait_for(exchange(*connection, request), _TIMEOUT_S)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                answers.broken_off += 1
                connection = None
                continue
            answers.statuses[status] += 1
            if status == httpx.codes.ACCEPTED:
                answers.acknowledged.add(sale_id)
                answers.latencies_ms.append(1000 * (time.perf_counter() - at_s))
            elif b"retry-after:" not in head:
                answers.without_retry_after += 1
            if b"connection: close" in head:
                connection[1].close()
                connection = None
        if connection is not None:
            connection[1].close()

    def _request(self) -> tuple[str, bytes]:
        self._number += 1
        sale_id = f"{self._run}/{self._number}"
        store = self._stores[self._number % len(self._stores)]
        lines = [
            {"line_id": str(at), "gtin": _GTIN, "quantity": "2", "unit_price": "1.99"}
            for at in range(1, self._lines + 1)
        ]
        occurred_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        body = json.dumps({"sales": [{"id": sale_id, "occurred_at": occurred_at, "lines": lines}]}).encode()
        head = (
            f"POST /webhooks/v1/{store} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"{HEADER}: {sign(self._secret, body, int(time.time()))}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return sale_id, head.encode() + body


async def _at_once(
    flooder: _Sender, flood_per_s: int, flood: _Answers, sender: _Sender, requests_per_s: int, beside: _Answers
) -> None:
    await asyncio.gather(flooder.send(flood_per_s, 10, flood), sender.send(requests_per_s, 10, beside))


async def _killed_meanwhile(sender: _Sender, listener: ServedProcess, requests_per_s: int, answers: _Answers) -> None:
    """Kills fall while requests are under way: some are produced and not answered yet."""
    for _ in range(KILLS):
        sending = asyncio.create_task(sender.send(requests_per_s, 2, answers))
        await asyncio.sleep(1)
        await asyncio.to_thread(listener.kill)
        await sending
        await asyncio.to_thread(listener.start)
    await sender.send(requests_per_s, 1, answers)


def _stored(cluster: Cluster) -> set[str]:
    """Ids of the sales that Kafka has."""
    decode = topic_codec(POS_SALES.name).decode
    return {decode(message.value())["source"]["id"] for message in cluster.read(POS_SALES.name)}


def _settings(folder: Path, bootstrap_servers: str, port: int, pages_port: int, stores: int) -> Settings:
    webhook = Webhook(secret_env=(_SECRET_ENV,))
    members = tuple(
        Store(id=name, name=name, pool=POOL, connectors=(webhook,))
        for name in (_FLOODER, *(f"store-{at}" for at in range(stores)))
    )
    return Settings(
        data_dir=folder,
        partitions=PARTITIONS,
        kafka=Kafka(bootstrap_servers=bootstrap_servers),
        http=Http(webhook_port=port, connectors_port=pages_port),
        pools=(Pool(id=POOL, name=POOL),),
        stores=members,
    )
