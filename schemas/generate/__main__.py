"""`python -m schemas.generate`: write everything that is made from the records."""

import json
from pathlib import Path

from schemas.generate.avro import compose
from schemas.generate.types import modules
from schemas.registry import FOLDER
from schemas.topics import TOPICS

COMMAND = "python -m schemas.generate"
TYPES = Path(__file__).parent.parent / "types"


def made() -> dict[Path, str]:
    """Every made file and its text."""
    files = {TYPES / name: text for name, text in modules().items()}
    for topic in TOPICS.values():
        if topic.record is not None:
            files[FOLDER / f"{topic.subject}.avsc"] = json.dumps(compose(topic.record), indent=2) + "\n"
    return files


def main() -> None:
    """Write what is made, and remove what is made no more."""
    files = made()
    for stale in {*TYPES.glob("*.py"), *FOLDER.glob("*.avsc")} - files.keys() - {TYPES / "__init__.py"}:
        stale.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
