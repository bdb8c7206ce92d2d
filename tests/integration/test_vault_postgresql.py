"""The vault on a real PostgreSQL of its own, started for this test by an unprivileged user."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from streams.vault import Purpose, Role, Vault, postgresql_engine
from tests.support.living_files import entries
from tests.support.postgresql import postgresql_fixture  # noqa: F401  a fixture
from tests.support.vault import CANARY, DAY_MS, NOON_MS, address, audited, keys, refusal

pytestmark = pytest.mark.needs_debian


@pytest.fixture
def vault(postgresql):
    engine = postgresql_engine(postgresql[1], None)
    yield Vault(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE vault_callers, vault_addresses, vault_audit")
    engine.dispose()


def in_tables(folder: Path) -> bytes:
    base = folder / "data" / "base"
    return b"".join(read for _, read in entries(base, lambda path: path.read_bytes() if path.is_file() else b""))


def test_what_is_erased_is_in_no_table_file_any_more_and_the_rest_opens(postgresql, vault):
    key = keys(vault)
    references = [vault.put(key[Role.orders], address(at), NOON_MS + DAY_MS, NOON_MS) for at in range(20)]
    checkpoint = postgresql_engine(postgresql[1], None).connect().execution_options(isolation_level="AUTOCOMMIT")
    with checkpoint as connection:
        connection.exec_driver_sql("CHECKPOINT")
        assert all(CANARY.format(at).encode() in in_tables(postgresql[0]) for at in range(20))
        for reference in references[::2]:
            vault.erase(key[Role.privacy], reference, NOON_MS)
        connection.exec_driver_sql("CHECKPOINT")
    left = in_tables(postgresql[0])
    assert [at for at in range(20) if CANARY.format(at).encode() in left] == list(range(1, 20, 2))
    assert vault.open(key[Role.carriers], references[1], Purpose.deliver, NOON_MS) == address(1)
    assert refusal(lambda: vault.open(key[Role.carriers], references[0], Purpose.deliver, NOON_MS)) == (
        "unknown_reference"
    )
    assert [one[0] for one in audited(vault, references[0])] == ["put", "erase", "open"]


def test_two_that_sweep_at_once_erase_each_address_once(postgresql, vault):
    key = keys(vault)
    for at in range(20):
        vault.put(key[Role.orders], address(at), NOON_MS + at, NOON_MS)
    with ThreadPoolExecutor(4) as threads:
        erased = list(threads.map(lambda _: vault.erase_expired(NOON_MS + 9), range(4)))
    assert sum(erased) == 10
    assert sum(one.action == "expire" for one in vault.audit()) == 10


def test_the_commands_speak_to_the_database_that_the_settings_name(postgresql, vault, tmp_path):
    config = tmp_path / "shelf.toml"
    config.write_text(f'[vault]\ndatabase_url = "{postgresql[1]}"\n')
    given = CliRunner().invoke(app, ["vault", "allow", "city-bikes", "carriers", "--config", str(config)])
    assert given.exit_code == 0, given.output
    assert vault.callers() == [("city-bikes", "carriers")]


def test_a_database_that_is_away_is_one_sentence_without_what_was_asked(tmp_path):
    config = tmp_path / "shelf.toml"
    config.write_text(f'[vault]\ndatabase_url = "postgresql://vault@localhost/postgres?host={tmp_path}"\n')
    failed = CliRunner().invoke(app, ["vault", "sweep", "--config", str(config)])
    assert failed.exit_code == 1
    assert "check vault in the settings" in str(failed.exception)
