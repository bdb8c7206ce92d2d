"""`python -m messaging.metrics`: write the page of metrics."""

from pathlib import Path

from messaging.metrics.page import page

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
