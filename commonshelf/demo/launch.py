"""`./shelf demo`: a stack, a region whose tills sell into it, a live view, and a summary that adds up."""

import asyncio
import sys
import time

import psutil
from rich.console import Console
from rich.markup import escape

from commonshelf.demo.completejourney import PackageMissingError
from commonshelf.demo.data_folder import DataFolder, DataFolderError
from commonshelf.demo.generated import GeneratedScenario
from commonshelf.demo.options import DemoOptions
from commonshelf.demo.replay import ReplayScenario
from commonshelf.demo.report import Summary
from commonshelf.demo.run import run
from commonshelf.demo.scenario import Scenario
from commonshelf.demo.showing import show_pool
from commonshelf.demo.ticker import TickError
from commonshelf.demo.tills import TillError
from commonshelf.stack.interrupt import interrupted_once
from commonshelf.stack.progress import ProgressPrinter
from commonshelf.stack.stack import Stack

_INTERRUPTED_STATUS = 130


def demo(options: DemoOptions) -> int:
    """Run the demo to its end. Returns the exit status: 0 when every published line is accounted for, else 1.

    The summary goes to standard output (with `as_json` as one JSON object on its last line), all else to standard
    error. Raises what `Stack` raises when it cannot start.
    """
    started_at_s = psutil.Process().create_time()
    console = Console(stderr=True, highlight=False)
    folder = DataFolder(options.data_dir, keep=options.keep)
    try:
        folder.prepare()
        with interrupted_once():
            try:
                summary = _run(options, console, started_at_s, has_past=folder.has_past)
            finally:
                folder.clear_away()
    except KeyboardInterrupt:
        console.print(_what_is_left(options, folder), soft_wrap=True)
        return _INTERRUPTED_STATUS
    except (DataFolderError, PackageMissingError, TillError, TickError) as error:
        console.print(f"shelf: {escape(str(error))}", soft_wrap=True)
        return 1
    return _tell(summary, options, console)


def _run(options: DemoOptions, console: Console, started_at_s: float, *, has_past: bool) -> Summary:
    name = f"{int(time.time()):x}"
    scenario = _scenario(options, name, has_past=has_past)
    console.print(escape(scenario.notice), style="dim", soft_wrap=True)
    consortium = scenario.consortium
    with Stack(
        consortium.settings(options.data_dir, exporter=options.exporter),
        on_event=ProgressPrinter(console).tell,
        records=consortium.records,
        processes_env=consortium.processes_env(),
    ) as stack:
        show_pool(stack)
        return asyncio.run(
            run(
                scenario,
                stack,
                console,
                name=name,
                for_s=options.for_s,
                started_at_s=started_at_s,
                with_faults=options.faults,
            )
        )


def _scenario(options: DemoOptions, name: str, *, has_past: bool) -> Scenario:
    if options.data == "generated":
        return GeneratedScenario(options, name, has_past=has_past)
    if has_past:
        raise DataFolderError(
            f"{options.data_dir} holds the data of an earlier `demo --keep`, and a replay starts from nothing; "
            "remove that directory first"
        )
    return ReplayScenario(options, name)


def _tell(summary: Summary, options: DemoOptions, console: Console) -> int:
    discrepancies = summary.discrepancies()
    if not summary.is_drained:
        console.print("shelf: not every line was accounted for in time; the figures are as of now")
    for sentence in discrepancies:
        console.print(f"shelf: {escape(sentence)}", soft_wrap=True)
    if options.as_json:
        sys.stdout.write(summary.as_json + "\n")
    else:
        sys.stdout.writelines(f"{sentence}\n" for sentence in summary.sentences())
    sys.stdout.flush()
    return 1 if discrepancies or not summary.is_drained else 0


def _what_is_left(options: DemoOptions, folder: DataFolder) -> str:
    left = f"; the data is kept in {folder.path}" if options.keep else "; its data is gone"
    return f"stopped before all lines were accounted for{escape(left)}"
