"""What the settings let pass, `up` runs: they read back, do not clash, and what they name is there."""

import re

import pytest

from commonshelf.config.preflight import blockers, new_folders
from commonshelf.config.resolved import UnreadableSettingsError, read_resolved, resolved_text
from commonshelf.config.sources import SettingsError, load
from connectors.drop_folder.spec import FolderOptions
from tests.support.every_option import ENV, options_left_out, write_every_option

POOL = '[[pools]]\nid = "p"\nname = "P"\n'


def loaded(folder, text, env=None):
    file = folder / "shelf.toml"
    file.write_text(text)
    return load(file, env=env or {}).settings


def stores(*connectors):
    return POOL + "".join(
        f'[[stores]]\nid = "s{at}"\nname = "S"\n[[stores.connectors]]\n{each}\n' for at, each in enumerate(connectors)
    )


def partners(*options, pool=POOL):
    return pool + "".join(f'[[partners]]\nid = "p{at}"\nkind = "arrival"\n{each}\n' for at, each in enumerate(options))


def folder_at(path):
    return f'kind = "drop_folder"\nfolder = "{path}"'


def test_every_option_of_every_connector_reads_back_as_it_is_set(tmp_path):
    file = write_every_option(tmp_path)
    assert options_left_out(file) == set(), "tests/support/every_option.py lacks an option"
    settings = load(file, env={}).settings
    (tmp_path / "settings.json").write_text(resolved_text(settings))
    (tmp_path / "mapping.toml").unlink()
    read = read_resolved(tmp_path / "settings.json")
    two = read.stores[1].connectors[0]
    assert isinstance(two, FolderOptions)
    assert (two.columns, two.time_format) == ({"Cantidad": "quantity"}, "%d/%m/%Y")
    assert [each.connectors for each in read.stores if each.id != "s1"] == [
        each.connectors for each in settings.stores if each.id != "s1"
    ]
    assert list(blockers(load(write_every_option_again(tmp_path), env={}).settings, ENV)) == []


def write_every_option_again(folder):
    (folder / "mapping.toml").write_text('columns = { "Cantidad" = "quantity" }\n')
    return folder / "commonshelf.toml"


@pytest.mark.parametrize(("content", "says"), [("{", "of another version"), (None, "cannot be read")])
def test_a_stacks_settings_that_cannot_be_read_are_one_sentence(tmp_path, content, says):
    if content is not None:
        (tmp_path / "settings.json").write_text(content)
    with pytest.raises(UnreadableSettingsError, match=rf"{says}.*start it again"):
        read_resolved(tmp_path / "settings.json")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[http]\nport = 9000\nwebhook_port = 9000\n", "http.port and http.webhook_port are both port 9000"),
        ("[http]\nport = 9000\nagents_port = 9000\n", "http.port and http.agents_port are both"),
        ("[http]\nsettlement_port = 9000\nconnectors_port = 9000\n", "both port 9000"),
        ("[http]\nledger_port = 9000\nagents_port = 9001\n[ledger]\nworkers = 2\n", "worker 2"),
        ("[http]\nport = 9000\n[kafka]\nembedded_port = 9000\n", "kafka.embedded_port"),
        ('[http]\nport = 9000\nwebhook_port = 9000\nwebhook_host = "0.0.0.0"\n', "webhook_port"),
    ],
)
def test_two_servers_on_one_port_are_refused(tmp_path, text, says):
    with pytest.raises(SettingsError, match=says):
        loaded(tmp_path, text)


def test_ports_of_different_addresses_and_ports_that_are_picked_do_not_clash(tmp_path):
    hosts = 'host = "127.0.0.1"\nwebhook_host = "127.0.0.2"\n'
    loaded(tmp_path, f"[http]\nport = 9000\nwebhook_port = 9000\nagents_port = 0\nledger_port = 0\n{hosts}")


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("drop", "drop", "are one folder"), ("drop", "./x/../drop", "are one folder"),
        ("drop", "link", "are one folder"),
        ("drop", "drop/b", "lie one inside the other"), ("drop/done", "drop", "lie one inside the other"),
        ("link/b", "drop", "lie one inside the other"),
    ],
)  # fmt: skip
def test_two_connectors_may_not_share_a_folder(tmp_path, first, second, says):
    (tmp_path / "drop").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "drop")
    with pytest.raises(SettingsError, match=rf"of store s1 and .* of store s0 {says}"):
        loaded(tmp_path, stores(folder_at(first), folder_at(second)))


def test_folders_whose_names_begin_alike_are_two(tmp_path):
    loaded(tmp_path, stores(folder_at("drop"), folder_at("drop2")))


def test_a_store_has_one_connector_of_a_kind(tmp_path):
    both = f"{folder_at('a')}\n[[stores.connectors]]\n{folder_at('b')}"
    with pytest.raises(SettingsError, match="two connectors of the kind drop_folder"):
        loaded(tmp_path, stores(both))


def found(settings, env=None):
    return [each.found.replace("\n", " ") for each in blockers(settings, env or {})]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'{POOL}catalog_files = ["no.csv"]\n', "no.csv cannot be read"),
        (f'{POOL}[[stores]]\nid = "a"\nname = "A"\ncode_files = ["no.csv"]\n', "no.csv cannot be read"),
        (stores('kind = "webhook"\nsecret_env = "NO_SUCH"'), "the webhook secret of store s0 is missing"),
        (stores('kind = "webhook"\nsecret_file = "no"'), "the webhook secret of store s0 is missing in file"),
        (partners('secret_env = "NO_SUCH"'), "the secret of partner p0 is missing in environment variable NO_SUCH"),
        ('[kafka]\nbootstrap_servers = "k:1"\nsecurity_protocol = "SSL"\nca_file = "no"\n', "kafka.ca_file"),
        ('[vault]\npassword_file = "no"\n', "vault.password_file"),
        ('[settlement]\npassword_file = "no"\n', "settlement.password_file"),
        (stores(folder_at("file/drop")), "file, in the path of a folder of store s0, is no folder"),
        (stores(folder_at("shelf.toml")), "is no folder"),
        (stores(folder_at("taken")), "taken/done is not a folder"),
    ],
)
def test_what_settings_name_and_is_not_there_is_found_before_the_start(tmp_path, text, says):
    (tmp_path / "file").write_text("")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "done").write_text("")
    (sentence,) = found(loaded(tmp_path, text))
    assert says in sentence


def test_a_folder_that_is_made_at_the_start_is_told(tmp_path):
    assert new_folders(loaded(tmp_path, stores(folder_at("drop")))) == [tmp_path / "drop"]


def test_a_mapping_file_that_is_missing_is_told_by_all(tmp_path):
    with pytest.raises(SettingsError, match=r"mapping_file .*no\.toml cannot be read"):
        loaded(tmp_path, stores(f'{folder_at("drop")}\nmapping_file = "no.toml"'))


SECRET = 'secret_env = "APP"'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (partners(""), "a partner needs secret_env"),
        (partners(f'{SECRET}\nurl = "app.example"'), "begins with https://"),
        (partners(f'{SECRET}\npool = "far"'), "partner p0 names the pool 'far', which is not declared"),
        (partners(SECRET, f'{SECRET}\nid = "p0"').replace('id = "p1"\n', ""), "the id p0 is given twice"),
        (partners(f"{SECRET}\nsecrets = 1"), "secrets do not belong in this file"),
        (partners(f"{SECRET}\nurll = 1"), "did you mean url?"),
        (partners(SECRET, pool=""), "which is not declared (none is declared)"),
    ],
)
def test_a_partner_that_cannot_be_called_is_refused(tmp_path, text, says):
    with pytest.raises(SettingsError, match=re.escape(says)):
        loaded(tmp_path, text)


def test_a_partner_without_an_address_is_run_by_the_stack_and_reads_back_as_it_is_set(tmp_path):
    settings = loaded(tmp_path, partners(SECRET, f'{SECRET}\nurl = "https://app.example/hooks/"'))
    assert [(one.pool, one.is_hosted, one.url) for one in settings.partners] == [
        ("p", True, None), ("p", False, "https://app.example/hooks"),
    ]  # fmt: skip
    (tmp_path / "settings.json").write_text(resolved_text(settings))
    assert read_resolved(tmp_path / "settings.json").partners == settings.partners


def carriers(*stores, pools=("p", "p")):
    text = "".join(f'[[pools]]\nid = "{pool}"\nname = "P"\n' for pool in dict.fromkeys(pools))
    for at, (pool, named) in enumerate(zip(pools, stores, strict=True)):
        text += f'[[partners]]\nid = "c{at}"\nkind = "carrier"\npool = "{pool}"\nurl = "https://c.example"\n{SECRET}\n'
        text += "" if named is None else f"stores = {list(named)}\n"
    return text


@pytest.mark.parametrize(
    ("stores", "says"),
    [
        ((None, None), "the carriers c0 and c1 both carry for all stores, and a delivery is told to one"),
        ((("hill", "mill"), ("mill", "lake")), "both carry for mill, and"),
        ((None, ("mill", "lake")), "both carry for lake, mill, and"),
        ((("lake",), None), "name in stores of each those for which it alone carries"),
    ],
)
def test_two_carriers_that_would_both_come_for_a_delivery_are_refused(tmp_path, stores, says):
    with pytest.raises(SettingsError, match=re.escape(says)):
        loaded(tmp_path, carriers(*stores))


def test_carriers_of_other_stores_or_pools_and_apps_of_one_pool_stand_side_by_side(tmp_path):
    assert len(loaded(tmp_path, carriers(("hill",), ("mill",))).partners) == 2
    assert len(loaded(tmp_path, carriers(None, None, pools=("p", "q"))).partners) == 2
    assert len(loaded(tmp_path, partners(SECRET, SECRET)).partners) == 2
