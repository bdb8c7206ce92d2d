"""What a demo needs before it starts: options that make sense, settings that load, a directory that is ours."""

import os
import signal
import subprocess
import sys

import pytest

from commonshelf.config.connector_specs import connector_specs
from commonshelf.config.settings import Settings
from commonshelf.demo.consortium import consortium_of
from commonshelf.demo.data_folder import DataFolder, DataFolderError
from commonshelf.demo.options import DemoOptions
from connectors.specs import SecretSource
from world.region import Region


@pytest.mark.parametrize(
    "wrong",
    [
        {"stores": 0}, {"stores": 501}, {"stores": 35, "data": "completejourney"}, {"lines_per_second": 0.0},
        {"for_s": -1.0}, {"demand_multiplier": 0.0},
    ],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_named(wrong):
    name = next(iter(wrong))
    with pytest.raises(ValueError, match=f"--{name.removesuffix('_s').replace('_', '-')} is"):
        DemoOptions(**wrong)


def test_the_settings_of_the_consortium_load_again(tmp_path):
    consortium = consortium_of(Region(1), 0)
    settings = consortium.settings(tmp_path)
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    kinds = [store.connectors[0].kind for store in settings.stores]
    assert (kinds.count("webhook"), kinds.count("drop_folder")) == (28, 6)
    assert len(list(connector_specs(settings))) == 34
    assert not any(spec.store.is_replay for spec in connector_specs(settings))


def test_the_connectors_of_a_pool_on_its_data_s_clock_know_that_it_is_a_replay():
    store = {"id": "corner", "name": "The corner shop", "connectors": [{"kind": "drop_folder", "folder": "in"}]}
    pool = {"id": "town", "name": "Our town", "clock": "data"}
    (spec,) = connector_specs(Settings.model_validate({"pools": [pool], "stores": [store]}))
    assert spec.store.is_replay


def test_secrets_are_fresh_and_in_the_environment_only(tmp_path, monkeypatch):
    first, second = (consortium_of(Region(1, stores=3), 0) for _ in range(2))
    assert not set(first.secrets.values()) & set(second.secrets.values())
    settings = first.settings(tmp_path)
    for store in settings.stores:
        secret = first.secrets[store.id]
        assert secret not in settings.model_dump_json()
        assert secret not in repr(first)
        (name,) = store.connectors[0].secret_env
        monkeypatch.setenv(name, first.processes_env()[name])
        assert SecretSource(env=name).read() == secret.encode()
    (app,) = settings.partners
    assert first.processes_env()[app.secret_env[0]] == first.app_secret != second.app_secret
    assert first.app_secret not in settings.model_dump_json() + repr(first)


def test_each_item_and_each_plu_is_declared():
    region = Region(1, stores=2)
    records = consortium_of(region, 0).records
    loose = sum(item.plu is not None for item in region.items)
    assert len(records) == len(region.items) + loose + 2 + 1  # the counters and the agreement
    assert len({(type(record), record.key) for record in records}) == len(records)


def test_the_data_directory_is_gone_after_a_run(tmp_path):
    folder = DataFolder(tmp_path / "demo", keep=False)
    folder.prepare()
    (folder.path / "kafka").mkdir()
    folder.clear_away()
    assert not folder.path.exists()


def test_what_a_killed_run_left_is_cleared_before_the_next(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from commonshelf.demo.data_folder import DataFolder\n"
        "DataFolder(Path(sys.argv[1]), keep=False).prepare(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    left = tmp_path / "demo"
    assert subprocess.run([sys.executable, "-c", code, str(left)], check=False).returncode == -signal.SIGKILL
    (left / "kafka").mkdir()
    DataFolder(left, keep=False).prepare()
    assert not (left / "kafka").exists()


def test_a_second_demo_leaves_the_first_one_s_data_alone(tmp_path):
    first = DataFolder(tmp_path / "demo", keep=False)
    first.prepare()
    (first.path / "kafka").mkdir()
    with pytest.raises(DataFolderError, match=f"process {os.getpid()} runs a demo in .* already; stop it, or run"):
        DataFolder(tmp_path / "demo", keep=False).prepare()
    assert (first.path / "kafka").exists()
    first.clear_away()
    DataFolder(tmp_path / "demo", keep=False).prepare()


def test_kept_data_is_gone_on_with(tmp_path):
    first = DataFolder(tmp_path / "demo", keep=True)
    first.prepare()
    (first.path / "kafka").mkdir()
    first.clear_away()
    again = DataFolder(tmp_path / "demo", keep=True)
    again.prepare()
    assert (first.has_past, again.has_past) == (False, True)
    assert (again.path / "kafka").exists()


def test_kept_data_is_not_thrown_away_unasked(tmp_path):
    kept = DataFolder(tmp_path / "demo", keep=True)
    kept.prepare()
    kept.clear_away()
    with pytest.raises(DataFolderError, match="earlier `demo --keep`"):
        DataFolder(tmp_path / "demo", keep=False).prepare()


def test_other_peoples_files_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataFolderError, match="holds other data"):
        DataFolder(tmp_path, keep=False).prepare()
    DataFolder(tmp_path, keep=False).clear_away()
    assert (tmp_path / "thesis.tex").exists()
