"""The OpenAPI 3.1 document of the platform, made from the same table as the router."""

import re
import types
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec

from konan import errors, ids
from konan.control.bodies import Bulk, Upload
from konan.control.table import Endpoint, Nothing, Streamed, Text
from konan.errors import Fault, KonanError
from konan.records.deployments import LARGEST_VERSION
from konan.records.kpis import NAME_PATTERN
from konan.serving import problems

_REF = "#/components/schemas/{name}"
_VARIABLE = re.compile(r"\{([a-z]+)\}")
_COMMON = (
    errors.RequestMalformed,
    errors.Unauthenticated,
    errors.NotAllowed,
    errors.Invalid,
    errors.HeadTooLarge,
    errors.ControlUnavailable,
)
_JSON_BODY = (
    errors.JsonMalformed,
    errors.JsonTooDeep,
    errors.RequestTimeout,
    errors.BodyTooLarge,
    errors.MediaTypeUnsupported,
)
_PATH: Mapping[str, dict[str, Any]] = {
    "name": {"type": "string", "pattern": f"^{ids.NAME.pattern}$"},
    "number": {"type": "integer", "minimum": 1, "maximum": LARGEST_VERSION},
    "prediction": {"type": "string", "format": "uuid"},
    "metric": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"},
    "id": {"type": "string", "pattern": "^[0-9a-z]{12}$"},
    "kpi": {"type": "string", "pattern": NAME_PATTERN},
}
_BINARY = {"type": "string", "format": "binary"}
_Types = Mapping[str, dict[str, Any]]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong (RFC 9457).

    Attributes:
        type: where the error is documented.
        title: phrase of the status.
        status: of HTTP.
        code: stable word for the error.
        detail: what happened.
        request_id: the id under which the log names the request.
        hint: what to do about it.
        faults: the single things that are wrong, each with a JSON pointer.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    hint: str | msgspec.UnsetType = msgspec.UNSET
    faults: tuple[Fault, ...] | msgspec.UnsetType = msgspec.UNSET


def document(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """The document.

    Args:
        endpoints: every row of the table, also those that gateways answer.
        version: of Konan.
    """
    rows = list(endpoints)
    kinds = [kind for row in rows for used in (row.query, row.request, row.response) for kind in _each(used)]
    unique = list({repr(kind): kind for kind in [*kinds, Problem]}.values())
    schemas, components = msgspec.json.schema_components(unique, ref_template=_REF)
    known = {repr(kind): schema for kind, schema in zip(unique, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, known, components)
    for row in rows:
        components.pop(row.query.__name__, None)  # shown as parameters
    _complete(components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Konan",
            "version": version,
            "description": "Deploys, monitors and maintains trained models. Each deployment also has a "
            "document of its own, typed for its model: `/v1/deployments/{name}/openapi.json`.",
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(row: Endpoint, known: _Types, components: Mapping[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _name(row),
        "summary": row.summary,
        "responses": _responses(row, known),
    }
    if row.permission:
        operation["description"] = f"Needs the scope {' or '.join(f'`{s}`' for s in row.permission)}."
    else:
        operation["security"] = []
    parameters = _parameters(row, components)
    if parameters:
        operation["parameters"] = parameters
    if row.request is not Nothing:
        operation["requestBody"] = {"required": True, "content": _body(row, known)}
    return operation


def _body(row: Endpoint, known: _Types) -> dict[str, Any]:
    if row.request is Upload:
        return {"application/zip": {"schema": _BINARY}}
    return {"application/json": {"schema": _schema(row.request, known)}}


def _responses(row: Endpoint, known: _Types) -> dict[str, Any]:
    media_types = [each.partition(";")[0] for each in (row.media_type, *row.other_media_types)]
    responses: dict[str, Any] = {
        str(row.status): {
            "description": row.summary,
            "content": {each: {"schema": _schema(row.response, known)} for each in media_types},
        }
    }
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    named: dict[int, list[type[KonanError]]] = {}
    common = _COMMON if row.permission else ()
    body = () if row.request in {Nothing, Upload} else _JSON_BODY
    for kind in (*common, *body, *row.errors):
        named.setdefault(problems.STATUS[kind], []).append(kind)
    for status, kinds in sorted(named.items()):
        codes = " or ".join(dict.fromkeys(f"`{kind.code}`" for kind in kinds))
        responses[str(status)] = {"description": f"{codes}.", "content": content}
    return responses


def _parameters(row: Endpoint, components: Mapping[str, Any]) -> list[dict[str, Any]]:
    path = [
        {"name": name, "in": "path", "required": True, "schema": _PATH[name]}
        for name in _VARIABLE.findall(row.path)
    ]
    described = components.get(row.query.__name__, {})
    query = [
        {"name": name, "in": "query", "required": name in described.get("required", ()), "schema": schema}
        for name, schema in described.get("properties", {}).items()
    ]
    headers = [
        {"name": name, "in": "header", "required": False, "schema": schema}
        for name, schema in row.headers.items()
    ]
    return path + query + headers


def _each(kind: object) -> tuple[object, ...]:
    """The records of a type, or of a union of some."""
    if kind in {Nothing, Upload, Text, Streamed}:
        return ()
    if isinstance(kind, type) and issubclass(kind, Bulk):
        return kind.record, list[kind.record]  # type: ignore[name-defined] # a type held in a variable
    return get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def _schema(kind: object, known: _Types) -> dict[str, Any]:
    if kind is Streamed:
        return _BINARY
    if kind is Text:
        return {"type": "string"}
    found = [known[repr(one)] for one in _each(kind)]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _complete(schema: Any) -> None:
    """Say of every array what may be in it; generators of clients leave out what does not."""
    if isinstance(schema, dict):
        if schema.get("type") == "array" and "prefixItems" not in schema:
            schema.setdefault("items", {})
        for inner in schema.values():
            _complete(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _complete(inner)


def _name(row: Endpoint) -> str:
    """A name for the operation, as ``get_deployments_name_versions``."""
    words = re.findall(r"[a-z0-9]+", row.path.removeprefix("/v1"))
    return "_".join([row.method.lower(), *words])
