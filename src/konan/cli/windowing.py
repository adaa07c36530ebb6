"""What `konan drift` and `konan quality` have in common: their flags, and how a window is named."""

from collections.abc import Callable
from typing import Any

import click

from konan.records.monitoring import Window

_FLAGS = (
    click.option("--from", "since", metavar="TIME", help="Earliest hour, as 2026-11-23T08:00:00Z."),
    click.option("--to", "until", metavar="TIME", help="The time before which rows lie; else now."),
    click.option("--by", metavar="WHAT", help="One table for each version, or for each segment:COLUMN."),
    click.option("--window", metavar="LENGTH", help="Length of a window, as 1h or 1d; else all is one."),
    click.option("--version", type=click.IntRange(min=1), help="Number of a version; else the live one."),
    click.option("--segment", metavar="COLUMN=VALUE", help="Only rows of this slice."),
)


def windowed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags that say which rows are looked at."""
    for flag in reversed(_FLAGS):
        function = flag(function)
    return function


def named(window: Window) -> str:
    """A window for people.

    >>> named(Window(version=1, segment=None, since="2026-11-23T08:00:00.000000Z",
    ...     until="2026-11-23T09:00:00.000000Z", rows=2488))
    'version 1, 2026-11-23 08:00 to 2026-11-23 09:00 UTC, 2,488 rows'
    """
    segment = ""
    if window.segment is not None:
        segment = f" {window.segment.column}={told(window.segment.value)},"
    return (
        f"version {window.version},{segment} {moment(window.since)} to {moment(window.until)} UTC, "
        f"{window.rows:,} rows"
    )


def told(value: str | None) -> str:
    """A segment's value, of rows without one too."""
    return "(none)" if value is None else value


def moment(at: str) -> str:
    """A time in RFC 3339 to the minute.

    >>> moment("2026-11-23T08:00:00.000000Z")
    '2026-11-23 08:00'
    """
    return at[:16].replace("T", " ")


def percent(share: float) -> str:
    """A share of rows.

    >>> percent(0.0), percent(0.256), percent(0.0004), percent(1.0)
    ('0 %', '26 %', '0.04 %', '100 %')
    """
    return f"{100 * share:.3g} %" if share >= 0.995 else f"{100 * share:.2g} %"


def short(column: str) -> str:
    """A column's name without the word that nearly all have.

    >>> short("features.season"), short("output.value")
    ('season', 'output.value')
    """
    return column.removeprefix("features.")
