"""Accepts the connections of one gateway, and ends those that are slow.

Deadlines are kept by one sweep over all connections instead of a timer for each request: a request that
is answered in a millisecond then costs one addition, not the making and cancelling of a timer.
"""

import asyncio
import socket

from konan.serving.desk import Desk
from konan.serving.protocol import Connection

BACKLOG = 1024
DRAIN_GRACE = 0.25
_SLOWEST_SWEEP = 0.5


class Listener:
    """Accepts connections and watches over them.

    Args:
        desk: what all connections share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._connections: set[Connection] = set()
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, sock: socket.socket) -> None:
        """Accept connections from a bound socket."""
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(self._connection, sock=sock, backlog=BACKLOG))
        self._sweeper = loop.create_task(self._sweep())

    async def start_unix(self, path: str) -> None:
        """Accept connections on a unix socket too; a stale one is replaced."""
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_unix_server(self._connection, path, backlog=BACKLOG))

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, let requests in flight end, and close everything.

        Args:
            seconds: after so long, what is still open is cut.
        """
        self._desk.draining = True
        for server in self._servers:
            server.close()
        end = self._desk.now() + seconds
        for connection in self._connections:
            connection.hurry(self._desk.now() + min(DRAIN_GRACE, seconds))
        while self._connections and self._desk.now() < end:
            self._expire()
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.cut()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _connection(self) -> Connection:
        return Connection(self._desk, self._admit, self._forget)

    def _admit(self, connection: Connection) -> bool:
        metrics = self._desk.metrics
        if len(self._connections) >= self._desk.settings.connections:
            metrics.refused += 1
            return False
        self._connections.add(connection)
        metrics.accepted += 1
        metrics.connections = len(self._connections)
        return True

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._desk.metrics.connections = len(self._connections)

    async def _sweep(self) -> None:
        wanted = self._desk.settings
        pause = min(_SLOWEST_SWEEP, wanted.head_timeout / 4, wanted.body_timeout / 4, wanted.idle_timeout / 4)
        while True:
            await asyncio.sleep(pause)
            self._desk.answers.tick()
            self._expire()

    def _expire(self) -> None:
        now = self._desk.now()
        late = [c for c in self._connections if c.deadline <= now or c.stalls_at <= now]
        for connection in late:
            connection.expire(now)
