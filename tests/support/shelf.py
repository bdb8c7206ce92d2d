"""A folder with a settings file of two stores, in which a user calls the command."""

import json
import os
import signal
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.config.credentials import kafka_options
from commonshelf.config.settings import Settings
from commonshelf.stack.runtime_file import Runtime, read_runtime
from tests.support.living_files import files_with
from tests.support.waiting import PATIENCE_S, until

CONFIG = """
[http]
port = 0
web_port = 0
webhook_port = 0
arrival_port = 0
connectors_port = 0
settlement_port = 0
restock_port = 0
exporter_port = 0
directory_port = 0
agents_port = 0
ledger_port = 0
[[pools]]
id = "riverside"
name = "Riverside grocers"
catalog_files = ["catalog.csv"]
[[stores]]
id = "anna"
name = "Anna's Corner"
[[stores.connectors]]
kind = "drop_folder"
folder = "drop/anna"
settle_ms = 50
[[stores]]
id = "bert"
name = "Bert's"
[[stores.connectors]]
kind = "webhook"
secret_env = "BERT_WEBHOOK_SECRET"
"""
CATALOG = "sku,name,gtin,unit,codes\nMILK,Milk 1 l,4006381333931,each,\nBANANA,Bananas,,kg,plu:4011\n"
AGREEMENT = """
version = 1
effective_from = 2026-01-01
currency = "EUR"
handling_fee = "0.50"
tax = "added"
[transfer_price]
kind = "cost_plus"
percent = 10
"""
SECRET = "canary-0123456789abcdef0123456789"


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@dataclass
class CommandFolder:
    """A folder with a settings file, in which a user calls the command."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    env: dict[str, str] = field(default_factory=lambda: {**os.environ, "BERT_WEBHOOK_SECRET": SECRET, "COLUMNS": "200"})

    def up(self) -> Runtime:
        """Start the stack and wait until it says that it runs."""
        with (self.folder / "up.out").open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "commonshelf", "up"], cwd=self.folder, env=self.env, stderr=out, text=True
            )
        until(lambda: "Ctrl-C stops it" in self.said or self.process.poll() is not None, "the start")
        assert self.process.poll() is None, self.said
        return self.runtime

    @property
    def said(self) -> str:
        return (self.folder / "up.out").read_text()

    @property
    def data_dir(self) -> Path:
        return self.folder / ".commonshelf"

    @property
    def runtime(self) -> Runtime:
        found = read_runtime(self.data_dir)
        assert found is not None
        return found

    @property
    def kafka_options(self) -> dict[str, str]:
        """Of a client of the stack's own Kafka."""
        settings = Settings.model_validate_json(Path(self.runtime.settings_file).read_text())
        return kafka_options(settings.kafka)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "commonshelf", *words],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def files_with(self, text: str) -> list[Path]:
        """The files in the folder, whoever wrote them, that hold a text."""
        return files_with(self.folder, text)

    def available_milli(self, sku: str) -> int | None:
        """What the command says; called in this process, which has imported all it needs."""
        with chdir(self.folder):
            answer = CliRunner().invoke(app, ["availability", "riverside", sku, "--json"], env=self.env)
        return json.loads(answer.stdout)[0]["available_milli"] if answer.exit_code == 0 else None

    def drop(self, store: str, name: str, text: str) -> None:
        """As a till does: write beside, then rename."""
        folder = self.folder / "drop" / store
        (folder / f"{name}.tmp").write_text(text)
        (folder / f"{name}.tmp").rename(folder / name)

    def sell(self, name: str, receipt: int, units: int) -> None:
        sold_at = datetime.now(UTC).isoformat()
        rows = f"receipt_no,line_no,sold_at,gtin,quantity\n{receipt},1,{sold_at},4006381333931,{units}\n"
        self.drop("anna", name, rows)


def make_shelf(folder: Path) -> CommandFolder:
    (folder / "commonshelf.toml").write_text(CONFIG)
    (folder / "catalog.csv").write_text(CATALOG)
    return CommandFolder(folder)
