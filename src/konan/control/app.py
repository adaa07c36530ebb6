"""The HTTP application of control: Litestar finds the handler, the table says all else.

Whoever has no valid key learns nothing, not even which paths exist: `Gate` stands before the router.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from litestar import HttpMethod, Litestar, Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from konan.access.permissions import require
from konan.backup import place
from konan.control import (
    alarms,
    backup,
    bodies,
    deployments,
    erasures,
    explanations,
    feedback,
    keys,
    kpis,
    labels,
    measures,
    monitoring,
    operations,
    performance,
    predictions,
    receivers,
    report,
    retention,
    sql,
    streaming,
    switches,
    system,
)
from konan.control.bodies import Bulk, Upload
from konan.control.gate import Gate, Passed
from konan.control.services import Services
from konan.control.table import Call, Endpoint, Nothing, Streamed, Text
from konan.errors import Invalid, KonanError, MethodNotAllowed, NotFound
from konan.serving import problems

_log = logging.getLogger(__name__)


def endpoints() -> tuple[Endpoint, ...]:
    """Every row of the API that control answers."""
    modules = (
        *(deployments, switches, predictions, feedback, monitoring, performance, operations, report),
        *(alarms, receivers),
        *(explanations, kpis, labels, measures, sql, erasures, retention, keys, system, backup),
    )
    return tuple(endpoint for module in modules for endpoint in module.table.endpoints)


def create_app(services: Services) -> Gate:
    """The application, to be served on a unix socket behind the gateways.

    Args:
        services: what the handlers work with.
    """
    for cut_off in services.paths.uploads.glob("*.zip"):
        cut_off.unlink(missing_ok=True)
    place.sweep(services.paths)
    return Gate(router(services), services.fleet)


def router(services: Services) -> Litestar:
    """The router alone; nothing may serve it but `Gate`."""
    return Litestar(
        [_handler(endpoint, services) for endpoint in endpoints()],
        openapi_config=None,
        logging_config=None,
        debug=False,
        request_max_body_size=None,
        exception_handlers={Exception: _answer_error, HTTPException: _answer_error},
    )


def _handler(endpoint: Endpoint, services: Services) -> HTTPRouteHandler:
    async def handle(request: Request[Any, Any, Any]) -> Response[Any]:
        passed: Passed = request.scope["state"]["passed"]
        require(passed.caller, *endpoint.permission)
        call: Call[Any, Any] = Call(
            services=services,
            caller=passed.caller,
            path=dict(request.path_params),
            query=bodies.query(request.scope["query_string"], endpoint.query),
            body=await _body(endpoint, services, passed.headers, request.receive),
            api=endpoints(),
        )
        answer = await endpoint.handler(call)
        if isinstance(answer, Streamed):
            return await _streamed(answer)
        content = answer.body if isinstance(answer, Text) else msgspec.json.encode(answer)
        return Response(content, media_type=endpoint.media_type, status_code=endpoint.status)

    path = endpoint.path.replace("}", ":str}")
    return HTTPRouteHandler(path, http_method=HttpMethod(endpoint.method), status_code=endpoint.status)(
        handle
    )


async def _streamed(answer: Streamed) -> Stream:
    """The answer, once its first part shows that it can be made."""
    try:
        first = await asyncio.to_thread(next, answer.parts, None)
    except BaseException:
        answer.end()
        raise

    async def parts() -> AsyncIterator[bytes]:
        part = first
        try:
            while part is not None:
                yield part
                part = await asyncio.to_thread(next, answer.parts, None)
        finally:
            answer.end()

    return streaming.Ending(parts(), answer.media_type)


async def _body(
    endpoint: Endpoint, services: Services, headers: Mapping[str, str], receive: bodies.Receive
) -> object:
    settings = services.settings
    if endpoint.request is Nothing:
        return Nothing()
    if endpoint.request is Upload:
        return Upload(headers, receive, limit=settings.upload_bytes, patience=settings.body_timeout)
    if issubclass(endpoint.request, Bulk):
        limit, within = settings.feedback_bytes, settings.body_timeout
        return endpoint.request(headers, receive, limit=limit, within=within)
    return await bodies.json_body(
        headers,
        receive,
        endpoint.request,
        limit=settings.body_bytes,
        depth=settings.json_depth,
        within=settings.body_timeout,
    )


def _answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    passed: Passed = request.scope["state"]["passed"]
    headers = {}
    if isinstance(error, MethodNotAllowedException):
        headers["Allow"] = _taken(error)
    named = _named(error, passed.request_id)
    if named.retry_after is not None:
        headers["Retry-After"] = str(named.retry_after)
    return Response(
        problems.problem(named, passed.request_id),
        media_type=problems.MEDIA_TYPE,
        status_code=problems.status_of(named),
        headers=headers,
    )


def _taken(error: MethodNotAllowedException) -> str:
    """The methods that a path takes; the router counts an answer to OPTIONS that the gate lets nobody see."""
    known = (error.headers or {}).get("allow", "").split(", ")
    return ", ".join(sorted(method for method in known if method != "OPTIONS"))


def _named(error: Exception, request_id: str) -> KonanError:
    if isinstance(error, KonanError):
        return error
    if isinstance(error, NotFoundException):
        return NotFound("There is nothing at this path.")
    if isinstance(error, MethodNotAllowedException):
        return MethodNotAllowed("This path does not take that method.")
    if isinstance(error, HTTPException) and error.status_code < 500:
        return Invalid("The request cannot be understood.")
    _log.error("request failed", exc_info=error, extra={"request_id": request_id})
    return KonanError("The server failed; its log has the reason under this request's id.")
