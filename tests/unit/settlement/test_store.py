"""The settlement database on SQLite."""

import pytest

from streams.settlement.store.database import sqlite_engine
from tests.support.settlement_contract import SettlementContract, expected, journal  # noqa: F401  fixtures


class TestSqlite(SettlementContract):
    @pytest.fixture
    def engine(self, tmp_path):
        engine = sqlite_engine(tmp_path / "settlement" / "settlement.sqlite3")
        yield engine
        engine.dispose()
