"""Drift and quality of a deployment on demand; what they are made with is loaded when somebody asks."""

import logging
import threading
from pathlib import Path

from konan import clock
from konan.monitoring.reports.query import Query
from konan.ports import Blobs, Store
from konan.predictions.apart import WriterFailed
from konan.predictions.flusher import REJECTED
from konan.predictions.log import Predictions
from konan.records.access import Principal
from konan.records.distributions import ColumnDistribution
from konan.records.monitoring import DriftReport, QualityReport

_MANY = 500
_PAUSE = 60.0
_log = logging.getLogger(__name__)


class Reports:
    """Makes reports; any thread may ask.

    Args:
        store: the metadata.
        blobs: where references are kept.
        predictions: the log.
        directory: where the logs and their profiles are.
    """

    def __init__(self, store: Store, blobs: Blobs, predictions: Predictions, directory: Path) -> None:
        self._store = store
        self._blobs = blobs
        self._predictions = predictions
        self._directory = directory
        self._flushing = threading.Lock()
        self._flushed: dict[str, float] = {}

    def drift(self, caller: Principal, name: str, asked: Query) -> DriftReport:
        """How live rows compare with the reference.

        Raises:
            Invalid: no version declares that segment column.
            NotFound: the caller sees no such deployment or version.
            NotReady: profiles are damaged, and are counted again.
        """
        from konan.monitoring.profiles import store as profiles
        from konan.monitoring.profiles.windows import Windows
        from konan.monitoring.reports import drift_report
        from konan.monitoring.reports.selection import Selection

        selecting = Selection(self._store, self._blobs, Windows(self._directory), caller, name, asked)
        selecting.lay(profiles.Store(self._directory / selecting.uuid).layouts)
        complete = self._brought_up_to_date(selecting.uuid)
        return DriftReport(deployment=name, windows=drift_report.windows(selecting, complete=complete))

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
