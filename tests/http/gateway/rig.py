"""A real gateway process with everything around it played by the test: supervisor, workers, control."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from tests.http.gateway.raw import Client, Reply

from konan import config
from konan.access import keys
from konan.config import Settings
from konan.records import messages
from konan.records.access import KeyGrant
from konan.records.messages import AnyMessage
from konan.records.routes import Route, RouteVersion, Snapshot
from konan.records.schema import Feature, Output, Schema
from konan.worker import frames
from konan.worker.frames import DONE, Frame

SCHEMA = Schema(
    features=(Feature(name="temp", type="number"), Feature(name="hr", type="integer")),
    output=Output(kind="regressor"),
)
PATIENCE = 10.0
Model = Callable[[Frame], Frame]


def summing(frame: Frame) -> Frame:
    """A model that answers the sum of a row's numbers."""
    numbers = array("d", frame.numbers)
    width = len(numbers) // frame.rows
    sums = array("d", (sum(numbers[row * width : (row + 1) * width]) for row in range(frame.rows)))
    return Frame(DONE, frame.rows, sums.tobytes(), b"", 1000)


def version(number: int = 1, **changes: Any) -> RouteVersion:
    """A version whose uuid tells its number."""
    made = RouteVersion(
        uuid=f"version-{number}", number=number, schema=SCHEMA, batch_rows=64, deadline=5.0, queue_rows=1000
    )
    return msgspec.structs.replace(made, **changes)


def route(name: str = "bikes", *versions: RouteVersion, live: int | None = 0) -> Route:
    """A deployment of the project ``default``; its first version is live unless another or none is named."""
    versions = versions or (version(),)
    live = versions[0].number if live == 0 else live
    return Route(project="default", name=name, deployment=f"uuid-of-{name}", live=live, versions=versions)


def until(condition: Callable[[], bool], within: float = PATIENCE) -> None:
    """Wait for a condition, without guessing how long it takes."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


class Rig:
    """One gateway process.

    Args:
        directory: an empty one, for the data.
        changes: settings that differ from the defaults.
    """

    def __init__(self, directory: Path, **changes: Any) -> None:
        self.settings = replace(Settings(data_dir=str(directory)), **changes)
        self.paths = config.paths(self.settings)
        self.paths.make()
        self.generation = 0
        self.grants: list[KeyGrant] = []
        self.routes: tuple[Route, ...] = ()
        self.heard: list[AnyMessage] = []
        self.workers: list[Worker] = []
        self.key = self.add_key("predict")
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = self._listening.getsockname()
        self._channel, theirs = socket.socketpair()
        self.process = self._start(theirs)
        threading.Thread(target=self._listen, daemon=True).start()

    def _start(self, channel: socket.socket) -> subprocess.Popen[bytes]:
        reading, writing = os.pipe()
        numbers = [self._listening.fileno(), channel.fileno(), reading]
        names = ["--listen-fd", "--channel-fd", "--settings-fd"]
        pairs = [text for name, number in zip(names, numbers, strict=True) for text in (name, str(number))]
        with (self.paths.logs / "gateway.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "konan.serving", "--index", "0", *pairs],
                pass_fds=numbers,
                cwd=self.paths.run,
                stderr=log,
            )
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(config.to_json(self.settings))
        channel.close()
        return process

    def add_key(self, *scopes: str, **changes: Any) -> str:
        """Make a key; it is valid from the next `publish` on."""
        minted = keys.mint()
        grant = KeyGrant(
            id=minted.id,
            digest=minted.digest,
            project="default",
            scopes=scopes,
            deployments=(),
            expires_at=time.time() + 3600,
        )
        self.grants.append(msgspec.structs.replace(grant, **changes))
        return minted.text

    def publish(self, *routes: Route) -> None:
        """Write a snapshot and wait until the gateway serves it."""
        self.routes = routes or self.routes
        self.generation += 1
        snapshot = Snapshot(generation=self.generation, keys=tuple(self.grants), routes=self.routes)
        fresh = self.paths.run / "routes.new"
        fresh.write_bytes(msgspec.json.encode(snapshot))
        fresh.replace(self.paths.snapshot)
        self.send(messages.SnapshotChanged(generation=self.generation))
        until(lambda: self.generation in {m.generation for m in self.all_heard(messages.SnapshotTaken)})

    def all_heard(self, kind: type[Any]) -> list[Any]:
        """All messages of a kind that the gateway has sent."""
        return [message for message in self.heard if isinstance(message, kind)]

    def send(self, message: AnyMessage, *descriptors: int) -> None:
        """Say something as the supervisor."""
        body = msgspec.json.encode(message)
        data = len(body).to_bytes(4, "little") + body
        socket.send_fds(self._channel, [data], list(descriptors))

    def _listen(self) -> None:
        with contextlib.suppress(OSError), self._channel.makefile("rb") as stream:
            while head := stream.read(4):
                body = stream.read(int.from_bytes(head, "little"))
                self.heard.append(msgspec.json.decode(body, type=AnyMessage))

    def add_worker(self, model: Model = summing, number: int = 1, uuid: str = "version-1") -> "Worker":
        """Start a worker and hand its link to the gateway."""
        ours, theirs = socket.socketpair()
        self.send(messages.LinkAdded(version_uuid=uuid, worker=number), theirs.fileno())
        theirs.close()
        self.workers.append(Worker(ours, model))
        return self.workers[-1]

    def client(self, key: str | None = "") -> Client:
        """A connection; with the rig's own key unless another or none is given."""
        return Client(self.address, self.key if key == "" else key)

    def predict(self, body: Any, name: str = "bikes", **headers: str) -> Reply:
        """Ask for a prediction on a connection of its own."""
        with self.client() as client:
            return client.predict(body, name, **headers)

    def hang_up(self) -> None:
        """Vanish as the supervisor."""
        self._channel.shutdown(socket.SHUT_RDWR)

    def stop(self) -> int:
        """End the process and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self._channel.close()
        self._listening.close()
        return code

    def truncate_log(self) -> None:
        """Forget what was logged on purpose."""
        os.truncate(self.paths.logs / "gateway.log", 0)

    def log(self) -> str:
        """What the gateway has logged."""
        return (self.paths.logs / "gateway.log").read_text()


class Worker:
    """A worker's end of a link, with a model that is a function on frames."""

    def __init__(self, end: socket.socket, model: Model) -> None:
        self._end = end
        self._model = model
        self.frames: list[Frame] = []
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        with contextlib.suppress(OSError):
            while (frame := frames.read(self._end)) is not None:
                self.frames.append(frame)
                frames.write(self._end, self._model(frame))
        self._end.close()

    def die(self) -> None:
        """End as a killed process does."""
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def running(directory: Path, **changes: Any) -> Iterator[Rig]:
    """A gateway that serves ``bikes``; its log must not tell of anything unforeseen."""
    rig = Rig(directory, **changes)
    try:
        rig.publish(route())
        rig.add_worker()
        yield rig
        assert "unforeseen" not in rig.log()
        assert "Traceback" not in rig.log()
    finally:
        rig.stop()
