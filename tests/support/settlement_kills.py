"""The settlement process, killed anywhere: it leaves what an independent fold of the journal says."""

import pytest

from schemas.topics import POOL_JOURNAL
from tests.support.pool import POOL
from tests.support.settlement_process import catch_up, engine_of, kill_at_random
from tests.support.settlement_store import busy, drop_all, folded, stored

KILLS = 50


@pytest.fixture(scope="module")
def world():
    return busy(8)


class SettlementKills:
    """Give `database` as a fixture: an address of PostgreSQL, or a file."""

    @pytest.fixture
    def engine(self, database):
        engine = engine_of(database)
        yield engine
        drop_all(engine)
        engine.dispose()

    def test_killed_at_fifty_points_it_has_posted_each_entry_once(self, world, database, engine, tmp_path):
        pages = [output.value for output in world.outputs if output.topic == POOL_JOURNAL.name]
        hit = kill_at_random(pages, database, KILLS, 14, tmp_path / "killed", lambda: drop_all(engine))
        assert hit >= 10
        for _ in range(2):
            catch_up(pages, database)
            assert stored(engine, POOL) == folded(world.journal(), POOL)
