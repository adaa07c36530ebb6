"""A client that sends exactly the bytes it is told to, and reads answers strictly."""

import contextlib
import socket
from dataclasses import dataclass
from typing import Any

import msgspec

PATIENCE = 10.0


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """The code of a problem."""
        assert self.headers["content-type"] == "application/problem+json"
        code: str = self.json["code"]
        return code


class Client:
    """One connection."""

    def __init__(self, address: tuple[str, int], key: str | None) -> None:
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        self.key = key
        self._received = bytearray()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes; that the other side has closed shows when reading."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def head(self, method: str, path: str, **headers: str) -> bytes:
        """The bytes of a head; underscores in names of headers become hyphens, an empty value drops one."""
        fields = {"host": "localhost"}
        if self.key is not None:
            fields["authorization"] = f"Bearer {self.key}"
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in fields.items() if value]
        return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Send a whole request and read its answer."""
        if body and "transfer_encoding" not in headers:
            headers.setdefault("content_length", str(len(body)))
        self.send(self.head(method, path, **headers) + body)
        return self.read(with_body=method != "HEAD")

    def predict(self, body: Any, name: str = "bikes", **headers: str) -> Reply:
        """Ask for a prediction; bytes are sent as they are."""
        self.start_predict(body, name, **headers)
        return self.read()

    def start_predict(self, body: Any, name: str = "bikes", **headers: str) -> None:
        """Ask for a prediction, but do not read the answer."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        headers = {"content_type": "application/json", "content_length": str(len(data)), **headers}
        self.send(self.head("POST", f"/v1/deployments/{name}/predict", **headers) + data)

    def read(self, *, with_body: bool = True) -> Reply:
        """Read one answer to its end."""
        head = self._until(b"\r\n\r\n").decode("latin-1")
        start, *lines = head.split("\r\n")[:-2]
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            assert name.lower() not in headers, f"{name} was sent twice"
            headers[name.lower()] = value
        version, status, _ = start.split(" ", 2)
        assert version == "HTTP/1.1"
        body = self._body(headers) if with_body and int(status) not in {100, 204, 304} else b""
        return Reply(int(status), headers, body)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self._until(b"\r\n"), 16):
                body += self._exactly(size)
                assert self._exactly(2) == b"\r\n"
            assert self._exactly(2) == b"\r\n"
            return body
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"]))
        return self.rest()

    def rest(self) -> bytes:
        """Everything until the other side closes."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.socket.recv(65536):
                self._received += data
        return self._taken(len(self._received))

    def is_closed(self) -> bool:
        """Wait for the other side to close; whether nothing more came before."""
        return self.rest() == b""

    def _until(self, end: bytes) -> bytes:
        while end not in self._received:
            self._more()
        return self._taken(self._received.index(end) + len(end))

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            self._more()
        return self._taken(size)

    def _taken(self, size: int) -> bytes:
        found = bytes(self._received[:size])
        del self._received[:size]
        return found

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed after {bytes(self._received)!r}")
        self._received += data
