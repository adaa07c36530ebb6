"""Has the metrics that people wrote for a deployment say what they think of windows, beside Konan's own."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from konan.errors import Invalid
from konan.monitoring.custom_metrics import running
from konan.monitoring.custom_metrics.ranking import USUAL, is_ranking
from konan.monitoring.custom_metrics.running import Order, Part, Valued
from konan.monitoring.reports.performance_report import METRICS, Told
from konan.records.measures import CustomMetric
from konan.records.performance import MetricValue, PerformanceWindow


def wanted(own: Sequence[CustomMetric], metric: str, *, single: bool) -> list[CustomMetric]:
    """Which of the metrics that people wrote are asked for: one by its name, or all of single windows.

    Args:
        own: of the deployment.
        metric: the name that was asked for; empty is all.
        single: whether there is one window.

    Raises:
        Invalid: there is no metric of that name.
    """
    found = [one for one in own if one.name == metric]
    if is_ranking(metric):
        found = [CustomMetric(name=metric, code="")]
    if metric and not found and metric not in METRICS:
        known = ", ".join(sorted(one.name for one in own))
        raise Invalid(
            f"There is no metric {metric!r}.",
            hint=f"Own metrics: {known}." if known else "`konan metric create` makes one.",
        )
    return found if metric else list(own) if single else []


def with_own(
    directory: Path, deployment: str, told: Sequence[Told], own: Sequence[CustomMetric], *, unsafe: bool
) -> tuple[PerformanceWindow, ...]:
    """Windows with what metrics of people say of them; to be called in a thread.

    Args:
        directory: where the logs are.
        deployment: uuid.
        told: the windows.
        own: the metrics.
        unsafe: whether they may run where the system has no sandbox.

    Raises:
        DeadlineExceeded: they took too much time or memory.
        Invalid: a program is no metric any more.
    """
    windows = tuple(one.window for one in told)
    usual = () if own else _ranking(told)
    own = [*own, *usual]
    if not own or not any(one.labelled for one in windows):
        return windows
    order = Order(
        directory=str(directory),
        deployment=deployment,
        schemas={str(one.version.version): one.version.schema for one in told if one.version.schema},
        parts=tuple(map(_part, told)),
        metrics=tuple(own),
        rows=running.rows_of_each(len(told)),
        unsafe=unsafe,
    )
    values = asyncio.run(running.measured(order))
    return tuple(
        replace(window, metrics=(*window.metrics, *_metrics(own, each, len(usual))))
        for window, each in zip(windows, values, strict=True)
    )


def _ranking(told: Sequence[Told]) -> tuple[CustomMetric, ...]:
    """Ranking metrics, where answers may be lists and there is one window."""
    schemas = [one.version.schema for one in told]
    listed = any(one is not None and one.output.kind == "other" for one in schemas)
    return tuple(CustomMetric(name=name, code="") for name in USUAL) if listed and len(told) == 1 else ()


def _metrics(own: Sequence[CustomMetric], said: Sequence[Valued], usual: int) -> Iterator[MetricValue]:
    """What was said; of what nobody has asked for only what has a value."""
    for at, (one, value) in enumerate(zip(own, said, strict=True)):
        if value.value is not None or at < len(own) - usual:
            yield _metric(one, value)


def _part(told: Told) -> Part:
    window, segment = told.window, told.window.segment
    return Part(
        version=window.version,
        start=told.part.start,
        end=told.part.end,
        column=segment.column if segment else "",
        value=segment.value if segment else None,
    )


def _metric(own: CustomMetric, said: Valued) -> MetricValue:
    return MetricValue(
        name=own.name,
        value=said.value,
        low=said.low,
        high=said.high,
        rows=said.rows,
        better=own.better,
        note=said.note,
    )
