"""docs/first-shop.md, step by step, with the lists of a German, a French and an American shop."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.shelf import CommandFolder
from tests.support.waiting import until

PAGE = (Path(__file__).parents[2] / "docs" / "first-shop.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Shop:
    """A shop's lists. day, clock: as it writes them."""

    zone: str
    currency: str
    encoding: str
    day: str
    clock: str
    items: str
    opening: str
    sales: str


SHOPS = {
    "german": Shop(
        "Europe/Berlin", "EUR", "cp1252", "%d.%m.%Y", "%H:%M",
        "Artikelnummer;Bezeichnung;EAN;Einheit;VK\n1001;Bärenmilch 1 l;4006381333931;Stück;1,29\n"
        "1002;Äpfel;4011;kg;2,99\n",
        "Artikelnummer;Menge;Einheit\n1001;24;Stück\n1002;12,500;kg\nSumme;36,500;\n",
        "Datum;Uhrzeit;Bon-Nr;Artikelnummer;Menge;Einheit;Einzelpreis\n"
        "{day};{clock};17;1001;2;Stück;1,29\n{day};{clock};18;1002;0,5;kg;2,99\nSumme;;;;;;\n",
    ),
    "french": Shop(
        "Europe/Paris", "EUR", "utf-8-sig", "%d/%m/%Y", "%H:%M:%S",
        "Référence;Désignation;Code barres;Unité;Prix TTC\n1001;Lait 1 l;4006381333931;pièce;1,29\n"
        "1002;Pommes;4011;kg;2,99\n",
        "Référence;Quantité;Unité\n1001;24;pièce\n1002;12,5;kg\n",
        "Date;Heure;N° ticket;Référence;Quantité;Unité;Prix unitaire\n"
        "{day};{clock};17;1001;2;pièce;1,29\n{day};{clock};18;1002;0,5;kg;2,99\n",
    ),
    "american": Shop(
        "America/New_York", "USD", "utf-8", "%m/%d/%Y", "%I:%M %p",
        "Item Number,Item Name,UPC,Unit,Retail Price\n1001,Milk,4006381333931,each,1.29\n1002,Apples,4011,kg,2.99\n",
        "SKU,Qty,Unit\n1001,24,each\n1002,12.5,kg\nTotal,36.5,\n",
        "Date,Time,Receipt Number,SKU,Qty,Unit,Unit Price\n"
        "{day},{clock},17,1001,2,each,$1.29\n{day},{clock},18,1002,0.5,kg,$2.99\n",
    ),
}  # fmt: skip


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("country", SHOPS)
def test_a_shops_own_three_lists_lead_to_a_table(tmp_path: Path, country: str) -> None:
    shop = SHOPS[country]
    (settings,) = blocks("toml")
    in_its_terms = settings.replace("Europe/Berlin", shop.zone).replace("EUR", shop.currency)
    (tmp_path / "shop.toml").write_text(in_its_terms, encoding="utf-8")
    for name, text in (("items.csv", shop.items), ("opening.csv", shop.opening)):
        (tmp_path / name).write_text(text, encoding=shop.encoding)

    def write_sales() -> None:
        at = datetime.now(ZoneInfo(shop.zone)) + timedelta(minutes=1)
        text = shop.sales.format(day=at.strftime(shop.day), clock=at.strftime(shop.clock))
        (tmp_path / "sales.csv").write_text(text, encoding=shop.encoding)

    write_sales()
    folder = CommandFolder(tmp_path)
    start, *_ = [line for line in commands() if line.startswith("./shelf up")]
    for line in commands():
        words = shlex.split(line.replace("Europe/Berlin", shop.zone))
        if line == start:
            run_up(folder, words[1:])
        elif words[0] == "cp":
            shutil.copy(tmp_path / words[1], tmp_path / words[2])
            until((tmp_path / "drop" / "done" / words[1]).exists, said(tmp_path))
        else:
            answer = folder.call(*words[1:])
            assert answer.returncode == 0, answer.stdout + answer.stderr

    def table() -> dict[str, int]:
        rows = json.loads(folder.call("availability", "town", "--config", "shop.toml", "--json").stdout)
        return {row["sku"]: row["available_milli"] for row in rows}

    until(lambda: table() == {"1001": 22_000, "1002": 12_000}, "the table")
    assert folder.end(signal.SIGINT) == 0


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


def said(folder: Path) -> str:
    return "\n".join(file.read_text() for file in (folder / "drop" / "rejected").glob("*.txt")) or "a list that is read"


def run_up(folder: CommandFolder, words: list[str]) -> None:
    with (folder.folder / "up.out").open("w") as out:
        folder.process = subprocess.Popen(
            [sys.executable, "-m", "commonshelf", *words], cwd=folder.folder, env=folder.env, stderr=out, text=True
        )
    until(lambda: "Ctrl-C stops it" in folder.said or folder.process.poll() is not None, "the start")
    assert folder.process.poll() is None, folder.said
