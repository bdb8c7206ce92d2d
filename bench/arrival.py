"""From an appointment's event to the arrival app: how soon an app has it, through Kafka and the log of calls."""

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from bench.cluster import PARTITIONS, Cluster
from bench.errors import BenchError
from bench.figures import percentile
from commonshelf.config.settings import Kafka, Pool, Settings
from commonshelf.desks.partners import callers
from connectors.arrival.spec import Arrival
from schemas.codec import topic_codec
from schemas.partition import partition_of
from schemas.topics import PICKUP_APPOINTMENTS
from world.uniform import POOL

_SECRET_ENV = "BENCH_ARRIVAL_SECRET"  # noqa: S105  a name
_WARM_UP_S = 5
_PATIENCE_S = 300.0
_SLOT_MS = 900_000
_STATUSES = ("booked", "ready", "handed_over")


def measure_webhooks(events_per_s: int, seconds: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Figures of events at a steady rate: each appointment is booked, ready and handed over. Raises BenchError."""
    os.environ[_SECRET_ENV] = secrets.token_hex(32)
    tell(f"{events_per_s} events of appointments a second for {seconds} s, after {_WARM_UP_S} s")
    with Cluster() as cluster, _App() as app, TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            partitions=PARTITIONS,
            kafka=Kafka(bootstrap_servers=cluster.bootstrap_servers),
            pools=(Pool(id=POOL, name=POOL),),
            partners=(Arrival(id="app", pool=POOL, url=app.url, secret_env=(_SECRET_ENV,)),),
        )
        stop = threading.Event()
        threads = [
            threading.Thread(target=run, args=(stop,)) for run in callers(settings, CollectorRegistry()).values()
        ]
        for thread in threads:
            thread.start()
        try:
            app.wait_for(_send(cluster, len(_STATUSES), 1, "first"))  # then the caller follows, and may write
            sent = _send(cluster, events_per_s, seconds + _WARM_UP_S, "o")
            app.wait_for(each for each in sent if each[1] == len(_STATUSES))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    began_s = min(sent.values()) + _WARM_UP_S
    late_ms = [1_000 * (app.got[key] - at_s) for key, at_s in sent.items() if at_s >= began_s and key in app.got]
    return {
        "webhook_events": len(late_ms),
        "webhook_p50_ms": round(percentile(late_ms, 50), 1),
        "webhook_p99_ms": round(percentile(late_ms, 99), 1),
        "webhook_max_ms": round(max(late_ms), 1),
        "webhook_calls_again": app.calls - len(app.got),
        "webhook_passed_over": sum(key not in app.got for key in sent),
    }


class _App:
    """An arrival app that answers at once."""

    def __init__(self) -> None:
        self.got: dict[tuple[str, int], float] = {}
        self.calls = 0
        self._came = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, body: bytes) -> None:
        """Note when the app has which state of an appointment."""
        at_s, message = time.perf_counter(), json.loads(body)
        with self._came:
            self.calls += 1
            self.got.setdefault((message["order"], _STATUSES.index(message["status"]) + 1), at_s)
            self._came.notify_all()

    def wait_for(self, wanted: Iterable[tuple[str, int]]) -> None:
        """Wait until it has these states of appointments. Raises BenchError."""
        missing = set(wanted)
        with self._came:
            if not self._came.wait_for(lambda: missing <= self.got.keys(), _PATIENCE_S):
                raise BenchError(f"the app was not told {len(missing - self.got.keys())} states of appointments")


def _handler(app: _App) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            app.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    return Handler


def _send(cluster: Cluster, events_per_s: int, seconds: int, name: str) -> dict[tuple[str, int], float]:
    """When each state of each appointment was handed to Kafka: an appointment's states are a second apart."""
    producer = Producer({**cluster.options, "linger.ms": 0, "acks": "all"})
    encode, partition = topic_codec(PICKUP_APPOINTMENTS.name).encode, partition_of(POOL, PARTITIONS)
    sent: dict[tuple[str, int], float] = {}
    states = len(_STATUSES)
    count = events_per_s * seconds // states * states
    orders_at_once = max(1, events_per_s)
    began_s = time.perf_counter()
    for number in range(count):
        ahead_s = began_s + number / events_per_s - time.perf_counter()
        if ahead_s > 0:
            time.sleep(ahead_s)
        round_, place = divmod(number, orders_at_once * states)
        order, sequence = f"{name}{round_}-{place % orders_at_once}", place // orders_at_once + 1
        row = _row(order, _STATUSES[sequence - 1], number)
        producer.produce(PICKUP_APPOINTMENTS.name, encode(row), f"{POOL}/{order}/mill", partition)
        sent[order, sequence] = time.perf_counter()
        producer.poll(0)
    producer.flush(_PATIENCE_S)
    return sent


def _row(order: str, status: str, position: int) -> dict[str, Any]:
    now_ms = int(time.time() * 1_000)
    return {
        "pool": POOL, "order": order, "store": "mill", "place": "mill", "status": status, "change": status,
        "slot_ms": now_ms, "is_late": False, "window_from_ms": now_ms, "window_until_ms": now_ms + _SLOT_MS,
        "booked_until_ms": now_ms + _SLOT_MS, "deadline_ms": now_ms + _SLOT_MS, "customer": "", "customer_at_ms": 0,
        "eta_ms": 0, "code_digest": None, "wrong_codes": [], "reports": [], "reports_forgotten_ms": 0,
        "booked_at_ms": now_ms, "ready_at_ms": 0, "ended_at_ms": 0, "forget_at_ms": 0, "position": position,
    }  # fmt: skip
