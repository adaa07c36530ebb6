"""What stands before the router: the key, the shape of the path, and the headers of every answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from konan import clock, ids
from konan.access.grants import Grants
from konan.errors import KonanError, NotFound, RequestMalformed, Unauthenticated
from konan.records.access import Principal
from konan.serving import answers, problems

_REQUEST_ID = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_BAD_PATH = re.compile(r"//|\\|[\x00-\x1f\x7f]|/\.{1,2}(?=/|\Z)")
_HEADERS = tuple((name.lower().encode(), value.encode()) for name, value in answers.SECURITY)


class Keys(Protocol):
    """Who knows the keys."""

    @property
    def grants(self) -> Grants:
        """The keys that are valid now."""
        ...


@dataclass(frozen=True, slots=True)
class Passed:
    """What the gate found out about a request that it let pass.

    Attributes:
        caller: whose key it carries.
        request_id: the id under which the logs name it.
        headers: names in lower case; of a header that came twice, the values joined by commas.
    """

    caller: Principal
    request_id: str
    headers: Mapping[str, str]


class Gate:
    """An ASGI application before the router.

    Args:
        router: answers what has passed.
        keys: knows the keys.
    """

    def __init__(self, router: ASGIApp, keys: Keys) -> None:
        self.router = router
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand on the start and the end of the server."""
        kind = str(scope["type"])
        if kind == "lifespan":
            await self.router(scope, receive, send)
        elif kind == "http":
            await self._answer(cast("HTTPScope", scope), receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": None})

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        asked = headers.get("konan-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else ids.new_uuid()

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = (*_HEADERS, (b"konan-request-id", request_id.encode()))
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        try:
            caller = self._keys.grants.authenticate(headers.get("authorization"), clock.now().timestamp())
            _check(scope["path"])
            if scope["method"] == "OPTIONS":
                scope["method"] = "TRACE"  # the router answers the one by itself, and refuses the other
            scope["state"] = {"passed": Passed(caller, request_id, headers)}
            await self.router(scope, receive, send_marked)
        except KonanError as error:
            await _send_problem(error, request_id, send_marked)


def _headers(scope: HTTPScope) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _check(path: str) -> None:
    if _BAD_PATH.search(path):
        raise RequestMalformed("The path is malformed.")
    if path.endswith("/"):
        raise NotFound("There is nothing at this path.")


async def _send_problem(error: KonanError, request_id: str, send: Send) -> None:
    body = problems.problem(error, request_id)
    headers = [
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    if isinstance(error, Unauthenticated):
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": problems.status_of(error), "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
