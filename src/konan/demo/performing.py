"""The third part of the story: the truth comes, and Konan says how wrong the answers were, month by month.

First the truths of half a year are told: beside the errors of these months stand estimates, and of the other
months there are estimates alone. Then the rest is told.
"""

import csv
import time
from pathlib import Path

import msgspec

from konan import clock
from konan.client import Client
from konan.client.bands import band, estimated, interval, number, scale_of
from konan.demo.telling import Teller
from konan.errors import KonanError
from konan.records.performance import PerformanceWindow

_PATIENCE = 180.0
_PAUSE = 0.5
_METRIC = "mae"
_HALF = "2012-06"


class Performed(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of the answers, for programs.

    Attributes:
        labelled: rows whose truth is known.
        rows: all rows.
        mae: mean absolute error, in rentals an hour.
        low: lower end of its interval.
        high: upper end.
        estimate: of the same without truths, or corrected by them; null where there is none.
        trustworthy: whether truths do not contradict it.
        months: error of each month, ``{"2012-01": …}``.
        weak: months in which it is certainly worse than elsewhere, the worst first.
    """

    labelled: int
    rows: int
    mae: float
    low: float
    high: float
    estimate: float | None
    trustworthy: bool | None
    months: dict[str, float]
    weak: tuple[str, ...]


def perform(teller: Teller, client: Client, name: str, sent: dict[str, list[str]], folder: Path) -> Performed:
    """Send truths, and tell what they say of the answers.

    Args:
        teller: where.
        client: with a key that may send feedback and read.
        name: of the deployment.
        sent: ids of predictions by the file that their rows are from, in its order.
        folder: where the files are.

    Raises:
        KonanError: the truths do not count.
    """
    truths = _truths(sent, folder)
    teller.heading("Tell it what was true")
    told = _tell(teller, client, name, [one for one in truths if one[0] <= _HALF])
    _said(teller, name, _whole(teller, client, name, told))
    _months(teller, client, name)
    told += _tell(teller, client, name, [one for one in truths if one[0] > _HALF])
    whole = _whole(teller, client, name, told)
    _said(teller, name, whole)
    months = _months(teller, client, name)
    metric = whole.metric(_METRIC)
    if metric is None or metric.value is None or metric.low is None or metric.high is None:
        raise KonanError("There is no error of labelled rows.")
    weak = tuple(one.segment.value or "" for one in whole.weak if one.segment is not None)
    if weak:
        teller.line(f"Certainly worse than elsewhere, of {whole.looked} slices compared: {', '.join(weak)}.")
    return Performed(
        labelled=whole.labelled,
        rows=whole.rows,
        mae=round(metric.value, 1),
        low=round(metric.low, 1),
        high=round(metric.high, 1),
        estimate=round(metric.estimate.value, 1) if metric.estimate else None,
        trustworthy=metric.estimate.trustworthy if metric.estimate else None,
        months=months,
        weak=weak,
    )


def _truths(sent: dict[str, list[str]], folder: Path) -> list[tuple[str, str, float]]:
    """Month, id and truth of every prediction."""
    found = []
    for name, ids in sent.items():
        with (folder / name).open(newline="", encoding="utf-8") as file:
            pairs = zip(ids, csv.DictReader(file), strict=True)
            found += [(row["month"], one, float(row["count"])) for one, row in pairs]
    return found


def _tell(teller: Teller, client: Client, name: str, truths: list[tuple[str, str, float]]) -> int:
    items = [{"prediction_id": one, "target": truth} for _, one, truth in truths]
    with teller.waiting("Sending truths"):
        results = client.feedback(name, items)
    taken = sum(one.status == "accepted" for one in results)
    months = sorted({month for month, *_ in truths})
    teller.line(f"{taken:,} truths from {months[0]} to {months[-1]}, each with the id of its prediction.")
    return taken


def _whole(teller: Teller, client: Client, name: str, labelled: int) -> PerformanceWindow:
    """The newest day, once so many truths are counted."""
    deadline = clock.monotonic() + _PATIENCE
    with teller.waiting("Counting"):
        while True:
            (window,) = client.performance(name).windows
            if window.labelled >= labelled:
                return window
            if clock.monotonic() > deadline:
                raise KonanError(f"Only {window.labelled:,} of {labelled:,} truths are counted.")
            time.sleep(_PAUSE)


def _said(teller: Teller, name: str, window: PerformanceWindow) -> None:
    teller.line(f"$ konan performance {name}")
    teller.line(
        f"Labelled so far: {window.labelled:,} of {window.rows:,} rows ({window.share:.0%}), {window.state}."
    )
    for one in window.metrics:
        if one.name in {_METRIC, "bias"}:
            beside = f"; estimate {estimated(one.estimate)}" if one.estimate else ""
            teller.line(f"  {one.name:4}  {number(one.value)} rentals ({interval(one)}){beside}")


def _months(teller: Teller, client: Client, name: str) -> dict[str, float]:
    windows = client.performance(name, by="segment:month", metric=_METRIC).windows
    values = [(window, window.metric(_METRIC)) for window in windows]
    scale = scale_of(one for _, one in values if one is not None)
    teller.line(f"$ konan performance {name} --by segment:month --metric {_METRIC}")
    found = dict[str, float]()
    for window, one in values:
        month = window.segment.value if window.segment is not None else ""
        if one is None or not month:
            continue
        beside = f"  estimate {estimated(one.estimate)}" if one.estimate and window.share < 1 else ""
        teller.line(f"  {month}  {number(one.value):>5}  {band(one, scale)}{beside}".rstrip())
        if one.value is not None:
            found[month] = round(one.value, 1)
    return found
