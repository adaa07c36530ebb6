"""Keeps the performance of the newest day in a small file, for gauges that are read every few seconds.

The process that changes the tables writes it when rows or truths have come, so whoever reads it loads
nothing and counts nothing.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from konan import clock
from konan.groundtruth.revisions import SUFFIX
from konan.predictions.flusher import REJECTED
from konan.predictions.schemas import Schemas
from konan.records.performance import MetricValue

if TYPE_CHECKING:
    from konan.predictions.table import Snapshot

FILE = "newest-performance.json"
DAY = 86_400
_HOUR = 3600


class Newest(msgspec.Struct, frozen=True, kw_only=True):
    """The performance of a version in the 24 hours until it was last counted.

    Attributes:
        version: its number.
        at: when it was counted, seconds since 1970-01-01 UTC.
        rows: how many there were.
        labelled: of these with a truth.
        metrics: of all classes together, and of the positive one.
    """

    version: int
    at: float
    rows: int
    labelled: int
    metrics: tuple[MetricValue, ...]


class NewestPerformance:
    """Writes the file of each log (a `konan.predictions.following.Follower`).

    Args:
        directory: where the logs are.
        schemas: what versions take and give.
    """

    def __init__(self, directory: Path, schemas: Schemas) -> None:
        self._directory = directory
        self._schemas = schemas

    def follow(self, name: str, _: "Snapshot") -> None:
        """Write what is known now; to be told after the summaries are up to date."""
        deployment = name.removesuffix(SUFFIX)
        place = self._directory / deployment
        if deployment.endswith(REJECTED) or not place.is_dir():
            return
        fresh = place / f"{FILE}.new"
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(list(self._found(deployment))))
        fresh.replace(place / FILE)

    def _found(self, deployment: str) -> Iterable[Newest]:
        from konan.monitoring.performance.metrics import metrics
        from konan.monitoring.performance.shape import Shape
        from konan.monitoring.performance.summary import merged_summaries
        from konan.monitoring.performance.windows import PerformanceWindows
        from konan.monitoring.profiles.windows import Span
        from konan.predictions.filters import SHOWN_ROLES

        now = clock.now().timestamp()
        end = -(-int(now) // _HOUR) * _HOUR
        read = PerformanceWindows(self._directory)
        span = Span(end - DAY, end, DAY)
        counted = read.profiles.counted(deployment, span.start, end)
        for version in sorted({version for version, role in counted if role in SHOWN_ROLES}):
            schema = self._schemas(deployment, version)
            shape = Shape.of(schema.output if schema else None)
            each = (read.read(deployment, version, role, span, shape) for role in SHOWN_ROLES)
            summary = merged_summaries(shape, [one for windows in each for _, one in windows])
            told = metrics(summary) if summary.labelled else ()
            kept = tuple(one for one in told if not one.of and one.value is not None)
            if summary.rows:
                yield Newest(
                    version=version, at=now, rows=summary.rows, labelled=summary.labelled, metrics=kept
                )


def newest(directory: Path, deployment: str) -> list[Newest]:
    """The performance of a deployment's versions when it was last counted; none while that is not known.

    Args:
        directory: where the logs are.
        deployment: uuid.
    """
    try:
        return _decode((directory / deployment / FILE).read_bytes())
    except (OSError, msgspec.DecodeError):
        return []


_decode = msgspec.json.Decoder(list[Newest]).decode
