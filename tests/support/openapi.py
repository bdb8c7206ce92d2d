"""A vendor's OpenAPI file as the judge of requests and answers, so that a rig is no fiction of ours."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.support.vendor_server import Answer, Received


class OpenApi:
    """An OpenAPI 3.0 file in JSON."""

    def __init__(self, file: Path) -> None:
        self._spec = _as_json_schema(json.loads(file.read_text()))

    def faults(self, request: Received, answer: Answer) -> list[str]:
        """What of them is not as the file says; a field that it does not name in a request is a fault, too."""
        operation = self._operation(request)
        if operation is None:
            return [f"{request.method} {request.path} is not in the file"]
        found = []
        query = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
        found += [f"query parameter {name}" for name in request.query.keys() - query]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if body is not None:
            given = request.json()
            found += [f"request: {error.message}" for error in self._validator(body).iter_errors(given)]
            found += [f"request: field {name}" for name in given.keys() - self._resolved(body)["properties"].keys()]
        if answer.status == 200:
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            found += [f"answer: {error.message}" for error in self._validator(schema).iter_errors(answer.body)]
        return found

    def _operation(self, request: Received) -> dict[str, Any] | None:
        for path, operations in self._spec["paths"].items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", path)
            if re.fullmatch(pattern, request.path) and request.method.lower() in operations:
                return operations[request.method.lower()]
        return None

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        return self._spec["components"]["schemas"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema

    def _validator(self, schema: dict[str, Any]) -> Any:
        return jsonschema_rs.Draft4Validator({**schema, "components": self._spec["components"]})


def _as_json_schema(part: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it."""
    if isinstance(part, list):
        return [_as_json_schema(each) for each in part]
    if not isinstance(part, dict):
        return part
    changed = {name: _as_json_schema(value) for name, value in part.items()}
    if changed.pop("nullable", False) is True and isinstance(changed.get("type"), str):
        changed["type"] = [changed["type"], "null"]
        if "enum" in changed:
            changed["enum"] = [*changed["enum"], None]
    return changed
