"""Lines that a model wrote, with the time at which they came and how severe they look."""

import re
from typing import Literal

import msgspec

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ")
_LOOKED = 300
"""Bytes of a line in which its level is looked for."""

_TRACEBACK = b"Traceback (most recent call last)"
_WORD = re.compile(
    rb"\b(DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b"
    rb"|\b\w*(Warning|Error|Exception):"
    rb'|"(?:level|levelname|severity|log\.level)"\s*:\s*"(\w+)"'
)
_NAMES: dict[bytes, Level] = {
    b"debug": "debug",
    b"info": "info",
    b"warn": "warning",
    b"warning": "warning",
    b"error": "error",
    b"exception": "error",
    b"critical": "error",
    b"fatal": "error",
}


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line.

    Attributes:
        at: when it came, RFC 3339; null of lines that an older Konan kept.
        level: as the line itself says, by a word as ``ERROR``, by JSON, or by a traceback; else ``info``.
        text: the line.
    """

    at: str | None
    level: Level
    text: str


def stamped(lines: bytes, at: str) -> bytes:
    r"""Lines as they are kept: each behind the time at which it came.

    >>> stamped(b"one\ntwo\n", "2026-11-24T08:00:00.000000Z")
    b'2026-11-24T08:00:00.000000Z one\n2026-11-24T08:00:00.000000Z two\n'
    """
    stamp = at.encode() + b" "
    return b"".join(stamp + line + b"\n" for line in lines.removesuffix(b"\n").split(b"\n"))


def parted(line: bytes) -> tuple[str | None, bytes]:
    """When a kept line came, and what it says.

    >>> parted(b"2026-11-24T08:00:00.000000Z one"), parted(b"old")
    (('2026-11-24T08:00:00.000000Z', b'one'), (None, b'old'))
    """
    found = _STAMP.match(line)
    return (found[1].decode(), line[found.end() :]) if found else (None, line)


class Levels:
    """Tells the levels of lines that follow each other; those of a traceback have that of its first.

    >>> levels = Levels()
    >>> lines = b"WARNING: x|Traceback (most recent call last):|  File|Odd: y|z".split(b"|")
    >>> [levels(line) for line in lines]
    ['warning', 'error', 'error', 'error', 'info']
    """

    def __init__(self) -> None:
        self._last: Level = "info"
        self._inside = False

    def __call__(self, text: bytes) -> Level:
        """The level of the next line."""
        if text.startswith(_TRACEBACK):
            self._inside, self._last = True, "error"
        elif not text.startswith((b" ", b"\t")):
            self._last = "error" if self._inside else _said(text)
            self._inside = False
        return self._last


def _said(text: bytes) -> Level:
    found = _WORD.search(text[:_LOOKED])
    if not found:
        return "info"
    word = next(group for group in found.groups() if group is not None)
    return _NAMES.get(word.lower(), "info")
