"""The settlement database of a busy pool, and the command that looks into it, without a Kafka."""

import shutil
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.config.settings import Settings
from commonshelf.desks import onboarding
from commonshelf.options import Where
from schemas.models.config import ConfigChange, PoolSettings, StoreSettings
from streams.settlement.store.database import migrate, reading, sqlite_engine
from tests.support.pool import OTHER_STORE, POOL, STORE
from tests.support.settlement import THIRD_STORE
from tests.support.settlement_store import busy, sink


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    file = tmp_path_factory.mktemp("settled") / "settlement.sqlite3"
    engine = sqlite_engine(file)
    migrate(engine)
    journal = busy().journal()
    with engine.begin() as connection:
        sink(journal).apply(connection, journal)
    engine.dispose()
    return file


@pytest.fixture
def settle(database, tmp_path, monkeypatch):
    """Runs `settle` on a copy of the database."""
    settings = Settings(data_dir=tmp_path)
    settings.settlement_file.parent.mkdir(parents=True)
    shutil.copy(database, settings.settlement_file)
    pools = [PoolSettings(name="North", currency="EUR")]
    stores = [StoreSettings(store=name, name=name.title()) for name in (STORE, OTHER_STORE, THIRD_STORE)]
    monkeypatch.setattr(Where, "connect", lambda _self: SimpleNamespace(settings=settings, kafka_options={}))
    changes = [ConfigChange(pool=POOL, recorded_at_ms=0, origin="test", change=one) for one in (*pools, *stores)]
    monkeypatch.setattr(onboarding, "config_changes", lambda _connection: changes)

    def call(*arguments):
        return CliRunner().invoke(app, ["settle", *arguments], env={"COLUMNS": "200"})

    return call


@pytest.fixture
def read(database):
    engine = sqlite_engine(database)
    with reading(engine) as connection:
        yield connection
    engine.dispose()
