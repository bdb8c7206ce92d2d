"""The peer: Kafka Streams, from `bench/java`, compiled when it is first needed."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.errors import BenchError
from bench.peer import Job, sku_names
from commonshelf.embedded_kafka.jars import cache_dir, fetch_jars, read_lock
from commonshelf.embedded_kafka.java import find_java
from schemas.codec import topic_codec
from schemas.registry import registry
from schemas.topics import POOL_JOURNAL, POS_SALES
from streams.pool.journal.facts import encode_applied, encode_plain_sale

LOCK_FILE = Path(__file__).with_name("kafka-streams-jars.lock")
_SOURCE = Path(__file__).parent / "java" / "PoolCounter.java"
_COMPILE_TIMEOUT_S = 120
_HEAP_MB = 1_024
_EMPTY_LINE_BYTES = 3
"""A line's number 0, an empty SKU, a change of 0: a byte each."""
_EMPTY_SALE_BYTES = 2
"""The kind of fact, and that no line follows."""


def command(job: Job, threads: int) -> list[str]:
    """The command that runs the job on so many stream threads; jars and classes are made ready before.

    Raises BenchError when the source does not compile, and what `fetch_jars` and `find_java` raise.
    """
    java = str(find_java().executable)
    jars = class_path()
    classes = compiled(_SOURCE)
    settings = job.folder / "kafka-streams.properties"
    job.folder.mkdir(parents=True, exist_ok=True)
    settings.write_text(_properties(job, threads), encoding="utf-8")
    flags = [f"-Xmx{_HEAP_MB}m"]
    return [java, *flags, "-cp", os.pathsep.join((str(classes), jars)), "PoolCounter", str(settings)]


def class_path() -> str:
    """The jars of Kafka's clients and Streams, Avro, and a compiler."""
    return os.pathsep.join(map(str, fetch_jars(read_lock(LOCK_FILE))))


def compiled(source: Path) -> Path:
    """The folder of the classes of a source, compiled against the jars: made once for each content of both.

    Raises BenchError when it does not compile, and what `fetch_jars` and `find_java` raise.
    """
    java, jars = str(find_java().executable), class_path()
    named = hashlib.sha256(source.read_bytes() + LOCK_FILE.read_bytes()).hexdigest()[:16]
    classes = cache_dir() / f"bench-java-{named}"
    if not classes.exists():
        with TemporaryDirectory(dir=cache_dir()) as folder:
            made = Path(folder) / "classes"
            compiler = [java, "-cp", jars, "org.eclipse.jdt.internal.compiler.batch.Main", "-17", "-proc:none"]
            run = subprocess.run(
                [*compiler, "-cp", jars, "-d", str(made), str(source)],
                capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, check=False,
            )  # fmt: skip
            if run.returncode != 0:
                raise BenchError(f"{source.name} does not compile: {(run.stderr or run.stdout).strip()}")
            try:
                made.rename(classes)
            except OSError:  # another process was first
                if not classes.exists():
                    raise
    return classes


def _properties(job: Job, threads: int) -> str:
    skus = job.folder / "skus.tsv"
    skus.write_text("".join(f"{code}\t{sku}\n" for code, sku in sku_names(job.items).items()), encoding="utf-8")
    schema = job.folder / "sale.avsc"
    schema.write_text(registry().latest(POS_SALES.name).text, encoding="utf-8")
    given: Mapping[str, object] = {
        "application.id": job.group,
        "bootstrap.servers": job.bootstrap_servers,
        "state.dir": job.state_dir,
        "num.stream.threads": threads,
        "processing.guarantee": "exactly_once_v2",
        "commit.interval.ms": job.commit_interval_ms,
        "statestore.cache.max.bytes": 64 << 20,
        "producer.compression.type": "lz4",
        "bench.sales": POS_SALES.name,
        "bench.schema": schema,
        "bench.skus": skus,
    }
    if job.journal:
        given = {
            **given,
            "bench.journal": job.journal,
            "bench.journal.header": topic_codec(POOL_JOURNAL.name).header.hex(),
            "bench.journal.after_line": encode_applied(0, "", 0)[_EMPTY_LINE_BYTES:].hex(),
            "bench.journal.after_lines": encode_plain_sale(b"", [])[_EMPTY_SALE_BYTES:].hex(),
        }
    return "".join(f"{name}={str(value).replace(chr(92), chr(92) * 2)}\n" for name, value in given.items())
