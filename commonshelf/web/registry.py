"""The committed schemas over HTTP, as Confluent's schema registry serves them, but read-only.

    app.include_router(router)      # at the root: clients append /subjects, /schemas … to the registry's URL

Schemas come with a release and never over the network, so whatever would write is refused with Confluent's code
for a registry in read-only mode. Source of paths, bodies and codes: Confluent's Schema Registry API reference.
"""

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from schemas.registry import RegisteredSchema, registry

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
COMPATIBILITY = "FULL_TRANSITIVE"
BODY_MAX_BYTES = 262_144
"""Largest request body that is read; our largest schema is a tenth of it."""

_SUBJECT_NOT_FOUND = 40401
_VERSION_NOT_FOUND = 40402
_SCHEMA_NOT_FOUND = 40403
_INVALID_SCHEMA = 42201
_INVALID_VERSION = 42202
_READ_ONLY = 42205

router = APIRouter(include_in_schema=False)


class RegistryJSON(JSONResponse):
    """An answer in the registry's own content type."""

    media_type = CONTENT_TYPE


@router.get("/subjects")
async def subjects() -> Response:
    return RegistryJSON(sorted(registry().by_subject))


@router.get("/subjects/{subject}/versions")
async def versions(subject: str) -> Response:
    found = registry().by_subject.get(subject)
    return _no_subject(subject) if found is None else RegistryJSON([schema.version for schema in found])


@router.get("/subjects/{subject}/versions/{version}")
async def version_of(subject: str, version: str) -> Response:
    found = _version(subject, version)
    return found if isinstance(found, Response) else RegistryJSON(_described(found))


@router.get("/subjects/{subject}/versions/{version}/schema")
async def schema_of_version(subject: str, version: str) -> Response:
    found = _version(subject, version)
    return found if isinstance(found, Response) else Response(found.text, media_type=CONTENT_TYPE)


@router.get("/subjects/{subject}/versions/{version}/referencedby")
async def referenced_by(subject: str, version: str) -> Response:
    found = _version(subject, version)
    return found if isinstance(found, Response) else RegistryJSON([])


@router.post("/subjects/{subject}")
async def look_up(subject: str, request: Request) -> Response:
    """Find the subject's version with exactly this schema; the order of its JSON members does not matter."""
    if subject not in registry().by_subject:
        return _no_subject(subject)
    asked = await _schema_in(request)
    if isinstance(asked, Response):
        return asked
    found = _with_schema(subject, asked)
    return _not_found() if found is None else RegistryJSON(_described(found))


@router.post("/subjects/{subject}/versions")
async def register(subject: str, request: Request) -> Response:
    """A serializer that registers what it writes gets the id of a known schema; any other is refused."""
    asked = await _schema_in(request)
    if isinstance(asked, Response):
        return asked
    found = _with_schema(subject, asked)
    return _read_only() if found is None else RegistryJSON({"id": found.id})


@router.get("/schemas/types")
async def schema_types() -> Response:
    return RegistryJSON(["AVRO"])


@router.get("/schemas/ids/{schema_id}")
async def schema_by_id(schema_id: str) -> Response:
    found = _by_id(schema_id)
    return _not_found() if found is None else RegistryJSON({"schema": found.text})


@router.get("/schemas/ids/{schema_id}/schema")
async def schema_text_by_id(schema_id: str) -> Response:
    found = _by_id(schema_id)
    return _not_found() if found is None else Response(found.text, media_type=CONTENT_TYPE)


@router.get("/schemas/ids/{schema_id}/versions")
async def versions_by_id(schema_id: str) -> Response:
    found = _by_id(schema_id)
    return _not_found() if found is None else RegistryJSON([{"subject": found.subject, "version": found.version}])


@router.get("/schemas/ids/{schema_id}/subjects")
async def subjects_by_id(schema_id: str) -> Response:
    found = _by_id(schema_id)
    return _not_found() if found is None else RegistryJSON([found.subject])


@router.get("/config")
async def config() -> Response:
    return RegistryJSON({"compatibilityLevel": COMPATIBILITY})


@router.get("/config/{subject}")
async def config_of(subject: str) -> Response:
    return await config() if subject in registry().by_subject else _no_subject(subject)


@router.get("/mode")
async def mode() -> Response:
    return RegistryJSON({"mode": "READONLY"})


@router.get("/mode/{subject}")
async def mode_of(subject: str) -> Response:
    return await mode() if subject in registry().by_subject else _no_subject(subject)


@router.api_route("/subjects/{rest:path}", methods=["POST", "PUT", "PATCH", "DELETE"])
@router.api_route("/schemas/{rest:path}", methods=["POST", "PUT", "PATCH", "DELETE"])
@router.api_route("/config", methods=["POST", "PUT", "PATCH", "DELETE"])
@router.api_route("/config/{rest:path}", methods=["POST", "PUT", "PATCH", "DELETE"])
@router.api_route("/mode", methods=["POST", "PUT", "PATCH", "DELETE"])
@router.api_route("/mode/{rest:path}", methods=["POST", "PUT", "PATCH", "DELETE"])
async def any_other_write() -> Response:
    return _read_only()


def _with_schema(subject: str, schema: Any) -> RegisteredSchema | None:
    known = registry().by_subject.get(subject, [])
    return next((version for version in known if json.loads(version.text) == schema), None)


async def _schema_in(request: Request) -> Any:
    """The Avro schema in a request's body, or the answer that says why there is none."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            return _error(413, 413, f"the body is larger than {BODY_MAX_BYTES} bytes; send one Avro schema")
    try:
        asked = json.loads(body)
        if asked.get("schemaType", "AVRO") != "AVRO":
            return _error(422, _INVALID_SCHEMA, f"schema type {asked['schemaType']} is not served here; only AVRO is")
        return json.loads(asked["schema"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _error(422, _INVALID_SCHEMA, 'the body must be {"schema": "…"} with an Avro schema as JSON text')


def _version(subject: str, version: str) -> RegisteredSchema | Response:
    known = registry().by_subject.get(subject)
    if known is None:
        return _no_subject(subject)
    if version in ("latest", "-1"):
        return known[-1]
    number = _number(version)
    if number is None or number == 0:
        return _error(422, _INVALID_VERSION, f"{version!r} is not a version; use 'latest' or a number from 1 on")
    if number > len(known):
        return _error(404, _VERSION_NOT_FOUND, f"Version {version} not found.")
    return known[number - 1]


def _by_id(schema_id: str) -> RegisteredSchema | None:
    number = _number(schema_id)
    return None if number is None else registry().by_id.get(number)


def _number(text: str) -> int | None:
    """A plain decimal number that fits 32 bits, else None: int() takes far more than a version or an id."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31 else None


def _described(schema: RegisteredSchema) -> dict[str, Any]:
    return {"subject": schema.subject, "version": schema.version, "id": schema.id, "schema": schema.text}


def _no_subject(subject: str) -> Response:
    return _error(404, _SUBJECT_NOT_FOUND, f"Subject '{subject}' not found.")


def _not_found() -> Response:
    return _error(404, _SCHEMA_NOT_FOUND, "Schema not found")


def _read_only() -> Response:
    return _error(403, _READ_ONLY, "This registry is read-only: its schemas come with the release of Commonshelf.")


def _error(status: int, code: int, message: str) -> Response:
    return RegistryJSON({"error_code": code, "message": message}, status_code=status)
