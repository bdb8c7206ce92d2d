"""Freezing the schemas of a release: `python -m schemas.freeze` writes each one's hash into registry.json.

An entry of registry.json with a sha256 is released and never changes again; `python -m schemas.generate` makes a change
a new entry with a new file.
The hash is that of the text which readers get, so white space and line ends do not count.
"""

import hashlib
import json
from pathlib import Path

from schemas.registry import FOLDER, Registry, listing_text


def digest(text: str) -> str:
    """SHA-256 of a registered schema's text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def changed_after_release(folder: Path = FOLDER) -> list[str]:
    """A sentence for each released schema that is not what was released; empty when all is well."""
    known = Registry(folder)
    sentences = []
    for subject, entries in json.loads((folder / "registry.json").read_text())["subjects"].items():
        for entry, schema in zip(entries, known.by_subject[subject], strict=True):
            if "sha256" in entry and entry["sha256"] != digest(schema.text):
                sentences.append(
                    f"{entry['file']} (id {entry['id']}) was released and has changed since; "
                    "restore it, and put the change into a new file with a new id."
                )
    return sentences


def freeze(folder: Path = FOLDER) -> int:
    """Write the hash of every schema that has none; return how many were frozen."""
    known = Registry(folder)
    path = folder / "registry.json"
    subjects = json.loads(path.read_text())["subjects"]
    frozen = 0
    for subject, entries in subjects.items():
        for entry, schema in zip(entries, known.by_subject[subject], strict=True):
            if "sha256" not in entry:
                entry["sha256"] = digest(schema.text)
                frozen += 1
    path.write_text(listing_text(subjects))
    return frozen


if __name__ == "__main__":
    print(f"{freeze()} schemas frozen")
