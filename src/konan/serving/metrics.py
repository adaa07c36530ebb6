"""What a gateway counts: a few additions per request, and a plain picture of them once a second.

The counters only ever grow (in-flight and connections aside), so that whoever reads them may lose a
picture without losing a count.
"""

from bisect import bisect_left
from typing import Any

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
OK = "ok"


class Histogram:
    """How often values fell between the bounds.

    Args:
        bounds: upper bounds, inclusive, in increasing order; one more cell holds what lies above.

    >>> histogram = Histogram((1.0, 2.0))
    >>> histogram.add(1.0); histogram.add(9.0)
    >>> histogram.counts, histogram.total
    ([1, 0, 1], 10.0)
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = BOUNDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Series:
    """The requests of one version that had a say of the model: answered, or failed by it.

    Args:
        project: name of the project.
        deployment: name of the deployment.
        version: number of the version.
    """

    __slots__ = ("_cells", "_ok", "deployment", "project", "version")

    def __init__(self, project: str, deployment: str, version: int) -> None:
        self.project = project
        self.deployment = deployment
        self.version = version
        self._ok = _Cell()
        self._cells: dict[str, _Cell] = {OK: self._ok}

    def answered(self, rows: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            rows: its rows.
            seconds: from the request's arrival to its answer.
        """
        self._ok.rows += rows
        self._ok.seconds.add(seconds)

    def failed(self, code: str, rows: int, seconds: float) -> None:
        """Count a request that ended with an error of that code."""
        cell = self._cells.setdefault(code, _Cell())
        cell.rows += rows
        cell.seconds.add(seconds)

    def snapshot(self) -> list[dict[str, Any]]:
        """One plain object per code that occurred."""
        return [
            {
                "project": self.project,
                "deployment": self.deployment,
                "version": self.version,
                "code": code,
                "requests": sum(cell.seconds.counts),
                "rows": cell.rows,
                "seconds": {"counts": list(cell.seconds.counts), "sum": cell.seconds.total},
            }
            for code, cell in self._cells.items()
            if code != OK or any(cell.seconds.counts)
        ]


class _Cell:
    __slots__ = ("rows", "seconds")

    def __init__(self) -> None:
        self.rows = 0
        self.seconds = Histogram()


class Metrics:
    """All counters of one gateway.

    Attributes:
        connections: open connections.
        accepted: connections opened since the start.
        refused: connections closed at once because too many were open.
        in_flight: predictions between their request and their answer.
        proxied: requests passed to control.
    """

    def __init__(self) -> None:
        self.connections = 0
        self.accepted = 0
        self.refused = 0
        self.in_flight = 0
        self.proxied = 0
        self._rejected: dict[str, int] = {}
        self._series: dict[tuple[str, str, int], Series] = {}

    def series(self, project: str, deployment: str, version: int) -> Series:
        """The counters of one version; the same object each time."""
        key = (project, deployment, version)
        found = self._series.get(key)
        if found is None:
            found = self._series[key] = Series(project, deployment, version)
        return found

    def all_wait(self) -> bool:
        """Whether every connection waits for the answer to a prediction, so that none can bring another."""
        return self.in_flight >= self.connections

    def rejected(self, code: str) -> None:
        """Count a request that ended before a model had a say, or that was not for a model."""
        self._rejected[code] = self._rejected.get(code, 0) + 1

    def snapshot(self) -> dict[str, Any]:
        """Everything as plain JSON values.

        ``predictions`` has one object per version and code, with the histogram's counts per cell of
        ``bounds`` (seconds; one more cell for what lies above); ``rejected`` counts by code.
        """
        return {
            "bounds": list(BOUNDS),
            "predictions": [part for series in self._series.values() for part in series.snapshot()],
            "rejected": dict(self._rejected),
            "connections": self.connections,
            "accepted": self.accepted,
            "refused": self.refused,
            "in_flight": self.in_flight,
            "proxied": self.proxied,
        }
