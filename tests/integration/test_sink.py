"""A sink on SQLite."""

import pytest
from sqlalchemy import create_engine

from tests.support.sink_contract import SinkContract


class TestSqlite(SinkContract):
    @pytest.fixture
    def database(self, tmp_path):
        return f"sqlite:///{tmp_path}/sink.db"

    @pytest.fixture
    def engine(self, database):
        engine = create_engine(database)
        yield engine
        engine.dispose()
