"""Traffic of a deployment and resources of the server on demand; what counts is loaded when somebody asks."""

import shutil
from pathlib import Path

import psutil

from konan import clock
from konan.errors import Invalid
from konan.monitoring.operations.kpis import Kpis
from konan.monitoring.operations.samples import Samples, Usage
from konan.monitoring.reports.query import Query
from konan.ports import Store
from konan.predictions.flusher import REJECTED
from konan.predictions.log import Predictions
from konan.records.access import Principal
from konan.records.operations import ResourceReport, TrafficReport


class Operations:
    """Makes reports; any thread may ask.

    Args:
        store: the metadata.
        predictions: the log.
        samples: what processes used.
        directory: of all data.
        kpis: KPIs that users send.

    Attributes:
        kpis: as given.
    """

    def __init__(
        self, store: Store, predictions: Predictions, samples: Samples, directory: Path, kpis: Kpis
    ) -> None:
        self.kpis = kpis
        self._store = store
        self._predictions = predictions
        self._samples = samples
        self._directory = directory

    def traffic(self, caller: Principal, name: str, asked: Query) -> TrafficReport:
        """The requests of a deployment: how many, how fast, what went wrong, how busy its workers were.

        Raises:
            Invalid: it is asked for by segment.
            NotFound: the caller sees no such deployment or version.
            NotReady: it is just being counted.
        """
        from konan.monitoring.operations import resource_report, traffic_counts, traffic_report

        if asked.segment or asked.by_segment:
            raise Invalid("Requests have no segments; their rows do.", hint="Look at `konan quality`.")
        deployment = self._store.deployment(caller, name)
        if asked.version is not None:
            self._store.version(caller, name, asked.version)
        directory, flusher = self._predictions.directory, self._predictions.flusher
        found = [
            one
            for log in (deployment.uuid, deployment.uuid + REJECTED)
            for one in traffic_counts.read(directory, flusher, log, asked.start, asked.end)
        ]
        now = clock.now().timestamp()
        load = self._samples.load(caller.project, name, asked.start, asked.end, int(now))
        busy = resource_report.saturation(
            load,
            resource_report.Stretch(asked.start, asked.end, asked.every),
            by_version=asked.by_version,
            version=asked.version,
        )
        return TrafficReport(deployment=name, windows=traffic_report.windows(found, asked, now, busy))

    def resources(self, caller: Principal, name: str, since: str, until: str, window: str) -> ResourceReport:
        """What processes and the machine used.

        Args:
            caller: who asks; workers of deployments that it does not see are left out.
            name: of the deployment whose workers alone are wanted; empty for all.
            since: earliest time, RFC 3339, or empty.
            until: the time before which it lies, or empty.
            window: length of a window, as ``5m``, or empty.

        Raises:
            Invalid: a time or a length is none.
            NotFound: the caller sees no such deployment.
        """
        from konan.monitoring.operations import resource_report

        if name:
            self._store.deployment(caller, name)
        now = clock.now()
        asked = resource_report.stretch(since, until, window, now)
        found = self._samples.usage(asked.start, asked.end, int(now.timestamp()))
        return ResourceReport(
            processors=psutil.cpu_count() or 1,
            memory=psutil.virtual_memory().total,
            disk=shutil.disk_usage(self._directory).total,
            windows=resource_report.resources(found, asked, lambda usage: _sees(caller, name, usage)),
        )


def _sees(caller: Principal, name: str, usage: Usage) -> bool:
    """Whether a process is to be shown: of workers those of deployments that the caller sees."""
    if not usage.process.startswith("worker "):
        return not name
    deployment = usage.process.removeprefix("worker ").rpartition(" v")[0]
    return usage.project == caller.project and caller.sees(deployment) and name in {"", deployment}
