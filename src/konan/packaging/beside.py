"""Asks a version something beside its traffic, on a worker of its own that gives way to predictions."""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

from konan import priority
from konan.packaging.building import Builder
from konan.packaging.starting import piped, ready
from konan.packaging.trial import Trial, tried
from konan.records.routes import WorkerSpec

Result = TypeVar("Result")


class Beside(NamedTuple):
    """What shall ask.

    Attributes:
        builder: knows where things are and starts workers.
        spec: the version's workers; one is started.
        purpose: what it is asked for, a line of the version's log; empty for none.
        seconds: what a group of questions may take.
    """

    builder: Builder
    spec: WorkerSpec
    purpose: str
    seconds: float

    async def ask(self, work: Callable[[Trial], Result]) -> Result:
        """Start the worker, let some work ask it in a thread, and end it.

        Args:
            work: asks, and gives the result.

        Raises:
            GateFailed: the model could not be loaded, raised, died or did not answer in time.
        """
        builder, spec = self.builder, self.spec
        path = builder.paths.logs / f"{spec.version_uuid}.log"
        with piped(path, builder.settings.log_bytes, self.purpose) as log:
            worker = builder.start(spec, log=log, unsafe=builder.settings.unsafe_models)
        await ready(worker, builder.settings.worker_start_timeout)
        with suppress(OSError):  # it has ended already, as is seen in a moment
            priority.give_way(worker.pid)
        return await tried(worker, self.seconds, work)
