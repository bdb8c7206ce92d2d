"""Tells on the terminal what a starting stack does."""

from threading import Lock

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from commonshelf.stack.stack import StackEvent


class ProgressPrinter:
    """Prints a line per step, and a bar while something is downloaded. Called from several threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._has_downloaded = False
        self._lock = Lock()

    def tell(self, event: StackEvent) -> None:
        with self._lock:
            if event.kind == "download":
                self._download(event)
                return
            self._end_bar()  # the download is over, or was broken off while some of its threads still tell
            if event.kind == "warning":
                self._console.print(f"[yellow]![/] {escape(event.text)}")
            else:
                self._console.print(f"[dim]·[/] {escape(event.text)}")

    def _download(self, event: StackEvent) -> None:
        if self._has_downloaded:
            return
        if self._bar is None:
            if event.done_bytes >= event.total_bytes:
                return
            columns = (TextColumn(event.text), BarColumn(), DownloadColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.add_task("", total=event.total_bytes)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=event.done_bytes, total=event.total_bytes)
        if event.done_bytes >= event.total_bytes:
            self._end_bar()

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._has_downloaded = True
