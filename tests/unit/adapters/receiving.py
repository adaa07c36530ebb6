"""A real HTTP server on loopback that takes webhooks and answers what a test says."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override


@dataclass
class Taken:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiving:
    """A server.

    Attributes:
        port: that it listens on.
        status: of its next answers.
        headers: of its next answers.
        endless: whether its answers go on for ever.
        taken: requests so far.
        connections: made so far.
    """

    port: int = 0
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    endless: bool = False
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0


@contextmanager
def server(context: ssl.SSLContext | None = None) -> Iterator[Receiving]:
    """A server that takes webhooks until the block ends."""
    said, over = Receiving(), threading.Event()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(said, over))
    listening.daemon_threads = True
    if context is not None:
        listening.socket = context.wrap_socket(
            listening.socket, server_side=True, do_handshake_on_connect=False
        )
    said.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield said
    finally:
        over.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


def _handler(said: Receiving, over: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        @override
        def setup(self) -> None:
            said.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            said.taken.append(Taken(self.path, headers, body))
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            while said.endless and not over.is_set():
                self.wfile.write(b"x" * 65_536)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        @override
        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return  # whoever asked has gone

    return Handler
