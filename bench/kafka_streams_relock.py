"""Write `kafka-streams-jars.lock` anew for a Kafka Streams release: `python -m bench.kafka_streams_relock 4.3.1`.

For maintainers: needs Maven's `mvn`, which resolves the dependencies and checks what it downloads.
"""

import sys

from bench.kafka_streams import LOCK_FILE
from commonshelf.embedded_kafka.relock import lock_lines

_HEADER = """\
# Kafka Streams {kafka} with Avro, and ecj, which compiles bench/java where Java comes without a compiler.
# SHA-256, size in bytes, Maven coordinates. Written by: python -m bench.kafka_streams_relock
"""
_JACKSON = "2.21.2"
# Codecs that no topic of the benchmark uses, and what Avro needs for files.
_UNUSED = {"commons-codec", "commons-compress", "commons-io", "commons-lang3", "snappy-java", "zstd-jni"}


def relock(kafka: str) -> str:
    """The lock file's text. Raises CalledProcessError when Maven cannot resolve it."""
    needed = [
        f"org.apache.kafka:kafka-streams:{kafka}",
        "org.apache.avro:avro:1.12.1",
        f"com.fasterxml.jackson.core:jackson-core:{_JACKSON}",
        f"com.fasterxml.jackson.core:jackson-databind:{_JACKSON}",
        "org.slf4j:slf4j-jdk14:1.7.36",
        "org.eclipse.jdt:ecj:3.38.0",
    ]
    return _HEADER.format(kafka=kafka) + lock_lines(needed, _UNUSED)


if __name__ == "__main__":
    LOCK_FILE.write_text(relock(sys.argv[1]), encoding="utf-8")
