"""An answer that is made while it is sent, and ends at once when its reader has gone.

Litestar cancels the sending then, and leaves what makes the parts to the garbage collector.
"""

from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar, Request
from litestar.response import Stream
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Send
from typing_extensions import override


class Ending(Stream):
    """A stream whose generator is closed however the sending ends.

    Args:
        parts: of the body.
        media_type: of the body.
    """

    def __init__(self, parts: AsyncIterator[bytes], media_type: str) -> None:
        super().__init__(parts, media_type=media_type)
        self._parts = parts
        self._type = media_type

    @override
    def to_asgi_response(
        self, app: Litestar | None, request: Request[Any, Any, Any], **_: Any
    ) -> ASGIResponse:
        """The answer as it is sent: with status 200, and without what layers might add; there are none."""
        return _Response(iterator=self._parts, media_type=self._type, status_code=200)


class _Response(ASGIStreamingResponse):
    __slots__ = ()

    @override
    async def _stream(self, send: Send) -> None:
        try:
            await super()._stream(send)
        finally:
            close = getattr(self.iterator, "aclose", None)
            if close is not None:
                await close()
