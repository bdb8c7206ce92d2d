"""The types of file that a folder takes, by the ending of their names."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from connectors.drop_folder.batch import Batch, FileReadContext
from connectors.drop_folder.csv_file import preset_of_csv, read_csv, sample_csv
from connectors.drop_folder.documents import NoDocuments
from connectors.drop_folder.guess import Sample
from connectors.drop_folder.memory import DictMemory
from connectors.drop_folder.poslog_file import read_poslog, survey_poslog
from connectors.drop_folder.preset import Preset
from connectors.drop_folder.settings import DropFolderSpec, FileKind
from connectors.drop_folder.survey import Survey, survey_text
from connectors.drop_folder.workbook import preset_of_workbook, read_workbook, sample_workbook, survey_workbook

Reader = Callable[[BinaryIO, FileReadContext], Iterator[Batch]]


@dataclass(frozen=True, slots=True)
class Format:
    """A type of file.

    survey: a first look at the whole file, raises FileRefused. read: events and problems in the file's order; the same
    content gives the same batches; raises FileRefused. kind: what such a file holds; None where its name says so.
    sample: of a table, for a guess at its columns. preset: the well-known export that a table is; None when it is none.
    """

    survey: Callable[[BinaryIO], Survey]
    read: Reader
    kind: FileKind | None = None
    sample: Callable[[BinaryIO, Survey], Sample] | None = None
    preset: Callable[[BinaryIO, Survey], Preset | None] | None = None


FORMATS: Mapping[str, Format] = {
    ".csv": Format(survey_text, read_csv, sample=sample_csv, preset=preset_of_csv),
    ".xlsx": Format(survey_workbook, read_workbook, sample=sample_workbook, preset=preset_of_workbook),
    ".xml": Format(survey_poslog, read_poslog, "sales"),
}


def format_of(name: str) -> Format:
    """The format of a file by its name; what ends otherwise is taken for CSV."""
    return FORMATS.get(Path(name).suffix.lower(), FORMATS[".csv"])


def read_events(
    name: str, content: bytes, kind: FileKind, spec: DropFolderSpec, recorded_at_ms: int
) -> Iterator[Batch]:
    """A small file that is in memory; nothing is known of what was published before. Raises FileRefused."""
    form = format_of(name)
    found = form.survey(io.BytesIO(content))
    reading = FileReadContext(found, form.kind or kind, spec, recorded_at_ms, DictMemory(), name, NoDocuments())
    return form.read(io.BytesIO(content), reading)
