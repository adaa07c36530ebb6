"""A gateway: the snapshot, the keys, the journal and the listener put together, and what it is told.

It serves from its own copy of the routes, so it goes on when control is down, and it never imports a model
library or unpickles anything.
"""

import asyncio
import logging
import re
import socket
from pathlib import Path
from typing import Any

import msgspec

from konan import clock, config
from konan.access import secret
from konan.access.grants import Grants
from konan.channel import Channel
from konan.config import Settings
from konan.errors import RequestMalformed, Unauthenticated
from konan.journal import turning
from konan.journal.writer import Writer
from konan.records import messages
from konan.records.access import Principal
from konan.records.messages import AnyMessage
from konan.records.routes import Snapshot
from konan.serving import bugs
from konan.serving.answered import ANSWERS
from konan.serving.answers import Answer
from konan.serving.desk import Desk, Target
from konan.serving.health import Health
from konan.serving.http1 import Head
from konan.serving.idempotency import Idempotency, digest
from konan.serving.listener import Listener
from konan.serving.metrics import Metrics
from konan.serving.predict import Line, Predict
from konan.serving.proxy import Splice
from konan.serving.table import Table

STATS_SECONDS = 1.0

_log = logging.getLogger(__name__)
_PREDICT = re.compile(r"/v1/deployments/([^/]+)/predict")
_LARGE = re.compile(r"/v1/deployments/[^/]+/(versions|feedback)")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Gateway:
    """One gateway process's parts.

    Args:
        index: its number among the gateways; its journal is named by it.
        settings: all settings.
        channel: to the supervisor.

    Raises:
        Conflict: another process writes this gateway's journal.
    """

    def __init__(self, index: int, settings: Settings, channel: Channel) -> None:
        self._told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._index = index
        self._settings = settings
        self._channel = channel
        self._paths = config.paths(settings)
        self._grants = Grants(())
        self._generation = -1
        self._control_down = ""
        self._metrics = Metrics()
        self._journal = Writer(
            self._paths.journal / str(index), settings.segment_bytes, asyncio.get_running_loop()
        )
        server_secret = secret.load(self._paths.secret)
        self._table = Table(settings, self._metrics, self._hung, server_secret)
        self._desk = Desk(settings, self._target, self._metrics)
        self._listener = Listener(self._desk)
        self._idempotency = Idempotency(
            self._paths.root / ANSWERS,
            self._paths.journal / str(index),
            max(settings.gateways, 1),
            lambda: self._journal.answered,
            asyncio.get_running_loop(),
        )
        self._line = Line(
            self._desk,
            settings,
            self._authenticate,
            self._table,
            self._journal,
            self._idempotency,
            server_secret,
        )
        self._hosts = {*_LOOPBACK, _as_host(settings.host)}
        small = settings.body_bytes
        said = Answer(200, b'{"status":"ok"}')
        self._health = Health(lambda: True, said, self._authenticate)
        self._readiness = Health(self.is_ready, said, self._authenticate)
        self._large = {
            "versions": Splice(self._desk, settings.upload_bytes, reason=self._reason),
            "feedback": Splice(self._desk, settings.feedback_bytes, reason=self._reason),
        }
        self._others = Splice(self._desk, small, reason=self._reason)
        self._peers = [Splice(self._desk, small, peer_socket(n), peer=True) for n in range(settings.gateways)]

    def is_ready(self) -> bool:
        """Whether the gateway should be sent requests: it has routes and a journal, and is not draining."""
        return self._generation >= 0 and not self._journal.broken and not self._desk.draining

    async def start(self, sock: socket.socket) -> None:
        """Take the snapshot that is there, and accept connections.

        Args:
            sock: the bound socket.
        """
        self.take_snapshot()
        await self._listener.start(sock)
        if len(self._peers) > 1:
            await self._listener.start_unix(peer_socket(self._index))
        self._channel.send(messages.Ready(name="gateway"))
        _log.info("gateway serves", extra={"generation": self._generation})

    async def serve(self) -> None:
        """Serve until the supervisor says to drain or has gone, then drain."""
        reporting = asyncio.create_task(self._report())
        obeying = asyncio.create_task(self._obey())
        await asyncio.wait((obeying, self._told), return_when=asyncio.FIRST_COMPLETED)
        grace = obeying.result() if obeying.done() else self._settings.drain_timeout
        obeying.cancel()
        _log.info("gateway drains", extra={"seconds": grace})
        await self._listener.drain(grace)
        reporting.cancel()
        self._table.close()
        self._journal.close()
        self._idempotency.close()
        self._channel.close()

    def picture(self) -> dict[str, Any]:
        """Everything that is counted, as plain JSON values (see `Metrics.snapshot`)."""
        journal = self._journal
        return {
            **self._metrics.snapshot(),
            "journal_entries": journal.records,
            "journal_groups": journal.groups,
            "journal_bytes": journal.bytes,
            "queues": self._table.queues(),
        }

    def drain(self) -> None:
        """Begin to drain, as if the supervisor had said so."""
        if not self._told.done():
            self._told.set_result(None)

    def take_snapshot(self) -> None:
        """Serve what the snapshot's file says from now on; without a readable file, go on as before."""
        try:
            snapshot = msgspec.json.decode(self._paths.snapshot.read_bytes(), type=Snapshot)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            bugs.report(error)
            return
        self._table.take(snapshot)
        self._grants = Grants(snapshot.keys)
        self._generation = snapshot.generation
        self._channel.send(messages.SnapshotTaken(gateway=self._index, generation=snapshot.generation))

    def _target(self, head: Head) -> Target:
        if head.host not in self._hosts:
            raise RequestMalformed("The Host header names another server.")
        if head.path == "/healthz":
            return self._health
        if head.path == "/readyz":
            return self._readiness
        asked = _PREDICT.fullmatch(head.path)
        if asked:
            owner = self._owner(head)
            here = owner == self._index
            return Predict(self._line, asked[1], head) if here else self._peers[owner]
        large = head.method == "POST" and _LARGE.fullmatch(head.path)
        return self._large[large[1]] if large else self._others

    def _owner(self, head: Head) -> int:
        """The gateway that answers a prediction: any, but with an idempotency key always the same."""
        if head.idempotency_key is None or len(self._peers) < 2:
            return self._index
        return int.from_bytes(digest(head.path, head.idempotency_key)[:8], "little") % len(self._peers)

    def _authenticate(self, head: Head) -> Principal:
        return self._grants.authenticate(head.authorization, clock.now_ns() * 1e-9)

    def _reason(self, head: Head) -> str:
        """Why control does not answer, as far as it is known, for those with a valid key."""
        try:
            self._authenticate(head)
        except Unauthenticated:
            return ""
        return self._control_down

    def _hung(self, version_uuid: str, worker: int) -> None:
        _log.warning("worker hangs", extra={"version": version_uuid, "worker": worker})
        self._channel.send(messages.WorkerHung(version_uuid=version_uuid, worker=worker))

    async def _obey(self) -> float:
        """Do what the supervisor says until it says to drain, or has gone; gives the seconds for draining."""
        while (received := await self._channel.receive()) is not None:
            message, descriptors = received
            if isinstance(message, messages.Drain):
                return message.seconds
            self._take(message, [socket.socket(fileno=descriptor) for descriptor in descriptors])
        return self._settings.drain_timeout

    def _take(self, message: AnyMessage, links: list[socket.socket]) -> None:
        if isinstance(message, messages.LinkAdded) and links:
            self._table.add_link(message.version_uuid, message.worker, links.pop())
        elif isinstance(message, messages.LinkRemoved):
            self._table.remove_link(message.version_uuid, message.worker)
        elif isinstance(message, messages.Resting):
            self._table.rest(message.version_uuid, message.seconds)
        elif isinstance(message, messages.SnapshotChanged):
            self.take_snapshot()
        elif isinstance(message, messages.ControlDown):
            self._control_down = message.reason
        for link in links:
            link.close()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(STATS_SECONDS)
            self._idempotency.note()
            self._turn_over()
            self._channel.send(messages.Stats(gateway=self._index, metrics=self.picture()))

    def _turn_over(self) -> None:
        """Begin a new segment of the journal if anyone has asked for it."""
        directory = self._paths.journal / str(self._index)
        if turning.is_asked(directory):
            self._journal.turn_over(lambda error: self._turned(directory) if error is None else None)

    def _turned(self, directory: Path) -> None:
        turning.answered(directory)
        self._idempotency.note(now=True)


def peer_socket(index: int) -> str:
    """Where a gateway takes requests from other gateways, in `Paths.run`."""
    return f"gateway-{index}.sock"


def _as_host(address: str) -> str:
    return f"[{address}]" if ":" in address else address.lower()
