"""KPIs that users send, kept in the metadata and told over windows of time."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from konan import clock
from konan.errors import Invalid
from konan.monitoring.reports.query import Query, rfc3339
from konan.records.access import Principal
from konan.records.kpis import KpiList, KpiPoint, KpiReport, KpiStored, KpiSummary, KpiWindow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000


class KpiStore(Protocol):
    """Where points are kept; `konan.adapters.sql.kpis.SqlKpis` says what each method does."""

    def put_kpis(self, caller: Principal, name: str, points: Sequence[tuple[str, int, int, float]]) -> None:
        """Keep points: name, microseconds, version (0 for the whole) and value of each."""
        ...

    def list_kpis(self, caller: Principal, name: str) -> list[tuple[str, int, int, int, float]]:
        """Name, points, first and last moment, and last value of each KPI."""
        ...

    def kpi_windows(
        self, caller: Principal, name: str, kpi: str, span: tuple[int, int, int]
    ) -> list[tuple[int, int, int, float, float, float]]:
        """Version, number, points, sum, least and most of each window with points."""
        ...


class Kpis:
    """KPIs of deployments; any thread may ask.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: KpiStore) -> None:
        self._store = store

    def put(self, caller: Principal, name: str, points: Sequence[KpiPoint]) -> KpiStored:
        """Keep points, on disk when this returns; sending them again changes nothing.

        Raises:
            Invalid: a time is none.
            NotFound: the caller sees no such deployment.
            Conflict: the deployment has too many.
        """
        now = clock.now()
        kept = {
            (one.name, _microseconds(one.at, now), one.version or 0): _finite(one.value) for one in points
        }
        self._store.put_kpis(caller, name, [(*key, value) for key, value in kept.items()])
        return KpiStored(stored=len(kept))

    def list(self, caller: Principal, name: str) -> KpiList:
        """All KPIs of a deployment.

        Raises:
            NotFound: the caller sees no such deployment.
        """
        return KpiList(
            kpis=tuple(
                KpiSummary(name=kpi, points=points, first_at=_told(first), last_at=_told(last), last=value)
                for kpi, points, first, last, value in self._store.list_kpis(caller, name)
            )
        )

    def show(self, caller: Principal, name: str, kpi: str, asked: Query) -> KpiReport:
        """A KPI over time.

        Args:
            caller: who asks.
            name: of the deployment.
            kpi: name of the KPI.
            asked: which windows; of one version or all.

        Raises:
            NotFound: the caller sees no such deployment.
        """
        span = (asked.start * _SECOND, asked.end * _SECOND, asked.every * _SECOND)
        found = self._store.kpi_windows(caller, name, kpi, span)
        return KpiReport(
            deployment=name,
            kpi=kpi,
            windows=tuple(
                KpiWindow(
                    since=rfc3339(asked.start + number * asked.every),
                    until=rfc3339(min(asked.start + (number + 1) * asked.every, asked.end)),
                    version=version or None,
                    points=points,
                    sum=total,
                    mean=total / points,
                    least=least,
                    most=most,
                )
                for version, number, points, total, least, most in found
                if asked.version in {None, version}
            ),
        )


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise Invalid("The value of a KPI must be finite.")
    return value


def _microseconds(at: str | None, now: datetime) -> int:
    try:
        moment = now if at is None else datetime.fromisoformat(at)
    except ValueError:
        raise Invalid(f"{at} is no RFC 3339 time.") from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def _told(microseconds: int) -> str:
    return clock.rfc3339(_EPOCH + timedelta(microseconds=microseconds))
