"""What the handlers of the HTTP API work with; made in `konan.wiring`, held here, no logic."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from konan.config import Paths, Settings
from konan.control.fleet import Fleet
from konan.control.given import Erases
from konan.erasure.service import Erasures
from konan.groundtruth.groundtruth import GroundTruth
from konan.monitoring.alarms.monitor import AlarmMonitor
from konan.monitoring.alarms.notifications import Notifications
from konan.monitoring.explanation.explaining import Explaining
from konan.monitoring.operations.on_demand import Operations
from konan.monitoring.operations.sampling import Sampler
from konan.monitoring.reference.learning import Learning
from konan.monitoring.reports.multivariate import Multivariate
from konan.monitoring.reports.on_demand import Reports
from konan.ports import Runtime, Store
from konan.predictions.log import Predictions
from konan.records.access import Principal
from konan.records.deployments import Version


class Observed(Runtime, Protocol):
    """A runtime that also tells how its processes are."""

    def processes(self) -> tuple[dict[str, Any], ...]:
        """The processes that run: ``{"name", "pid", "restarts"}`` of each."""
        ...

    def stats(self) -> Mapping[int, dict[str, Any]]:
        """The latest counters of each gateway by its index (see `konan.serving.metrics`)."""
        ...


class Accepts(Erases, Protocol):
    """What takes in uploads (`konan.packaging.register.Registrar`)."""

    def accept(self, caller: Principal, name: str, archive: Path) -> Version:
        """Check an archive and keep it as a new version that is ``building``."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Everything that a handler may need.

    Attributes:
        settings: of this server.
        paths: where it keeps its things.
        store: the metadata.
        registrar: takes in uploads.
        runtime: processes and their counters.
        predictions: what was predicted.
        truth: what was true after all.
        erasures: carries out the erasure of people.
        reports: makes drift and quality on demand.
        multivariate: has a classifier look for drift, on demand.
        explaining: says why versions answer as they do, on demand.
        operations: tells traffic and resources, and keeps KPIs.
        sampler: samples what processes use.
        alarms: lets alarms look.
        notifications: tells people of them.
        learning: has rows counted by the references of versions, and makes those that are missing.
        fleet: keeps gateways and workers in step with the store.
        version: of Konan.
        started_at: RFC 3339.
    """

    settings: Settings
    paths: Paths
    store: Store
    registrar: Accepts
    runtime: Observed
    predictions: Predictions
    truth: GroundTruth
    erasures: Erasures
    reports: Reports
    multivariate: Multivariate
    explaining: Explaining
    operations: Operations
    sampler: Sampler
    alarms: AlarmMonitor
    notifications: Notifications
    learning: Learning
    fleet: Fleet
    version: str
    started_at: str
