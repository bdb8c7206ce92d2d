"""The settlement database on PostgreSQL."""

import pytest

from streams.settlement.store.database import postgresql_engine
from tests.support.postgresql import postgresql_fixture  # noqa: F401  a fixture
from tests.support.settlement_contract import SettlementContract, expected, journal  # noqa: F401  fixtures
from tests.support.settlement_kills import SettlementKills, world  # noqa: F401  fixtures

pytestmark = pytest.mark.needs_debian


class TestPostgresql(SettlementContract):
    @pytest.fixture
    def engine(self, postgresql):
        engine = postgresql_engine(postgresql[1], None)
        yield engine
        engine.dispose()


class TestPostgresqlKills(SettlementKills):
    @pytest.fixture
    def database(self, postgresql):
        return postgresql[1]
