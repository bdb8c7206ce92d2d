"""docs/consumers.md as its reader uses it: its consumer reads a running stack's journal, and kcat its table."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.kafka_streams import class_path, compiled
from commonshelf.embedded_kafka.java import find_java
from tests.support.shelf import CommandFolder, make_shelf
from tests.support.waiting import until

PAGE = (Path(__file__).parents[2] / "docs" / "consumers.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandFolder]:
    made = make_shelf(tmp_path_factory.mktemp("shelf"))
    made.up()
    made.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,7\n")
    made.sell("sales-1.csv", 1, 2)
    until(lambda: made.available_milli("MILK") == 5_000, "the sale in the table")
    yield made
    made.end(signal.SIGTERM)


def client_file(shelf: CommandFolder) -> Path:
    return shelf.data_dir / "run" / "client.properties"


def test_the_page_s_consumer_prints_what_was_sold(shelf, tmp_path):
    [script] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "consumer.py").write_text(script)
    command = [sys.executable, str(tmp_path / "consumer.py"), str(client_file(shelf)), shelf.runtime.urls["web"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as consumer:
        assert consumer.stdout is not None
        printed = consumer.stdout.readline()
        consumer.kill()
    pool, position, store, sku, delta = printed.split()
    assert (pool, store, sku, delta) == ("riverside", "anna", "MILK", "-2000")
    assert int(position) > 1


def test_the_page_s_java_prints_the_table(shelf, tmp_path):
    [program] = re.findall(r"^```java\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    source = tmp_path / "Shelves.java"
    source.write_text(program)
    path = os.pathsep.join((str(compiled(source)), class_path()))
    command = [find_java().executable, "-cp", path, "Shelves", client_file(shelf), shelf.runtime.urls["web"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as consumer:
        assert consumer.stdout is not None
        printed = consumer.stdout.readline()
        while printed and printed.split() != ["riverside/MILK/anna", "5000"]:
            printed = consumer.stdout.readline()
        consumer.kill()
    assert printed, "it ended before the row came"


def test_the_page_s_kcat_lists_topics_and_shows_keys(shelf):
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed; ./shelf test --all installs it")
    listing, keys = re.findall(r"^    (kcat .*)$", PAGE, re.MULTILINE)
    for command, shown in ((listing, "pool.journal.v1"), (keys, "riverside/MILK/anna at ")):
        told = command.replace(".commonshelf/run/client.properties", str(client_file(shelf)))
        done = subprocess.run(["bash", "-c", told], capture_output=True, text=True, check=True, timeout=120)
        assert shown in done.stdout
