"""`python -m messaging.metrics`: write the page of metrics and Grafana's dashboards."""

from pathlib import Path

from messaging.metrics.dashboards.boards import BOARDS
from messaging.metrics.page import page

ROOT = Path(__file__).parents[2]
BOARDS_FOLDER = ROOT / "deploy" / "grafana" / "dashboards"


def made() -> dict[Path, str]:
    """Every made file and its text."""
    boards = {BOARDS_FOLDER / f"{board.uid.removeprefix('commonshelf-')}.json": board.to_json() for board in BOARDS}
    return {ROOT / "docs" / "metrics.md": page(), **boards}


def main() -> None:
    """Write what is made."""
    for path, text in made().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
