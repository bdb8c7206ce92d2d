"""Traces where sales are sold: the record's header, and the spans that a collector gets, are of one trace."""

import gzip
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE
from messaging.log_reader import read_log
from messaging.traces import TRACING, trace_of
from schemas.topics import POS_SALES
from tests.support.waiting import until


@pytest.fixture
def collector():
    """Where spans go: its address, and the spans."""
    spans = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told = ExportTraceServiceRequest.FromString(
                gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            )
            spans.extend(span for part in told.resource_spans for scope in part.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", spans
        server.shutdown()


@pytest.fixture
def exporter(settings_file, collector, tmp_path):
    """The exporter, which traces everything."""
    env = os.environ | {
        WATCH_STDIN_VARIABLE: "1",
        "COMMONSHELF_TRACING_SHARE_PERMILLE": "1000",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector[0],
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with (tmp_path / "exporter.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "commonshelf", "worker", "exporter", "--config", str(settings_file)],
            env=env, stdin=subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            process.communicate()


def test_a_sale_and_its_spans_are_of_one_trace(shop, exporter, collector, monkeypatch):
    monkeypatch.setattr(TRACING, "share_permille", 1000)
    traces = {}

    def is_told():
        """Another sale each time: what came before the exporter followed the journal has no spans."""
        assert exporter.poll() is None
        sale = shop.sale(f"s{len(traces)}", ("sku:MILK", 1_000))
        traces[trace_of("sale", shop.pool, sale.id)] = sale.id
        shop.publish(sale)
        names = {(span.trace_id, span.name) for span in list(collector[1])}
        ids = [trace.trace_id.to_bytes(16, "big") for trace in traces]
        return [one for one in ids if {(one, "till"), (one, "journal")} <= names]

    (told, *_) = until(is_told, "the spans of a sale", pause_s=0.5)
    (trace,) = [one for one in traces if one.trace_id.to_bytes(16, "big") == told]
    till, journal = (
        next(span for span in collector[1] if (span.trace_id, span.name) == (told, name))
        for name in ("till", "journal")
    )
    assert (till.span_id, journal.parent_span_id) == (trace.span_id.to_bytes(8, "big"),) * 2
    headers = [
        dict(message.headers() or ())
        for message in read_log(shop.options, [POS_SALES.name])
        if message.key() == shop.pool.encode()
    ]
    assert {"traceparent": trace.traceparent.encode()} in headers
