"""The settlement process on SQLite, killed."""

import pytest

from tests.support.settlement_kills import SettlementKills, world  # noqa: F401  fixtures


class TestSqlite(SettlementKills):
    @pytest.fixture
    def database(self, tmp_path):
        return str(tmp_path / "settlement.sqlite3")
