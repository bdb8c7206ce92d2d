"""Settlement on a PostgreSQL that is restarted, or has no space left, while a transaction is open."""

import shutil
import tempfile
from pathlib import Path

import pytest

from schemas.topics import POOL_JOURNAL
from streams.settlement.store.database import postgresql_engine
from tests.proof.torture.small_disk import CannotMountError, SmallDisk
from tests.support.pool import POOL
from tests.support.postgresql import PostgresqlServer
from tests.support.settlement_process import HeldProcess
from tests.support.settlement_store import busy, drop_all, folded, stored
from tests.support.waiting import until

pytestmark = pytest.mark.needs_debian
_DISK_MIB = 256


@pytest.fixture(scope="module")
def world():
    return busy(8)


@pytest.fixture
def pages(world):
    return [output.value for output in world.outputs if output.topic == POOL_JOURNAL.name]


@pytest.fixture
def disk():
    """A folder that is a disk of its own."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        disk = SmallDisk(folder / "data", _DISK_MIB)
    except CannotMountError as error:
        shutil.rmtree(folder)
        pytest.skip(f"no disk can be mounted here: {error}")
    yield disk
    disk.close()
    shutil.rmtree(folder)


@pytest.fixture
def server(disk):
    server = PostgresqlServer(disk.folder.parent, disk.folder)
    server.start()
    yield server
    server.stop()


def check(server, world):
    """It has each entry once."""
    engine = postgresql_engine(server.url, None)
    try:
        assert stored(engine, POOL) == folded(world.journal(), POOL)
        drop_all(engine)
    finally:
        engine.dispose()


def test_a_server_that_is_restarted_under_a_transaction_costs_nothing(server, pages, world, tmp_path):
    for hit in (1, 3):
        with HeldProcess(pages, server.url, hit, tmp_path / f"held-{hit}") as process:
            server.stop()
            process.go_on()
            until(process.is_away.is_set, "the process to see that the server is away")
            server.start()
            until(process.caught_up.is_set, "the journal's end")
        check(server, world)


def test_a_full_disk_costs_nothing(server, disk, pages, world, tmp_path):
    with HeldProcess(pages, server.url, 2, tmp_path / "held") as process:
        disk.fill()
        process.go_on()
        until(process.is_away.is_set, "the process to see that there is no space")
        disk.give_space()
        if not server.is_running():
            server.start()
        until(process.caught_up.is_set, "the journal's end")
    check(server, world)
