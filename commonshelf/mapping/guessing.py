"""`connect guess`: what a file would be read as, shown so that a person can confirm it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import cast, get_args

from pydantic import ValidationError

from commonshelf.text import counted, one_line, time_text
from connectors.contract import PosEvent
from connectors.drop_folder.batch import Batch, FileReadContext
from connectors.drop_folder.documents import NoDocuments, name_prefix
from connectors.drop_folder.formats import Format, format_of
from connectors.drop_folder.guess import Guess, guess
from connectors.drop_folder.memory import DictMemory
from connectors.drop_folder.settings import DEFAULT_KINDS, DropFolderSpec, FileKind
from connectors.drop_folder.survey import FileRefused, Survey
from schemas.models.forms import problem_text
from schemas.models.pos import SaleLine, StockLine

LINES_SHOWN = 5
_ROWS_READ = 500


@dataclass(frozen=True, slots=True)
class Preview:
    """A file as it would be read. guess: None for a file that is no table. lines: the first ones, as text."""

    kind: FileKind
    guess: Guess | None
    lines: tuple[str, ...]
    problems: tuple[str, ...]
    skipped: int

    @property
    def is_usable(self) -> bool:
        """Whether at least one line came out."""
        return bool(self.lines)


def preview(file: Path, kind_name: str | None, time_zone: str) -> Preview:
    """Guess the columns of `file` and read its first rows so.

    Raises FileRefused, OSError, and ValueError for a kind or a time zone that there is not.
    """
    kind = _kind(kind_name)
    try:
        spec = DropFolderSpec(pool="guess", store="guess", folder=Path(), time_zone=time_zone)
    except ValidationError as error:
        raise ValueError(problem_text(error.errors()[0])) from error
    form = format_of(file.name)
    with file.open("rb") as stream:
        found = form.survey(stream)
        guessed = _guess(file, form, found, kind, spec)
        if guessed is not None:
            kind = guessed.kind
            options = {"columns": guessed.mapping, "time_format": guessed.time_format}
            spec = spec.model_copy(update=options | {"decimal_mark": guessed.decimal_mark or "auto"})
            if guessed.missing:
                return Preview(kind, guessed, (), (), 0)
        kind = form.kind or kind or "sales"
        stream.seek(0)
        reading = FileReadContext(found, kind, spec, 0, DictMemory(), file.name, NoDocuments(), _ROWS_READ)
        return _read(form.read(stream, reading), kind, guessed)


def _kind(name: str | None) -> FileKind | None:
    for kind in get_args(FileKind):
        if kind == name:
            return cast("FileKind", kind)
    if name is None:
        return None
    raise ValueError(f"{name!r} is not what a file may hold: {', '.join(get_args(FileKind))}")


def _guess(file: Path, form: Format, found: Survey, kind: FileKind | None, spec: DropFolderSpec) -> Guess | None:
    if form.sample is None:
        return None
    with file.open("rb") as stream:
        named = DEFAULT_KINDS.get(name_prefix(file.name))
        guessed = guess(form.sample(stream, found), kind or named, spec.zone)
    # A workbook's numbers are numbers, so it shows nothing of how the till writes them elsewhere.
    return replace(guessed, decimal_mark=None) if found.rows is not None else guessed


def _read(batches: Iterator[Batch], kind: FileKind, guessed: Guess | None) -> Preview:
    lines: list[str] = []
    problems: list[str] = []
    skipped = 0
    try:
        for batch in islice(batches, 1):
            shown = (_shown(event, line) for event in batch.events for line in event.lines)
            lines += islice(shown, LINES_SHOWN)
            problems += [f"{problem.where}: {problem.reason}" for problem in batch.problems[:LINES_SHOWN]]
            skipped += len(batch.skipped)
    except FileRefused as refused:
        problems.append(f"line {refused.line}: {refused}")
    return Preview(kind, guessed, tuple(lines), tuple(problems), skipped)


def _shown(event: PosEvent, line: SaleLine | StockLine) -> str:
    at = time_text(event.occurred_at_ms, UTC, "%Y-%m-%dT%H:%M:%SZ")
    what = line.kind.value if isinstance(line, SaleLine) else event.source.id.split("/", 1)[0]
    quantity = format(Decimal(line.quantity_milli).scaleb(-3).normalize(), "f")
    return f"{at}  {event.source.id}  {what}  {quantity} {line.unit.value}  {line.code}"


def mapping_toml(file: Path, found: Preview) -> str:
    """The options under which files like this one are read so: what a mapping_file holds."""
    guessed = found.guess
    if guessed is None:
        return ""
    lines = []
    if guessed.mapping:
        pairs = ", ".join(f"{_quoted(header)} = {_quoted(field)}" for header, field in guessed.mapping.items())
        lines.append(f"columns = {{ {pairs} }}")
    if guessed.time_format:
        lines.append(f"time_format = {_quoted(guessed.time_format)}")
    if guessed.decimal_mark:
        lines.append(f"decimal_mark = {_quoted(guessed.decimal_mark)}")
    prefix = name_prefix(file.name)
    if prefix and DEFAULT_KINDS.get(prefix) != found.kind:
        lines.append(f"file_kinds = {{ {_quoted(prefix)} = {_quoted(found.kind)} }}")
    return "".join(f"{line}\n" for line in lines)


def report(file: Path, found: Preview) -> Iterator[str]:
    """The guess in lines of text, without what would steer a terminal."""
    yield from map(one_line, _report(file, found))


def _report(file: Path, found: Preview) -> Iterator[str]:
    guessed = found.guess
    if guessed is None:
        yield f"{file.name} is POSLog: it needs no mapping."
    else:
        yield f"{file.name} holds: {found.kind}"
        width = max((len(column.header) for column in guessed.columns), default=0)
        if guessed.preset:
            yield f"It is {guessed.preset}, which is known by its headers: its columns need no mapping."
        for column in guessed.columns:
            yield f"  {column.header:{width}}  →  {column.field or '(dropped)'}, {column.why}".replace(", dropped", "")
        if guessed.time_format:
            yield f"Times are read as {guessed.time_format}."
        if guessed.decimal_mark:
            yield f"The decimal mark of its numbers is {guessed.decimal_mark!r}."
        for doubt in guessed.doubts:
            yield f"In doubt: {doubt}."
        if guessed.missing:
            wanted = ", ".join("one of gtin, plu, sku, item" if each == "item" else each for each in guessed.missing)
            yield f'Not found: {wanted}. Map them by hand: columns = {{ "their header" = "field" }}'
    if found.lines:
        yield f"As they would be published, the first {counted(len(found.lines), 'line')}:"
        yield from (f"  {line}" for line in found.lines)
    for problem in found.problems:
        yield f"Not usable: {problem}"
    if found.skipped:
        moves = "moves" if found.skipped == 1 else "move"
        yield f"{counted(found.skipped, 'line')} {moves} no stock (voided, training, tips, tender …)"


def _quoted(text: str) -> str:
    """As a TOML string; what JSON escapes, TOML reads."""
    return json.dumps(text, ensure_ascii=True)
