"""`python -m schemas.generate`: write everything that is made from the records, their topics and their examples."""

import json
from pathlib import Path

from schemas.generate.asyncapi import document
from schemas.generate.avro import schema_files
from schemas.generate.pages import pages
from schemas.generate.records import families
from schemas.generate.terms import terms_module
from schemas.generate.types import modules
from schemas.registry import FOLDER
from schemas.topics import TOPICS

COMMAND = "python -m schemas.generate"
SCHEMAS = Path(__file__).parent.parent
DOCS = SCHEMAS.parent / "docs"
LISTING = FOLDER / "registry.json"
_MADE_WHOLE = (SCHEMAS / "types", FOLDER, DOCS / "topics", DOCS / "records")
"""Folders of which every file is made, but for one."""
_KEPT = {SCHEMAS / "types" / "__init__.py"}


def made() -> dict[Path, str]:
    """Every made file and its text."""
    known = families()
    files = {SCHEMAS / "types" / name: text for name, text in modules(known).items()}
    files[SCHEMAS / "models" / "terms.py"] = terms_module()
    records = {topic.subject: topic.record for topic in TOPICS.values() if topic.record is not None}
    files |= schema_files(records, known)
    subjects = json.loads(files[LISTING])["subjects"]
    ids = {subject: versions[-1]["id"] for subject, versions in subjects.items()}
    newest = {
        subject: json.loads(files[FOLDER / versions[-1]["file"]]) for subject, versions in subjects.items()
    }  # fmt: skip
    files[DOCS / "asyncapi.json"] = document(newest)
    return files | {DOCS / name: text for name, text in pages(known, ids).items()}


def left_over(files: dict[Path, str]) -> set[Path]:
    """What was made once and is made no more. Every schema that is listed stays: the older versions are released."""
    listed = {
        FOLDER / version["file"] for known in json.loads(files[LISTING])["subjects"].values() for version in known
    }
    return {path for folder in _MADE_WHOLE for path in folder.glob("*.*")} - files.keys() - _KEPT - listed


def main() -> None:
    """Write what is made, and remove what is made no more."""
    files = made()
    for path in left_over(files):
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
