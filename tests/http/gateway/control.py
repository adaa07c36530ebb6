"""A control plane for tests: a real server on a unix socket, which says what a test wants said."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Asked:
    """One request as control got it."""

    start: str
    fields: list[tuple[str, str]]
    end: socket.socket
    rest: bytes = b""
    body: bytearray = field(default_factory=bytearray)

    def value(self, name: str) -> str | None:
        """The value of a header that was sent at most once."""
        values = [value for known, value in self.fields if known == name]
        assert len(values) <= 1
        return values[0] if values else None

    def say(self, data: bytes) -> None:
        """Send bytes as control."""
        self.end.sendall(data)

    def more(self) -> bytes:
        """The next bytes of the body as they were framed; empty when the other side has gone."""
        if self.rest:
            data, self.rest = self.rest, b""
            return data
        return self.end.recv(65536)

    def read_body(self) -> bytes:
        """The whole body, framed by a length or by chunks without extensions."""
        raw = bytearray()
        length = self.value("content-length")
        while (len(raw) < int(length)) if length else not raw.endswith(b"0\r\n\r\n"):
            data = self.more()
            if not data:
                break
            raw += data
        return bytes(raw)


Behaviour = Callable[[Asked], None]


class Control:
    """Listens on ``control.sock`` in a directory until it is closed.

    Args:
        directory: where the gateway expects it.
        behave: answers one request; the connection is closed behind it.
    """

    def __init__(self, directory: Path, behave: Behaviour) -> None:
        self.behave = behave
        self.asked: list[Asked] = []
        self._path = directory / "control.sock"
        self._listening = socket.socket(socket.AF_UNIX)
        here = os.open(".", os.O_RDONLY)
        os.chdir(directory)
        try:
            self._listening.bind("control.sock")
        finally:
            os.fchdir(here)
            os.close(here)
        self._listening.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Vanish, as a killed control does: the socket's file stays."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                end, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end: socket.socket) -> None:
        with end, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                part = end.recv(65536)
                if not part:
                    return
                data += part
            head, _, rest = data.partition(b"\r\n\r\n")
            start, *lines = head.decode("latin-1").split("\r\n")
            fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
            asked = Asked(start, fields, end, rest)
            self.asked.append(asked)
            self.behave(asked)
