"""Workers of the last release are replaced one by one while tills sell: nothing is lost, nothing comes twice."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from bench import child
from bench.audit import last_values
from bench.cluster import Cluster
from bench.ledger import Ledger
from bench.scale import PoolWaits, check_each_once
from bench.tills import Tills
from messaging.journal import read_page
from schemas.topics import POOL_CHANGELOG, POOL_JOURNAL, POS_SALES, POS_STOCK
from streams.runtime.assignment import OFFSETS_ROW
from tests.proof.faults.replay import fold_again
from world.uniform import UniformPools, declarations, opening_stock

ROOT = Path(__file__).parents[3]
WORLD = UniformPools(stores=12, items=20, pools=6)
GROUP, NAMES = "upgrade", ("ledger-1", "ledger-2")


def git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout


def last_release() -> str:
    """The newest tag; while there is none, the commit from which on records have today's schemas."""
    try:
        return git("describe", "--tags", "--abbrev=0", "HEAD^").decode().strip()
    except subprocess.CalledProcessError:
        return git("log", "-1", "--format=%H", "--", "schemas/avro").decode().strip()


@pytest.fixture
def released(tmp_path):
    """The sources of the last release."""
    try:
        archive = git("archive", "--format=tar", last_release())
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no history here, as in an unpacked archive")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(tmp_path / "released", filter="data")
    return tmp_path / "released"


@pytest.mark.takes_minutes
@pytest.mark.timeout(900)
def test_a_rolling_upgrade_under_load_loses_and_repeats_nothing(released, tmp_path, monkeypatch):
    def start(sources: Path, name: str) -> Ledger:
        monkeypatch.setattr(child, "ROOT", sources)
        return Ledger(cluster, tmp_path, GROUP, name)

    with Cluster(WORLD.pool_names) as cluster:
        cluster.publish(declarations(WORLD))
        reports = cluster.publish(opening_stock(WORLD))
        workers = {name: start(released, name) for name in NAMES}
        try:
            for worker in workers.values():
                worker.wait_ready()
            cluster.wait_committed(GROUP, POS_STOCK.name, reports, workers[NAMES[0]].check)
            with PoolWaits(cluster, WORLD.pool_names) as waits, Tills(cluster, WORLD, 60) as tills:
                waits.settle()
                for name in NAMES:
                    workers[name].stop()
                    workers[name] = start(ROOT, name)
                    workers[name].wait_ready()
                    waits.settle()
                tills.stop()
                cluster.wait_committed(GROUP, POS_SALES.name, tills.sent, workers[NAMES[0]].check)
        finally:
            for worker in workers.values():
                worker.stop()
        check_each_once(cluster, tills.sent)
        rows = last_values(cluster, POOL_CHANGELOG.name)
        entries = [entry for message in cluster.read(POOL_JOURNAL.name) for entry in read_page(message.value())]
    kept = {key.decode(): row for key, row in rows.items() if key != OFFSETS_ROW.encode()}
    assert fold_again(entries) == kept
    assert tills.sent > 0
