"""What a report is made from, gathered by whoever has it: records only."""

import msgspec

from konan.records.alarms import Alarm, AlarmEvent, Incident
from konan.records.deployments import Version
from konan.records.distributions import ColumnDistribution
from konan.records.labels import LabelReport
from konan.records.monitoring import DriftWindow, QualityWindow
from konan.records.operations import TrafficWindow
from konan.records.performance import PerformanceWindow


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a deployment in a stretch of time.

    Attributes:
        deployment: its name.
        version: that the report is about; None while there is none.
        live: whether it is the live one.
        since: earliest time, RFC 3339.
        until: the time before which everything lies.
        every: seconds of the windows in which it is told over time.
        made_at: when the report was made, RFC 3339.
        konan: version of Konan.
        traffic: requests of the whole time; None if they are not counted.
        traffic_windows: over time.
        drift: of the whole time; None without a version.
        drift_windows: over time, those that have rows.
        distributions: of each column in the whole time.
        quality: of the whole time; None without a version.
        performance: of the whole time; None if nothing of it is counted.
        performance_windows: over time.
        labels: how sound the ground truth is; None if it is not known.
        headline: the metric that stands for the performance, as ``accuracy``; may be empty.
        alarms: all of the deployment.
        events: changes of their states in that time, newest first.
        incidents: those of that time, newest first.
        failed: what could not be made although it was asked for, with what happened.
    """

    deployment: str
    version: Version | None
    live: bool
    since: str
    until: str
    every: int
    made_at: str
    konan: str
    traffic: TrafficWindow | None = None
    traffic_windows: tuple[TrafficWindow, ...] = ()
    drift: DriftWindow | None = None
    drift_windows: tuple[DriftWindow, ...] = ()
    distributions: tuple[ColumnDistribution, ...] = ()
    quality: QualityWindow | None = None
    performance: PerformanceWindow | None = None
    performance_windows: tuple[PerformanceWindow, ...] = ()
    labels: LabelReport | None = None
    headline: str = ""
    alarms: tuple[Alarm, ...] = ()
    events: tuple[AlarmEvent, ...] = ()
    incidents: tuple[Incident, ...] = ()
    failed: dict[str, str] = {}

    @property
    def rows(self) -> int:
        """How many rows were answered."""
        return self.drift.rows if self.drift is not None else 0

    @property
    def refused(self) -> int:
        """How many requests were refused."""
        return sum(self.quality.rejected.values()) if self.quality is not None else 0
