"""Drift, quality and performance on demand; what they are made with is loaded when somebody asks."""

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from konan import clock
from konan.errors import NotReady
from konan.groundtruth.revisions import SUFFIX
from konan.monitoring.reports.query import Query
from konan.ports import Blobs, Store
from konan.predictions.apart import WriterFailed
from konan.predictions.flusher import REJECTED
from konan.predictions.log import Predictions
from konan.records.access import Principal
from konan.records.distributions import ColumnDistribution
from konan.records.labels import LabelQueue, LabelReport
from konan.records.monitoring import DriftReport, QualityReport
from konan.records.performance import PerformanceReport

if TYPE_CHECKING:
    from konan.monitoring.reports.selection import Selected, Selection

_MANY = 500
_PAUSE = 60.0
_SOON = 0.2
_log = logging.getLogger(__name__)


class Reports:
    """Makes reports; any thread may ask.

    Args:
        store: the metadata.
        blobs: where references are kept.
        predictions: the log.
        directory: where the logs and their profiles are.
        unsafe: whether metrics of people may run where the system has no sandbox.
    """

    def __init__(
        self, store: Store, blobs: Blobs, predictions: Predictions, directory: Path, *, unsafe: bool = False
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._predictions = predictions
        self._directory = directory
        self._flushing = threading.Lock()
        self._flushed: dict[str, float] = {}
        self._unsafe = unsafe

    def drift(self, caller: Principal, name: str, asked: Query) -> DriftReport:
        """How live rows compare with the reference.

        Raises:
            Invalid: no version declares that segment column.
            NotFound: the caller sees no such deployment or version.
            NotReady: profiles are damaged, and are counted again.
        """
        from konan.monitoring.performance.windows import PerformanceWindows
        from konan.monitoring.profiles import store as profiles
        from konan.monitoring.profiles.windows import Windows
        from konan.monitoring.reports import drift_report
        from konan.monitoring.reports.selection import Selection

        selecting = Selection(self._store, self._blobs, Windows(self._directory), caller, name, asked)
        selecting.lay(profiles.Store(self._directory / selecting.uuid).layouts)
        complete = self._brought_up_to_date(selecting.uuid)
        told = drift_report.Told(selecting, PerformanceWindows(self._directory), complete=complete)
        return DriftReport(deployment=name, windows=told.windows())

    def quality(self, caller: Principal, name: str, asked: Query) -> QualityReport:
        """What is wrong with the rows that a deployment is sent.

        Raises:
            Invalid: no version declares that segment column.
            NotFound: the caller sees no such deployment or version.
            NotReady: profiles are damaged, and are counted again.
        """
        from konan.monitoring.profiles import store as profiles
        from konan.monitoring.profiles.windows import Windows
        from konan.monitoring.reports import quality_report
        from konan.monitoring.reports.selection import Selection

        selecting = Selection(self._store, self._blobs, Windows(self._directory), caller, name, asked)
        selecting.lay(profiles.Store(self._directory / selecting.uuid).layouts)
        self._brought_up_to_date(selecting.uuid)
        self._brought_up_to_date(selecting.uuid + REJECTED)
        return QualityReport(deployment=name, windows=quality_report.windows(selecting, self._predictions))

    def distributions(self, caller: Principal, name: str, asked: Query) -> tuple[ColumnDistribution, ...]:
        """How the values of each column are spread, in the reference and in the rows counted so far.

        Raises:
            NotFound: the caller sees no such deployment or version.
            NotReady: profiles are damaged, and are counted again.
        """
        from konan.monitoring.profiles.windows import Windows
        from konan.monitoring.reports.distributions import distributions
        from konan.monitoring.reports.selection import Selection

        selecting = Selection(self._store, self._blobs, Windows(self._directory), caller, name, asked)
        return distributions(selecting)

    def performance(self, caller: Principal, name: str, asked: Query, metric: str = "") -> PerformanceReport:
        """How good answers were, by the truths that came.

        Args:
            caller: who asks.
            name: of the deployment.
            asked: which windows.
            metric: only this one; one that somebody wrote stands otherwise beside single windows only.

        Raises:
            Invalid: there is no such metric, or no version declares that segment column.
            NotFound: the caller sees no such deployment or version.
            NotReady: summaries are damaged, and are counted again.
            DeadlineExceeded: a metric that somebody wrote took too long.
        """
        from konan.monitoring.performance.windows import PerformanceWindows
        from konan.monitoring.profiles import store as profiles
        from konan.monitoring.profiles.windows import Windows
        from konan.monitoring.reports import own_metrics
        from konan.monitoring.reports.performance_report import PerformanceOf
        from konan.monitoring.reports.selection import Selection

        own = own_metrics.wanted(self._store.list_metrics(caller, name), metric, single=asked.is_single)
        decision = self._store.decision(caller, name)
        selecting = Selection(self._store, self._blobs, Windows(self._directory), caller, name, asked)
        selecting.lay(profiles.Store(self._directory / selecting.uuid).layouts)
        self._flush_truths(selecting.uuid)
        self._brought_up_to_date(selecting.uuid)
        read = PerformanceWindows(self._directory)
        found = PerformanceOf(selecting, read, decision, clock.now().timestamp())
        windows = own_metrics.with_own(
            self._directory, selecting.uuid, list(found.windows()), own, unsafe=self._unsafe
        )
        report = PerformanceReport(deployment=name, headline=found.headline, windows=windows)
        return report.only(metric) if metric else report

    def labels(self, caller: Principal, name: str, asked: Query) -> LabelReport:
        """How sound the truths of a version's rows are.

        Raises:
            NotFound: the caller sees no such deployment or version.
            NotReady: no version is live, or what was counted is damaged and is counted again.
        """
        from konan.monitoring.labels.report import LabelsOf

        selecting, selected = self._of_truths(caller, name, asked)
        return LabelsOf(selecting, self._directory, clock.now().timestamp()).report(name, selected)

    def label_queue(self, caller: Principal, name: str, asked: Query, limit: int) -> LabelQueue:
        """The rows of a version whose truth would tell most; errors as of `labels`."""
        from konan.monitoring.labels.candidates import queue

        selecting, selected = self._of_truths(caller, name, asked)
        return queue(selecting, selected, self._predictions, name, limit)

    def _of_truths(self, caller: Principal, name: str, asked: Query) -> "tuple[Selection, Selected]":
        """The rows of one version as a whole, with the truths that have come."""
        from konan.monitoring.profiles import store as profiles
        from konan.monitoring.profiles.windows import Windows
        from konan.monitoring.reports.selection import Selection

        selecting = Selection(self._store, self._blobs, Windows(self._directory), caller, name, asked)
        selecting.lay(profiles.Store(self._directory / selecting.uuid).layouts)
        self._flush_truths(selecting.uuid)
        self._brought_up_to_date(selecting.uuid)
        selected = next(iter(selecting), None)
        if selected is None:
            raise NotReady("The deployment has no live version yet.")
        return selecting, selected

    def _flush_truths(self, deployment: str) -> None:
        """Have truths that wait put into their table, now and then."""
        now = clock.monotonic()
        with self._flushing:
            if now - self._flushed.get(deployment + SUFFIX, -_SOON) >= _SOON:
                self._predictions.truths.files(deployment)
                self._flushed[deployment + SUFFIX] = now

    def _brought_up_to_date(self, log: str) -> bool:
        """Have what waits counted; whether all is.

        A commit is what costs, so whoever asks again and again sees few new rows only once a minute.
        """
        from konan.monitoring.profiles.windows import Windows

        windows = Windows(self._directory)
        with self._flushing:
            try:
                self._flush(log)
                if not windows.is_complete(log):
                    self._predictions.flusher.follow(log)
            except (
                OSError,
                WriterFailed,
            ) as error:  # a full disk, or the writer was killed: it is done again later
                _log.warning(
                    "a report goes without the newest rows", extra={"log": log, "error": repr(error)}
                )
                return False
            return windows.is_complete(log)

    def _flush(self, log: str) -> None:
        flusher, now = self._predictions.flusher, clock.monotonic()
        waiting = sum(place.run.rows for place in flusher.tail(log).places)
        if waiting >= _MANY or (waiting and now - self._flushed.get(log, -_PAUSE) >= _PAUSE):
            flusher.flush(log)
            self._flushed[log] = now
