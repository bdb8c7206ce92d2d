"""The part of Google Sheets' REST API that restock's sheets take, played on a real port, and a service account for it.

https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets. It reckons no formulas.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import gspread.http_client
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.vendor_server import Answer, Received, VendorServer

SHEET = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg"
URL = f"https://docs.google.com/spreadsheets/d/{SHEET}/edit#gid=0"
_BASE = f"/v4/spreadsheets/{SHEET}"
_GOOGLE = "https://sheets.googleapis.com"
_MARKS = ("updateDimensionProperties", "addProtectedRange", "setDataValidation", "addConditionalFormatRule")
Fields = dict[str, Any]


class GoogleSheets(VendorServer):
    """A spreadsheet with one empty tab. Use as a context."""

    def __init__(self, locale: str = "en_GB") -> None:
        super().__init__(self._answered)
        self.locale = locale
        self.is_shared = True
        self.tabs: dict[str, Fields] = {"Sheet1": {"sheetId": 0, "title": "Sheet1"}}
        self.cells: dict[str, list[list[Any]]] = {"Sheet1": []}
        """Tab → rows of what was entered: {"stringValue": …}, {"numberValue": …}, {"formulaValue": …} or {}."""
        self.marked: Counter[str] = Counter()
        self.marks: list[Fields] = []

    def play(self, patch: pytest.MonkeyPatch, folder: Path) -> Path:
        """Have gspread ask here instead of Google. The key file of an account."""
        for name, value in vars(gspread.http_client).items():
            if isinstance(value, str) and value.startswith(_GOOGLE):
                patch.setattr(gspread.http_client, name, value.replace(_GOOGLE, self.url))
        private = rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key = folder / "key.json"
        account = {
            "type": "service_account", "client_email": "shelf@shop.example", "private_key": private.decode(),
            "token_uri": f"{self.url}/token",
        }  # fmt: skip
        key.write_text(json.dumps(account))
        return key

    def write(self, tab: str, row: int, column: int, value: str | float) -> None:
        """A shopkeeper writes into a cell, both from 0."""
        self.cells[tab][row][column] = {"stringValue" if isinstance(value, str) else "numberValue": value}

    def _answered(self, asked: Received) -> Answer | None:
        if (asked.method, asked.path) == ("POST", "/token"):
            fields = dict(parse_qsl(asked.body.decode()))
            assert fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            return Answer({"access_token": "token", "expires_in": 3600, "token_type": "Bearer"})
        if asked.headers.get("authorization") != "Bearer token":
            return _refused(401, "Request had invalid authentication credentials.")
        if not self.is_shared:
            return _refused(403, "The caller does not have permission")
        if (asked.method, asked.path) == ("GET", _BASE):
            return Answer({
                "spreadsheetId": SHEET, "properties": {"title": "Restock", "locale": self.locale},
                "sheets": [{"properties": tab} for tab in self.tabs.values()], "spreadsheetUrl": URL,
            })  # fmt: skip
        if (asked.method, asked.path) == ("POST", f"{_BASE}:batchUpdate"):
            return self._update(asked.json()["requests"])
        if asked.method == "GET" and asked.path.startswith(f"{_BASE}/values/"):
            assert asked.query["valueRenderOption"] == ["UNFORMATTED_VALUE"]
            tab = unquote(asked.path.rpartition("/")[2]).strip("'")
            return Answer({"range": tab, "majorDimension": "ROWS", "values": _values(self.cells[tab])})
        return None

    def _update(self, requests: list[Fields]) -> Answer:
        """All or nothing."""
        tabs, cells, marks = dict(self.tabs), dict(self.cells), list[Fields]()
        for request in requests:
            ((kind, said),) = request.items()
            titles = {tab["sheetId"]: title for title, tab in tabs.items()}
            if kind == "addSheet":
                properties = said["properties"]
                if properties["title"] in tabs or properties["sheetId"] in titles:
                    return _refused(400, f"A sheet with the name {properties['title']!r} already exists.")
                tabs[properties["title"]] = properties
            elif kind == "updateCells":
                assert said["fields"] == "userEnteredValue,userEnteredFormat"
                assert (said["start"]["rowIndex"], said["start"]["columnIndex"]) == (0, 0)
                rows = [[cell["userEnteredValue"] for cell in row["values"]] for row in said["rows"]]
                cells[titles[said["start"]["sheetId"]]] = rows
            elif kind in _MARKS:
                marks.append(request)
            else:
                return _refused(400, f"Unknown name {kind!r}")
        self.tabs, self.cells = tabs, cells
        self.marks += marks
        self.marked.update(next(iter(mark)) for mark in marks)
        return Answer({"spreadsheetId": SHEET, "replies": [{} for _ in requests]})


def _values(rows: list[list[Fields]]) -> list[list[Any]]:
    """As Google tells them: nothing behind the last cell that holds something, formulas as numbers."""
    found = []
    for row in rows:
        values = [0 if "formulaValue" in cell else next(iter(cell.values()), "") for cell in row]
        while values and values[-1] == "":
            values.pop()
        found.append(values)
    return found


def _refused(status: int, message: str) -> Answer:
    return Answer({"error": {"code": status, "message": message, "status": "REFUSED"}}, status)
