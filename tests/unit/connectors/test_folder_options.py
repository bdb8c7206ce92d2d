"""A drop folder's options: the mapping may stand in a file of its own."""

import pytest
from pydantic import ValidationError

from connectors.drop_folder.client import spec_of
from connectors.drop_folder.spec import MAPPING_OPTIONS, FolderOptions
from tests.support.connectors import GROCER

MAPPING = 'columns = { "Anzahl" = "quantity" }\ntime_format = "%d/%m/%Y %H:%M"\n'


def options(tmp_path, mapping, **given):
    (tmp_path / "mapping.toml").write_text(mapping)
    raw = {"kind": "drop_folder", "folder": "in", "mapping_file": "mapping.toml"} | given
    return FolderOptions.model_validate(raw, context={"base": tmp_path})


def test_a_mapping_file_says_what_the_options_would(tmp_path):
    spec = spec_of(options(tmp_path, MAPPING, settle_ms=0), GROCER)
    assert (spec.columns, spec.time_format, spec.settle_ms) == ({"Anzahl": "quantity"}, "%d/%m/%Y %H:%M", 0)


@pytest.mark.parametrize(
    ("mapping", "given", "reason"),
    [
        (MAPPING, {"columns": {}}, "columns is given here and in mapping_file"),
        ("folder = 'x'", {}, "sets 'folder'; it may set columns"),
        ("columns = {'a' = 'b'}", {}, "maps 'a' to 'b'"),
        ("columns", {}, "cannot be read"),
        (MAPPING, {"mapping_file": "missing.toml"}, "missing.toml cannot be read"),
        (MAPPING, {"mapping_file": 7}, "valid path"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_one_clear_sentence(tmp_path, mapping, given, reason):
    with pytest.raises(ValidationError, match=reason):
        options(tmp_path, mapping, **given)


def test_a_mapping_file_may_say_all_that_says_how_tables_are_read():
    of_the_folder = {"kind", "folder", "mapping_file", "settle_ms", "scan_interval_s"}
    assert set(MAPPING_OPTIONS) == FolderOptions.model_fields.keys() - of_the_folder
