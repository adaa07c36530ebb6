"""For how long the rows of a deployment are kept, and what went because of its age."""

from typing import Annotated, Literal

import msgspec

Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]
"""Whole days that rows are kept, the present one not counted; 0 keeps them for ever."""

Where = Literal["predictions", "rejected", "truths", "aside"]


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What went at once.

    Attributes:
        at: when, RFC 3339.
        place: ``predictions`` (with the copies that challengers answered), ``rejected`` requests, ``truths``
            (each revision counts), or ``aside``: bytes of the whole server that nobody could read.
        day: on which they came, as ``2026-11-23`` (UTC).
        count: rows; of ``aside`` bytes.
    """

    at: str
    place: Where
    day: str
    count: int


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How a deployment's rows age.

    Attributes:
        deployment: its name.
        days: whole days that they are kept, the present one not counted; 0 keeps them for ever.
        version: number of the live version that says so; null when it is the server's setting.
        removed: what went, newest first; of each place as much as is remembered.
    """

    deployment: str
    days: int
    version: int | None
    removed: tuple[Removed, ...]
