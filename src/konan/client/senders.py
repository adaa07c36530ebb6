"""The two thin senders that walk `konan.client.steps`: one blocks, one awaits."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx

from konan import __version__
from konan.client.address import Address
from konan.client.answers import Response, error_of
from konan.client.steps import Lost, Outcome, Pause, Request, Steps
from konan.errors import Unreachable

T = TypeVar("T")

_PART = 256 * 1024
_TIMEOUT = httpx.Timeout(connect=5.0, read=120.0, write=60.0, pool=5.0)


class Sender:
    """Walks steps and blocks.

    Args:
        address: the server and the key.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._http = httpx.Client(**_options(address))

    def walk(self, steps: Steps[T]) -> T:
        """The result of the steps.

        Raises:
            KonanError: what the steps raise.
        """
        try:
            step = next(steps)
            while True:
                step = steps.send(self._outcome(step))
        except StopIteration as done:
            result: T = done.value
            return result

    def save(self, request: Request, path: Path) -> None:
        """Write the answer of a request to a file, which appears when all of it is there.

        Raises:
            KonanError: what the server answered, or `Unreachable`.
        """
        part = path.with_name(f".{path.name}.part")
        try:
            with self._http.stream(**_arguments(request)) as answer, part.open("wb") as file:
                if answer.status_code >= 300:
                    answer.read()
                    raise error_of(_response(answer, self.address)) or Unreachable("No file was sent.")
                for data in answer.iter_bytes():
                    file.write(data)
            part.replace(path)
        except httpx.HTTPError as error:
            raise _lost(error, self.address).error from None
        finally:
            part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def stream(self, request: Request) -> Iterator[Iterator[bytes]]:
        """The answer of a request as it comes, piece by piece.

        Raises:
            KonanError: what the server answered, or `Unreachable`; also from the pieces.
        """
        try:
            with self._http.stream(**_arguments(request)) as answer:
                if answer.status_code >= 300:
                    answer.read()
                    raise error_of(_response(answer, self.address)) or Unreachable("Nothing was sent.")
                yield answer.iter_bytes()
        except httpx.HTTPError as error:
            raise _lost(error, self.address).error from None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _outcome(self, step: Request | Pause) -> Outcome:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        body = _parts(step.body) if isinstance(step.body, Path) else step.body
        try:
            answer = self._http.request(**_arguments(step), content=body)
        except httpx.HTTPError as error:
            return _lost(error, self.address)
        return _response(answer, self.address)


class AsyncSender:
    """Walks steps and awaits.

    Args:
        address: the server and the key.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._http = httpx.AsyncClient(**_options(address))

    async def walk(self, steps: Steps[T]) -> T:
        """The result of the steps.

        Raises:
            KonanError: what the steps raise.
        """
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._outcome(step))
        except StopIteration as done:
            result: T = done.value
            return result

    async def save(self, request: Request, path: Path) -> None:
        """Write the answer of a request to a file, which appears when all of it is there.

        Raises:
            KonanError: what the server answered, or `Unreachable`.
        """
        part = path.with_name(f".{path.name}.part")
        try:
            async with self._http.stream(**_arguments(request)) as answer:
                if answer.status_code >= 300:
                    await answer.aread()
                    raise error_of(_response(answer, self.address)) or Unreachable("No file was sent.")
                with part.open("wb") as file:
                    async for data in answer.aiter_bytes():
                        await asyncio.to_thread(file.write, data)
            part.replace(path)
        except httpx.HTTPError as error:
            raise _lost(error, self.address).error from None
        finally:
            part.unlink(missing_ok=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _outcome(self, step: Request | Pause) -> Outcome:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        body = _async_parts(step.body) if isinstance(step.body, Path) else step.body
        try:
            answer = await self._http.request(**_arguments(step), content=body)
        except httpx.HTTPError as error:
            return _lost(error, self.address)
        return _response(answer, self.address)


def _options(address: Address) -> dict[str, Any]:
    headers = {"User-Agent": f"konan/{__version__}", "Accept": "application/json"}
    if address.key:
        headers["Authorization"] = f"Bearer {address.key}"
    return {
        "base_url": address.url,
        "headers": headers,
        "timeout": _TIMEOUT,
        "trust_env": not address.loopback,  # a proxy cannot reach this machine's own server
    }


def _arguments(request: Request) -> dict[str, Any]:
    headers = {"Content-Type": request.media_type} if request.media_type else {}
    if isinstance(request.body, Path):
        headers["Content-Length"] = str(request.body.stat().st_size)
    return {
        "method": request.method,
        "url": request.path,
        "params": dict(request.query) or None,
        "headers": headers,
    }


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_PART):
            yield part


async def _async_parts(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while part := await asyncio.to_thread(file.read, _PART):
            yield part


def _response(answer: httpx.Response, address: Address) -> Response:
    wait = answer.headers.get("Retry-After", "")
    return Response(
        status=answer.status_code,
        body=answer.content,
        retry_after=int(wait) if wait.isdecimal() else None,
        origin=address.url,
    )


def _lost(error: httpx.HTTPError, address: Address) -> Lost:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        problem = Unreachable(
            f"No server answers at {address.url}.",
            hint="Start one with `konan up`, or name another with --url or KONAN_URL.",
        )
        return Lost(problem, sent=False)
    reason = "took too long" if isinstance(error, httpx.TimeoutException) else "broke off"
    problem = Unreachable(
        f"The answer of {address.url} {reason}.",
        hint="`konan doctor` checks the server; `konan status` shows whether the request took effect.",
    )
    return Lost(problem, sent=True)
