"""The bodies and parameters of requests: read within bounds, and taken only in the one form that is meant."""

import asyncio
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl

import msgspec

from konan.errors import (
    BodyTooLarge,
    Fault,
    Invalid,
    JsonMalformed,
    JsonTooDeep,
    MediaTypeUnsupported,
    RequestMalformed,
    RequestTimeout,
    StorageFull,
)

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
T = TypeVar("T")
_JSON = re.compile(r"application/json(?:[ \t]*;[ \t]*charset=\"?utf-8\"?)?[ \t]*", re.IGNORECASE | re.ASCII)
_PLACE = re.compile(r" - at `\$(.*)`\Z")
_STEP = re.compile(r"\.([^.\[]+)|\[([0-9]+|\.\.\.)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_OPENING = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|[\]}]', re.DOTALL)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_PARAMETERS = 20


class Upload:
    """A body that is too large for memory.

    Args:
        headers: of the request, names in lower case.
        receive: gives the next part of the body.
        limit: most bytes.
        patience: seconds that may pass between two parts.
    """

    def __init__(self, headers: Mapping[str, str], receive: Receive, *, limit: int, patience: float) -> None:
        self._headers = headers
        self._receive = receive
        self._limit = limit
        self._patience = patience

    async def save(self, path: Path) -> None:
        """Write the body to a new file; when that fails, no file is left.

        Raises:
            MediaTypeUnsupported: it does not say that it is a zip archive.
            BodyTooLarge: it is larger than allowed.
            RequestTimeout: nothing came for too long.
            Invalid: it is empty, or has not the digest that ``Konan-Sha256`` says.
            StorageFull: there is no room.
        """
        if self._headers.get("content-type", "").strip().lower() != "application/zip":
            raise MediaTypeUnsupported("A version is uploaded as application/zip.")
        expected = self._headers.get("konan-sha256", "")
        if expected and _SHA256.fullmatch(expected) is None:
            raise Invalid("Konan-Sha256 must be 64 hexadecimal digits in lower case.")
        kept = False
        try:
            size, digest = await self._write(path)
            _check(size, digest, expected)
            kept = True
        except OSError as error:
            raise StorageFull("The upload could not be kept.", hint="Make room on the disk.") from error
        finally:
            if not kept:
                await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _write(self, path: Path) -> tuple[int, str]:
        hasher, size = hashlib.sha256(), 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            async for part in parts(self._headers, self._receive, self._limit, self._patience):
                size += len(part)
                hasher.update(part)
                await asyncio.to_thread(file.write, part)
        return size, hasher.hexdigest()


class Bulk:
    """A JSON body of one record or an array of very many, in which one that is wrong spoils no other.

    Args:
        headers: of the request, names in lower case.
        receive: gives the next part of the body.
        limit: most bytes.
        within: seconds for all of it.

    Attributes:
        record: what one of them is, for the document.
    """

    record: ClassVar[type]

    def __init__(self, headers: Mapping[str, str], receive: Receive, *, limit: int, within: float) -> None:
        self._headers = headers
        self._receive = receive
        self._limit = limit
        self._within = within

    async def read(self) -> bytes:
        """The body.

        Raises:
            Invalid: it is too large, too slow or not said to be JSON.
        """
        return await _json_bytes(self._headers, self._receive, self._limit, self._within)


def _check(size: int, digest: str, expected: str) -> None:
    if size == 0:
        raise Invalid("The upload is empty.")
    if expected not in {"", digest}:
        raise Invalid("The upload arrived with another digest than Konan-Sha256 says.")


async def parts(
    headers: Mapping[str, str], receive: Receive, limit: int, patience: float
) -> AsyncIterator[bytes]:
    """The parts of a body as they come.

    Raises:
        BodyTooLarge: there are, or will be, more bytes than the limit.
        RequestTimeout: no part came for ``patience`` seconds.
        RequestMalformed: the caller has gone.
    """
    left = limit - (int(announced) if (announced := headers.get("content-length", "")).isdecimal() else 0)
    if left < 0:
        raise BodyTooLarge(f"The body is larger than {limit} bytes.")
    left = limit
    more = True
    while more:
        try:
            async with asyncio.timeout(patience):
                message = await receive()
        except TimeoutError:
            raise RequestTimeout("The body did not arrive in time.") from None
        if message["type"] == "http.disconnect":
            raise RequestMalformed("The body ended early.")
        part, more = message.get("body", b""), message.get("more_body", False)
        left -= len(part)
        if left < 0:
            raise BodyTooLarge(f"The body is larger than {limit} bytes.")
        if part:
            yield part


async def json_body(
    headers: Mapping[str, str], receive: Receive, kind: type[T], *, limit: int, depth: int, within: float
) -> T:
    """A JSON body as a record.

    Args:
        headers: of the request, names in lower case.
        receive: gives the next part of the body.
        kind: a struct that forbids unknown fields.
        limit: most bytes.
        depth: deepest nesting.
        within: seconds for all of it.

    Raises:
        Invalid: it is not that; the kinds of it tell why.
    """
    body = await _json_bytes(headers, receive, limit, within)
    if _deeper(body, depth):
        raise JsonTooDeep(f"The body nests deeper than {depth} levels.")
    try:
        decoded = msgspec.json.decode(body, type=kind, strict=True)
        json.loads(body, object_pairs_hook=_once)
    except msgspec.ValidationError as error:
        raise Invalid("The body is not what is asked for.", faults=(fault_of(error),)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise JsonMalformed("The body is not JSON.") from None
    return decoded


async def _json_bytes(headers: Mapping[str, str], receive: Receive, limit: int, within: float) -> bytes:
    if _JSON.fullmatch(headers.get("content-type", "")) is None:
        raise MediaTypeUnsupported("The body must be application/json in UTF-8.")
    try:
        async with asyncio.timeout(within):
            return b"".join([part async for part in parts(headers, receive, limit, within)])
    except TimeoutError:
        raise RequestTimeout("The body did not arrive in time.") from None


def query(raw: bytes, kind: type[T]) -> T:
    """The parameters behind the question mark as a record.

    >>> from konan.control.pages import Page
    >>> query(b"limit=5", Page).limit
    5

    Raises:
        Invalid: a parameter is unknown, given twice, or not of its type.
    """
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(raw),
            max_num_fields=_MOST_PARAMETERS,
            errors="strict",
        )
    except ValueError:
        raise Invalid("The parameters behind the question mark are malformed.") from None
    if len(dict(pairs)) != len(pairs):
        raise Invalid("A parameter is given more than once.")
    try:
        return msgspec.convert(dict(pairs), kind, strict=False)
    except msgspec.ValidationError as error:
        fault = fault_of(error)
        message = f"A parameter is not what is asked for: {fault.pointer.lstrip('/')}. {fault.message}"
        raise Invalid(message) from None


def _once(members: list[tuple[str, object]]) -> None:
    # Of two members with one name, readers take the first or the last; nobody shall have to guess.
    if len(dict(members)) != len(members):
        raise Invalid("A field of the body is given more than once.")


def _deeper(body: bytes, depth: int) -> bool:
    level = 0
    for token in _OPENING.finditer(body):
        if token[1]:
            level += 1
            if level > depth:
                return True
        elif token[0] in b"]}":
            level -= 1
    return False


def fault_of(error: msgspec.ValidationError) -> Fault:
    """What msgspec says as a fault: the place as a JSON pointer, and never a value that was sent."""
    message = str(error)
    place = _PLACE.search(message)
    text = message[: place.start()] if place else message
    steps = [_STEP.sub(r"\1\2", step[0]) for step in _STEP.finditer(place[1])] if place else []
    code = "wrong_type"
    if named := _UNKNOWN.fullmatch(text):
        code, text = "unknown_field", "There is no such field."
        steps.append(named[1])
    elif named := _MISSING.fullmatch(text):
        code, text = "missing", "The field is needed."
        steps.append(named[1])
    elif not text.startswith("Expected"):
        text = "The value is not allowed here."
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return Fault(pointer=pointer, code=code, message=text)
