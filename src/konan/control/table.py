"""The table of the HTTP API: every path with its method, who may call it, what it takes and what it gives.

A handler gets into the table by `route` alone, whose ``permission`` has no default; the router and the
OpenAPI document are both made from the table, so neither can know a path that the other does not.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from konan.control.bodies import Upload
from konan.control.services import Services
from konan.errors import KonanError
from konan.records.access import Principal, Scope

_UPLOAD_HEADERS = {
    "Konan-Sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 of the body."}
}
QueryT = TypeVar("QueryT")
BodyT = TypeVar("BodyT")
AnswerT = TypeVar("AnswerT")


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters, or no body."""


@dataclass(frozen=True, slots=True)
class Text:
    """An answer that is not the JSON of a record.

    Attributes:
        body: the bytes.
    """

    body: bytes


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that is made while it is sent.

    Attributes:
        parts: of the body; each is made in a thread.
        media_type: of the body.
        end: called when no more of it is wanted, once or twice, also while a part is being made.
    """

    parts: Iterator[bytes]
    media_type: str
    end: Callable[[], None] = lambda: None


@dataclass(frozen=True, kw_only=True, slots=True)
class Call(Generic[QueryT, BodyT]):
    """One call of the API, already authenticated and allowed.

    Attributes:
        services: what to work with.
        caller: for whom.
        path: the variable parts of the path.
        query: the parameters.
        body: the body.
        api: every row of the table that control answers.
    """

    services: Services
    caller: Principal
    path: dict[str, str]
    query: QueryT
    body: BodyT
    api: "tuple[Endpoint, ...]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One row of the table.

    Attributes:
        method: of HTTP.
        path: with variable parts in braces.
        permission: scopes of which one is needed; empty is public.
        query: type of the parameters.
        request: type of the body; `Nothing` is none.
        response: type of the answer.
        status: of an answer that worked.
        media_type: of an answer that worked.
        other_media_types: that it may have instead, if the parameters ask for it.
        headers: those of the request that mean something here, with their schemas.
        summary: one sentence for the document.
        errors: the errors that it answers beside the common ones.
        handler: does it.
    """

    method: str
    path: str
    permission: tuple[Scope, ...]
    query: type
    request: type
    response: type
    status: int
    media_type: str
    summary: str
    errors: tuple[type[KonanError], ...]
    handler: Callable[[Call[Any, Any]], Awaitable[Any]] = field(repr=False)
    other_media_types: tuple[str, ...] = ()
    headers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, in the order in which they were written down."""

    endpoints: list[Endpoint] = field(default_factory=list)

    def route(  # noqa: PLR0913 - a row of a table
        self,
        method: str,
        path: str,
        *,
        permission: Scope | tuple[Scope, ...],
        query: type[QueryT],
        request: type[BodyT],
        response: type[AnswerT],
        summary: str,
        status: int = 200,
        media_type: str = "application/json",
        other_media_types: tuple[str, ...] = (),
        errors: tuple[type[KonanError], ...] = (),
    ) -> Callable[
        [Callable[[Call[QueryT, BodyT]], Awaitable[AnswerT]]],
        Callable[[Call[QueryT, BodyT]], Awaitable[AnswerT]],
    ]:
        """Add a row; the arguments are those of `Endpoint`."""

        def add(
            handler: Callable[[Call[QueryT, BodyT]], Awaitable[AnswerT]],
        ) -> Callable[[Call[QueryT, BodyT]], Awaitable[AnswerT]]:
            self.endpoints.append(
                Endpoint(
                    method=method,
                    path=path,
                    permission=(permission,) if isinstance(permission, str) else permission,
                    query=query,
                    request=request,
                    response=response,
                    status=status,
                    media_type=media_type,
                    other_media_types=other_media_types,
                    headers=_UPLOAD_HEADERS if request is Upload else {},
                    summary=summary,
                    errors=errors,
                    handler=handler,
                )
            )
            return handler

        return add
