"""The drop folder as an installed connector."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, model_validator

from connectors.drop_folder.settings import TABLE_FIELDS, FileKind, StatusWord
from connectors.installed import ConnectorType
from connectors.specs import ConnectorOptions, FilePath, located
from schemas.models.base import Text
from schemas.models.pos import Unit

MAPPING_OPTIONS = ("columns", "file_kinds", "time_format", "decimal_mark", "status_words", "unit_words", "default_unit")
"""The options that say how the tables of a folder are read."""


class FolderOptions(ConnectorOptions):
    """A folder into which a till drops its exports. The options are those of `settings.DropFolderSpec`."""

    kind: Literal["drop_folder"] = "drop_folder"
    folder: FilePath
    mapping_file: FilePath | None = None
    """A TOML file with the options of MAPPING_OPTIONS, as `connect guess` writes it."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Header in the till's file → our column, where the names differ from the usual ones."""
    file_kinds: dict[str, FileKind] = Field(default_factory=dict)
    """How a file's name begins → what it holds, besides the usual prefixes."""
    time_format: Text | None = None
    decimal_mark: Literal["auto", ".", ","] = "auto"
    status_words: dict[str, StatusWord] = Field(default_factory=dict)
    """Word of the till's own in a column of states → what it means."""
    default_unit: Unit = Unit.each
    settle_ms: Annotated[int, Field(ge=0, le=600_000)] = 1_000
    scan_interval_s: Annotated[int, Field(ge=1, le=3_600)] = 60

    def folders(self) -> tuple[Path, ...]:
        return (self.folder,)

    def resolved(self) -> Self:
        return self.model_copy(update={"mapping_file": None})

    @model_validator(mode="before")
    @classmethod
    def _with_mapping_file(cls, raw: Any, info: ValidationInfo) -> Any:
        if not isinstance(raw, dict) or not isinstance(raw.get("mapping_file"), str | Path):
            return raw
        path = located(Path(raw["mapping_file"]), info)
        try:
            mapping = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ValueError(f"mapping_file {path} cannot be read: {error}") from error
        for name in mapping:
            if name not in MAPPING_OPTIONS:
                raise ValueError(f"mapping_file {path} sets {name!r}; it may set {', '.join(MAPPING_OPTIONS)}")
            if name in raw:
                raise ValueError(f"{name} is given here and in mapping_file {path}; keep one of them")
        return raw | mapping

    @model_validator(mode="after")
    def _columns_are_known(self) -> Self:
        for header, column in self.columns.items():
            if column not in TABLE_FIELDS:
                raise ValueError(f"columns maps {header!r} to {column!r}; use one of {', '.join(TABLE_FIELDS)}")
        return self


CONNECTOR = ConnectorType(
    "drop_folder",
    "Files that a till drops into a folder: CSV, Excel workbooks, POSLog.",
    FolderOptions,
    "connectors.drop_folder.client:make",
)
