"""Long lists, a page at a time: the cursor is the last item's key, in a form that nobody needs to read."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec

from konan.errors import Invalid

T = TypeVar("T")


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of a list.

    Attributes:
        limit: most items, 1 to 1000.
        cursor: the ``next`` of the page before; empty is the first page.
    """

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    cursor: Annotated[str, msgspec.Meta(max_length=200)] = ""

    def after(self) -> str:
        """The key behind which the page begins; empty for the first page.

        Raises:
            Invalid: the cursor was not made here.
        """
        padded = self.cursor + "=" * (-len(self.cursor) % 4)
        try:
            return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        except (ValueError, binascii.Error):
            raise Invalid("The cursor is not one that a list gave as its `next`.") from None


def cut(items: list[T], limit: int, key: Callable[[T], str]) -> tuple[tuple[T, ...], str | None]:
    """A page and the cursor of the next one, from a list with one item more if there is one.

    >>> cut(["a", "b", "c"], 2, str)
    (('a', 'b'), 'Yg')
    """
    shown = tuple(items[:limit])
    if len(items) <= limit:
        return shown, None
    return shown, base64.urlsafe_b64encode(key(shown[-1]).encode()).decode().rstrip("=")
