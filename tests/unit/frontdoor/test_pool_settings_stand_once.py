"""A setting is changed where it is declared and nowhere else: the settings file, its page and the wire follow."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("schemas", "messaging", "connectors", "streams", "commonshelf")
DECLARED = {
    "hold_ttl_ms: int = setting(15, MINUTES, least=1, most=HOLD_TTL_MAX_MS // MINUTE_MS)":
        "hold_ttl_ms: int = setting(2, HOURS, least=1, most=100)",
    "max_distance_m: Annotated[int, Field(ge=0, le=100_000_000)] = 10_000":
        "max_distance_m: Annotated[int, Field(ge=0, le=70_000)] = 4_000",
    "How long goods are held for an order that is not confirmed.": "How long goods wait.",
}  # fmt: skip
ON_THE_WIRE = """
import json
from commonshelf.config.settings import Pool
from schemas.codec import topic_codec
from schemas.models.config import ConfigChange
change = ConfigChange(pool="p", recorded_at_ms=1, origin="test", change=Pool(id="p", name="P").declared())
codec = topic_codec("pool.config.v1")
print(json.dumps(codec.decode(codec.encode(change.to_avro()))["change"][1]))
"""


def run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources in which two settings are declared otherwise."""
    folder = tmp_path_factory.mktemp("sources")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "docs").mkdir()
    models = folder / "schemas" / "models" / "config.py"
    text = models.read_text()
    for declared, otherwise in DECLARED.items():
        assert text.count(declared) == 1
        text = text.replace(declared, otherwise)
    models.write_text(text)
    run(folder, "-m", "schemas.generate")
    (folder / "commonshelf.toml").write_text('[[pools]]\nid = "p"\nname = "P"\n')
    return folder


def test_the_page_of_settings_tells_it(changed):
    page = (changed / "docs" / "pool-settings.md").read_text()
    assert "| `hold_ttl_h` | `2` | 1 to 100 | How long goods wait. | `hold_ttl_ms` |" in page
    assert "| `max_distance_m` | `4000` | 0 to 70,000 |" in page


def test_config_show_tells_it(changed):
    shown = {row["setting"]: row for row in json.loads(run(changed, "-m", "commonshelf", "config", "show", "--json"))}
    assert shown["pools[0].hold_ttl_h"] == {"setting": "pools[0].hold_ttl_h", "value": 2, "origin": "default"}
    assert shown["pools[0].allocation.max_distance_m"]["value"] == 4_000
    assert "pools[0].hold_ttl_min" not in shown


def test_the_settings_file_is_held_to_it(changed):
    (changed / "wrong.toml").write_text('[[pools]]\nid = "p"\nname = "P"\nhold_ttl_h = 101\n')
    command = [sys.executable, "-m", "commonshelf", "config", "show", "--config", "wrong.toml"]
    refused = subprocess.run(command, cwd=changed, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "pools[0].hold_ttl_h is 101: it should be less than or equal to 100" in refused.stderr


def test_the_wire_carries_it(changed):
    settings = json.loads(run(changed, "-c", ON_THE_WIRE))
    assert settings["hold_ttl_ms"] == 2 * 3_600_000
    assert settings["allocation"]["max_distance_m"] == 4_000


def test_the_schema_has_it_as_its_default(changed):
    schema = (changed / "schemas" / "avro" / "pool.config.v1-value.avsc").read_text()
    (change,) = (field for field in json.loads(schema)["fields"] if field["name"] == "change")
    fields = {field["name"]: field for field in change["type"][0]["fields"]}
    assert (fields["hold_ttl_ms"]["default"], fields["hold_ttl_ms"]["doc"]) == (7_200_000, "How long goods wait.")
    assert fields["allocation"]["default"]["max_distance_m"] == 4_000
