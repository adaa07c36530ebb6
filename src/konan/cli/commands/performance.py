"""``konan performance``: how good the answers were, by the truths that came."""

from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.screen import Screen
from konan.cli.windowing import moment, named, percent, told, windowed
from konan.client.bands import band, estimated, interval, number, scale_of
from konan.records.performance import (
    DecisionValue,
    MetricValue,
    PerformanceReport,
    PerformanceWindow,
    WeakSegment,
)

_MOST_CLASSES = 12


@shared.command(
    "performance",
    examples=(
        "konan performance bikes",
        "konan performance bikes --from 2026-11-01T00:00:00Z --window 1d --metric mae",
        "konan performance churn --by segment:country --json",
    ),
)
@click.argument("name")
@windowed
@click.option("--metric", metavar="NAME", help="Only this one, as mae; also one that somebody wrote.")
def command(session: Session, name: str, **given: Any) -> None:
    """Show how good the answers of the deployment NAME were, in the last 24 hours.

    Metrics are of the rows whose truth is known, each with an interval of 95 %. A window is provisional while
    more truths are expected. An estimate for all rows stands beside a metric where there can be one.
    """
    with session.client() as client:
        found = client.performance(name, **given)
    if session.screen.json:
        session.screen.record(found)
        return
    show(session.screen, found, str(given.get("metric") or found.headline))


def show(screen: Screen, report: PerformanceReport, metric: str) -> None:
    """Write a report for a person: a line per window with its band, and of a single one everything.

    Args:
        screen: where.
        report: to show.
        metric: what lines are about.
    """
    if not report.windows:
        screen.say(f"{report.deployment} has answered nothing in that time.")
    elif len(report.windows) == 1:
        _whole(screen, report.windows[0])
    else:
        _lines(screen, report, metric)


def _lines(screen: Screen, report: PerformanceReport, metric: str) -> None:
    found = [(window, _chosen(window, metric)) for window in report.windows]
    scale = scale_of([one for _, one in found if one is not None])
    screen.table(
        ("from", "version", "segment", "rows", "labelled", "", metric, "interval", "band", "estimate"),
        [
            (
                moment(window.since),
                window.version,
                told(window.segment.value) if window.segment else None,
                window.rows,
                percent(window.share),
                window.state,
                number(one.value) if one else "-",
                interval(one) if one else None,
                band(one, scale) if one else None,
                estimated(one.estimate) if one else None,
            )
            for window, one in found
        ],
    )


def _whole(screen: Screen, window: PerformanceWindow) -> None:
    screen.data(named(window))
    screen.data(
        f"labelled  {window.labelled:,} of {window.rows:,} rows ({percent(window.share)}): {window.state}"
    )
    for doubt in window.doubts:
        screen.data(f"doubt     {doubt}")
    if window.metrics:
        screen.data("")
        screen.table(
            ("metric", "of", "value", "interval", "rows", "estimate", ""),
            [
                (
                    one.name,
                    one.of,
                    number(one.value),
                    interval(one),
                    one.rows,
                    estimated(one.estimate),
                    _note(one),
                )
                for one in window.metrics
            ],
        )
    _confusion(screen, window)
    if window.decision is not None:
        _decision(screen, window.decision)
    _weak(screen, window)


def _confusion(screen: Screen, window: PerformanceWindow) -> None:
    found = window.confusion
    if found is None or not found.classes or len(found.classes) > _MOST_CLASSES:
        return
    screen.data("")
    screen.table(
        ("true \\ answered", *found.classes),
        [(name, *counts) for name, counts in zip(found.classes, found.counts, strict=True)],
    )


def _decision(screen: Screen, found: DecisionValue) -> None:
    screen.data("")
    if found.threshold is not None:
        told_of = ", ".join(
            f"{one.name} {number(one.value)}" for one in found.metrics if not one.of and one.value is not None
        )
        screen.data(f"threshold {found.threshold:g} of {found.positive}: {told_of}")
    if found.mean is not None and found.total is not None:
        low, high = (_money(one, "") for one in (found.low, found.high))
        screen.data(
            f"value     {_money(found.mean, found.unit)} a row ({low} to {high}), "
            f"{_money(found.total, found.unit)} together"
        )
    if found.best_threshold is not None:
        screen.data(
            f"best      threshold {found.best_threshold:.3g} would have brought "
            f"{_money(found.best_mean, found.unit)} a row, on these same rows"
        )


def _weak(screen: Screen, window: PerformanceWindow) -> None:
    if window.weak:
        screen.data("")
        screen.table(
            ("weak where", "by", "there", "elsewhere", "worse by", "rows"),
            [_weak_row(one) for one in window.weak],
        )
    if window.looked:
        screen.say(
            f"{window.looked} slices were compared with the rest; all intervals hold together with 95 %."
        )


def _weak_row(one: WeakSegment) -> tuple[str | int, ...]:
    return (
        one.where,
        one.metric,
        number(one.value),
        number(one.rest),
        f"{number(one.low)} to {number(one.high)}",
        one.rows,
    )


def _chosen(window: PerformanceWindow, metric: str) -> MetricValue | None:
    return next((one for one in window.metrics if one.name == metric), None)


def _note(one: MetricValue) -> str:
    if one.precision == "bound" and one.least is not None:
        return f"between {number(one.least)} and {number(one.most)}; {one.note}".removesuffix("; ")
    return one.note


def _money(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:,.2f} {unit}".rstrip()
