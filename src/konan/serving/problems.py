"""How errors look over HTTP: the table of statuses, and problem documents (RFC 9457).

The error tree knows nothing of HTTP; this table does, and a test holds it to every class of the tree.
"""

import http
from typing import Any

import msgspec

from konan import errors
from konan.errors import KonanError

MEDIA_TYPE = "application/problem+json"
DOCUMENTED = "/docs/errors#"

STATUS: dict[type[KonanError], int] = {
    errors.KonanError: 500,
    errors.Usage: 400,
    errors.Invalid: 422,
    errors.JsonMalformed: 400,
    errors.JsonTooDeep: 400,
    errors.RequestMalformed: 400,
    errors.BodyTooLarge: 413,
    errors.HeadTooLarge: 431,
    errors.MediaTypeUnsupported: 415,
    errors.RowsInvalid: 422,
    errors.ModelFileInvalid: 422,
    errors.DataInvalid: 422,
    errors.IdempotencyKeyReused: 422,
    errors.RequestTimeout: 408,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.NotAllowed: 403,
    errors.Unauthenticated: 401,
    errors.Conflict: 409,
    errors.Unreachable: 502,
    errors.GateFailed: 422,
    errors.TooMany: 429,
    errors.NotReady: 503,
    errors.ControlUnavailable: 503,
    errors.JournalUnavailable: 503,
    errors.StorageFull: 507,
    errors.ModelFailed: 502,
    errors.OutputInvalid: 502,
    errors.DeadlineExceeded: 504,
    errors.MissingExtra: 501,
}


def status_of(error: KonanError) -> int:
    """The HTTP status of an error.

    >>> status_of(errors.NotFound("No such deployment."))
    404
    """
    return STATUS.get(type(error), 500)


def problem(error: KonanError, request_id: str) -> bytes:
    """An error as a problem document.

    Args:
        error: what happened; its message, hint and faults are fit for the caller's eyes.
        request_id: the id under which the log names this request.

    >>> msgspec.json.decode(problem(errors.NotFound("No such deployment."), "r1"))["code"]
    'not_found'
    """
    status = status_of(error)
    document: dict[str, Any] = {
        "type": DOCUMENTED + error.code,
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        "detail": error.message,
        "request_id": request_id,
    }
    if error.hint:
        document["hint"] = error.hint
    if error.faults:
        document["faults"] = error.faults
    return msgspec.json.encode(document)
