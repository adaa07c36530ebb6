"""Reads what the server answered: records when it worked, an error of the tree when it did not."""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from konan.errors import (
    Conflict,
    Fault,
    Invalid,
    KonanError,
    NotAllowed,
    NotFound,
    TooMany,
    Unauthenticated,
    Unreachable,
    by_code,
)

T = TypeVar("T")

_BY_CODE = by_code()
_BY_STATUS: dict[int, type[KonanError]] = {
    401: Unauthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    429: TooMany,
}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it came.

    Attributes:
        status: HTTP status.
        body: the bytes.
        retry_after: seconds that the server asks to wait, or ``None``.
        origin: the server's address, for messages.
    """

    status: int
    body: bytes
    retry_after: int | None = None
    origin: str = "the address"


class _Problem(msgspec.Struct):
    code: str = ""
    title: str = ""
    detail: str = ""
    hint: str = ""
    request_id: str = ""
    faults: tuple[Fault, ...] = ()


def decode(response: Response, kind: type[T]) -> T:
    """The record in an answer.

    Raises:
        Unreachable: the answer is not what a Konan server sends.
    """
    try:
        return msgspec.json.decode(response.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _stranger(response) from None


def error_of(response: Response) -> KonanError | None:
    """The error that an answer tells of, or ``None`` when it tells of none.

    The class is found by the answer's stable ``code``; an answer with a code that this client does not
    know, as from a newer server, is told by its status.
    """
    if response.status < 300:
        return None
    try:
        problem = msgspec.json.decode(response.body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _stranger(response)
    kind = _BY_CODE.get(problem.code) or _by_status(response.status)
    error = kind(
        problem.detail or problem.title or f"The server answered {response.status}.",
        hint=problem.hint,
        faults=problem.faults,
        retry_after=response.retry_after,
    )
    if problem.request_id:
        error.add_note(f"request id: {problem.request_id}")
    return error


def shifted(error: KonanError, rows: int) -> KonanError:
    """The same error with its faults' pointers counted from an earlier first row.

    >>> fault = Fault(pointer="/2/hour", code="missing", message="")
    >>> shifted(Invalid("", faults=(fault,)), 1000).faults[0].pointer
    '/1002/hour'
    """
    moved = type(error)(
        error.message,
        hint=error.hint,
        faults=tuple(_moved(fault, rows) for fault in error.faults),
        retry_after=error.retry_after,
    )
    for note in getattr(error, "__notes__", ()):
        moved.add_note(note)
    return moved


def _moved(fault: Fault, rows: int) -> Fault:
    head, *rest = fault.pointer.split("/")[1:] or [""]
    if not head.isdigit():
        return fault
    return msgspec.structs.replace(fault, pointer="/".join(["", str(int(head) + rows), *rest]))


def _by_status(status: int) -> type[KonanError]:
    return _BY_STATUS.get(status) or (Invalid if 400 <= status < 500 else KonanError)


def _stranger(response: Response) -> Unreachable:
    return Unreachable(
        f"What answers at {response.origin} is not a Konan server (it answered {response.status}).",
        hint="Check the address: flag --url, KONAN_URL, or the profile.",
    )
