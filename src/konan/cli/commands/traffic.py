"""``konan traffic``: the requests of a deployment."""

from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.screen import Screen
from konan.cli.windowing import moment, percent
from konan.records.operations import TrafficReport, TrafficWindow


@shared.command(
    "traffic",
    examples=(
        "konan traffic bikes",
        "konan traffic bikes --from 2026-11-01T00:00:00Z --window 1d",
        "konan traffic bikes --by version --json",
    ),
)
@click.argument("name")
@click.option("--from", "since", metavar="TIME", help="Earliest hour, as 2026-11-23T08:00:00Z.")
@click.option("--to", "until", metavar="TIME", help="The time before which requests came; else now.")
@click.option("--by", type=click.Choice(["version"]), help="One table for each version.")
@click.option("--window", metavar="LENGTH", help="Length of a window, as 1h or 1d; else all is one.")
@click.option("--version", type=click.IntRange(min=1), help="Number of a version; else all together.")
def command(session: Session, name: str, **windowing: Any) -> None:
    """Show the requests of the deployment NAME in the last 24 hours.

    How many there were and how many predictions, how long they took, which errors they ended with and whose
    these are, and how busy the workers were. It counts what is logged, so it survives restarts.
    """
    with session.client() as client:
        found = client.operations.traffic(name, **windowing)
    if session.screen.json:
        session.screen.record(found)
        return
    show(session.screen, found)


def show(screen: Screen, report: TrafficReport) -> None:
    """Write a report for a person: a line per window, and of a single one all of it."""
    if not report.windows:
        screen.say(f"{report.deployment} was asked for nothing in that time.")
    elif len(report.windows) == 1:
        for line in described(report.windows[0]):
            screen.data(line)
    else:
        screen.table(
            ("from", "version", "requests", "predictions", "errors", "p50", "p95", "p99", "busy"),
            [_row(one) for one in report.windows],
        )


def described(window: TrafficWindow) -> list[str]:
    """A window in lines."""
    version = "" if window.version is None else f"version {named(window)}, "
    lines = [
        f"{version}{moment(window.since)} to {moment(window.until)} UTC",
        f"requests     {window.requests:,} ({window.per_second:.3g} a second)",
        f"predictions  {window.predictions:,}",
        f"errors       {percent(window.error_share)}",
    ]
    lines += [
        f"  {one.requests:,} {one.code} ({one.status}), of the {one.kind}, {percent(one.share)}"
        for one in window.errors
    ]
    if window.latency is not None:
        told = window.latency
        parts = {"p50": told.p50, "p90": told.p90, "p95": told.p95, "p99": told.p99, "slowest": told.most}
        latencies = ", ".join(f"{name} {duration(value)}" for name, value in parts.items())
        lines.append(f"latency      mean {duration(told.mean)}, {latencies}")
    if window.saturation is not None:
        busy = window.saturation
        lines.append(
            f"busy         {percent(busy.busy)} of {busy.workers:.3g} workers, "
            f"at most {percent(busy.busy_most)}"
        )
        lines.append(f"waiting      {busy.waiting:.3g} rows, at most {busy.waiting_most:,}")
    return lines


def duration(seconds: float) -> str:
    """Seconds with a unit that fits.

    >>> duration(0.00052), duration(0.0123), duration(2.5)
    ('520 µs', '12.3 ms', '2.5 s')
    """
    if seconds < 0.001:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def named(window: TrafficWindow) -> str:
    """The version of a window, in words for requests that reached none."""
    return "none" if window.version == 0 else str(window.version or "")


def _row(window: TrafficWindow) -> tuple[object, ...]:
    latency, busy = window.latency, window.saturation
    return (
        moment(window.since),
        named(window) or None,
        window.requests,
        window.predictions,
        percent(window.error_share),
        *([None] * 3 if latency is None else map(duration, (latency.p50, latency.p95, latency.p99))),
        None if busy is None else percent(busy.busy),
    )
