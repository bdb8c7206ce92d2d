"""A sink on PostgreSQL."""

import pytest
from sqlalchemy import create_engine

from tests.support.postgresql import postgresql_fixture  # noqa: F401  a fixture
from tests.support.sink_contract import SinkContract

pytestmark = pytest.mark.needs_debian


class TestPostgresql(SinkContract):
    @pytest.fixture
    def database(self, postgresql):
        return postgresql[1].replace("postgresql:", "postgresql+psycopg:")

    @pytest.fixture
    def engine(self, database):
        engine = create_engine(database)
        yield engine
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS sink_positions, sold_lines")
        engine.dispose()
