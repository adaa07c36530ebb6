"""What supervisor, gateways, workers and control say to each other over inherited sockets.

Each message is one JSON object behind a little-endian uint32 with its length; descriptors travel beside
it (SCM_RIGHTS). Workers speak the same framing with plain dictionaries, because they import nothing of
Konan's (see `konan.worker.main`).
"""

from typing import Any, Literal

import msgspec

from konan.records.routes import WorkerSpec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """The parent of all messages; the tag is the class's name."""


class WantWorkers(Message, frozen=True, kw_only=True, tag="want_workers"):
    """Control to supervisor: exactly these workers shall run."""

    workers: tuple[WorkerSpec, ...]


class SnapshotChanged(Message, frozen=True, kw_only=True, tag="snapshot_changed"):
    """Control to supervisor to gateways: read the snapshot file again."""

    generation: int


class SnapshotTaken(Message, frozen=True, kw_only=True, tag="snapshot_taken"):
    """Gateway to supervisor to control: from now on the gateway serves this generation."""

    gateway: int
    generation: int


class LinkAdded(Message, frozen=True, kw_only=True, tag="link_added"):
    """Supervisor to gateway, with one descriptor: a ready worker's link."""

    version_uuid: str
    worker: int


class LinkRemoved(Message, frozen=True, kw_only=True, tag="link_removed"):
    """Supervisor to gateway: send this worker nothing more; close the link when its frame is answered."""

    version_uuid: str
    worker: int


class WorkerHung(Message, frozen=True, kw_only=True, tag="worker_hung"):
    """Gateway to supervisor: a call outlived its deadline; kill and replace the worker."""

    version_uuid: str
    worker: int


class WorkersChanged(Message, frozen=True, kw_only=True, tag="workers_changed"):
    """Supervisor to control: how the workers of a version are.

    Attributes:
        version_uuid: whose.
        ready: workers that can answer.
        resting: whether the breaker is open.
        failure: why the last worker did not start, ``{"type", "message", "traceback"}``, or null.
        sandbox: level and layers that the last ready worker reported, or null.
    """

    version_uuid: str
    ready: int
    resting: bool = False
    failure: dict[str, str] | None = None
    sandbox: dict[str, Any] | None = None


class Resting(Message, frozen=True, kw_only=True, tag="resting"):
    """Supervisor to gateways: the breaker of a version opened or closed.

    Attributes:
        version_uuid: whose.
        seconds: for how long it rests from now; 0 closes the breaker.
    """

    version_uuid: str
    seconds: float


class Processes(Message, frozen=True, kw_only=True, tag="processes"):
    """Supervisor to control: the processes that run.

    Attributes:
        processes: ``{"name", "pid", "restarts"}`` of each, as ``worker bikes v3 #1``.
        gateways: indices of the gateways that run, also of those that are just starting.
        generation: of the last `SnapshotChanged` that control sent; all these gateways were told of it.
    """

    processes: tuple[dict[str, Any], ...]
    gateways: tuple[int, ...] = ()
    generation: int = 0


class Stats(Message, frozen=True, kw_only=True, tag="stats"):
    """Gateway to supervisor to control, each second: its counters since it started (see serving.metrics)."""

    gateway: int
    metrics: dict[str, Any]


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """Gateway or control to supervisor: it serves now.

    Attributes:
        name: which of the two.
        key: from control: text of the owner key, for the local profile.
    """

    name: Literal["gateway", "control"]
    key: str = ""


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """Control to supervisor: it cannot serve and ends.

    Attributes:
        code: of the error.
        message: what is wrong.
        hint: what to do about it.
    """

    code: str
    message: str
    hint: str = ""


class ControlDown(Message, frozen=True, kw_only=True, tag="control_down"):
    """Supervisor to gateways: control cannot be started, or can again.

    Attributes:
        reason: what is wrong and what to do, for callers with a valid key; empty when all is well again.
    """

    reason: str


class Drain(Message, frozen=True, kw_only=True, tag="drain"):
    """Supervisor to gateway or control: say not ready, finish what is in flight, then exit."""

    seconds: float


AnyMessage = (
    WantWorkers
    | SnapshotChanged
    | SnapshotTaken
    | LinkAdded
    | LinkRemoved
    | WorkerHung
    | WorkersChanged
    | Resting
    | Processes
    | Stats
    | Ready
    | Failed
    | ControlDown
    | Drain
)
