"""Addresses as they are lent to what calls a carrier: each refusal is told apart, and none has a word of one."""

import pytest

from commonshelf.config.settings import Settings
from commonshelf.desks.vault import DeliveryAddresses
from connectors.context import AddressGone
from connectors.contract import AccessRefused, Unavailable
from messaging.clock import wall_clock_ms
from streams.vault import Role, Vault, sqlite_engine
from tests.support.vault import DAY_MS, address, keys


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path)


def test_a_carrier_s_key_opens_an_address_until_it_is_erased(settings):
    vault, now_ms = Vault(sqlite_engine(settings.vault_file)), wall_clock_ms()
    key = keys(vault)
    reference = vault.put(key[Role.orders], address(1), now_ms + DAY_MS, now_ms)
    addresses = DeliveryAddresses(settings)
    assert addresses.open(key[Role.carriers], reference)["street"] == address(1).street
    with pytest.raises(AccessRefused, match="not_allowed"):
        addresses.open(key[Role.orders], reference)
    vault.erase(key[Role.privacy], reference, now_ms)
    with pytest.raises(AddressGone):
        addresses.open(key[Role.carriers], reference)


def test_a_vault_that_does_not_answer_is_asked_again_later(settings):
    settings.vault_file.parent.mkdir(parents=True)
    settings.vault_file.write_bytes(b"canary: no database")
    with pytest.raises(Unavailable) as raised:
        DeliveryAddresses(settings).open("a-key", "adr-0")
    assert "canary" not in str(raised.value)
