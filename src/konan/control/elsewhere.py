"""What a gateway answers itself: rows of the table that are documented here and handled there."""

from typing import Annotated, Any

import msgspec

from konan import errors
from konan.control.table import Call, Endpoint, Nothing
from konan.records.access import Scope
from konan.records.deployments import LARGEST_VERSION
from konan.records.predictions import Prediction
from konan.serving import openapi


class PredictQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version is asked; absent is the live one."""

    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None


class BatchItem(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one row of many."""

    id: str
    version: int
    output: Any


class Predictions(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for many rows, in their order."""

    predictions: tuple[BatchItem, ...]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That the server runs, or takes requests."""

    status: str


async def _nowhere(_: Call[Any, Any]) -> None:
    raise errors.NotFound("There is nothing at this path; a gateway answers it.")


def _row(
    method: str, path: str, permission: tuple[Scope, ...], types: tuple[Any, Any, Any], summary: str
) -> Endpoint:
    query, request, response = types
    headers = {} if not permission else {"Idempotency-Key": openapi.IDEMPOTENCY_KEY}
    failures = (errors.NotReady,) if not permission else _PREDICT_ERRORS
    return Endpoint(
        method=method,
        path=path,
        permission=permission,
        query=query,
        request=request,
        response=response,
        status=200,
        media_type="application/json",
        summary=summary,
        errors=failures,
        handler=_nowhere,
        headers=headers,
    )


_PREDICT_ERRORS = (
    errors.NotFound,
    errors.RowsInvalid,
    errors.IdempotencyKeyReused,
    errors.TooMany,
    errors.ModelFailed,
    errors.NotReady,
    errors.DeadlineExceeded,
    errors.StorageFull,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    _row("GET", "/healthz", (), (Nothing, Nothing, Health), "Say that the server runs."),
    _row("GET", "/readyz", (), (Nothing, Nothing, Health), "Say that the server takes requests."),
    _row(
        "POST",
        "/v1/deployments/{name}/predict",
        ("predict",),
        (PredictQuery, dict[str, Any] | list[dict[str, Any]], Prediction | Predictions),
        "Predict one row (an object) or many (an array); typed in the deployment's own document.",
    ),
)
