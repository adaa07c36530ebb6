"""The section on performance: metrics with their intervals, estimates beside them, and where it is worse."""

import math
from collections.abc import Iterator, Sequence

from konan.records.performance import CalibrationBin, Confusion, MetricValue, PerformanceWindow, WeakSegment
from konan.web import charts
from konan.web.charts import Line, Point
from konan.web.figures import NONE, count, decimal, lasting, moment, rate, seconds, share
from konan.web.html import Child, tag
from konan.web.report import labels
from konan.web.report.facts import Facts
from konan.web.report.parts import Column, Section, figure, legend, more, note, pill, scrolled, table
from konan.web.report.traffic import frame_of
from konan.web.report.verdict import State

_MOST_CLASSES = 20
_RATES = frozenset({"accuracy", "precision", "recall"})


def section(facts: Facts) -> Section:
    """The section."""
    window = facts.performance
    if "Performance" in facts.failed:
        return Section("performance", "Performance", "unknown", facts.failed["Performance"], None)
    if window is None or window.state in {"no rows", "no labels"}:
        return Section("performance", "Performance", "unknown", _nothing(window), _estimates(facts))
    body = [
        _over_time(facts),
        tag("h3", "All of this time"),
        _metrics(window.metrics),
        _weak(window),
        _confusion(window.confusion),
        _calibration(window.calibration),
        labels.part(facts.labels),
        *(note(doubt) for doubt in window.doubts),
    ]
    return Section("performance", "Performance", state_of(window), _lead(facts, window), body)


def state_of(window: PerformanceWindow) -> State:
    """How the performance stands; whether a metric is good enough only its owner knows."""
    doubted = any(one.estimate is not None and not one.estimate.trustworthy for one in window.metrics)
    return "attention" if window.weak or doubted else "measured"


def _nothing(window: PerformanceWindow | None) -> str:
    if window is None or window.state == "no rows":
        return "There are no rows whose answers could be right or wrong."
    return f"Of {count(window.rows)} rows nobody has told yet what was true: send it with konan feedback."


def _lead(facts: Facts, window: PerformanceWindow) -> str:
    labelled = f"{share(window.share)} of {count(window.rows)} rows are labelled so far"
    told = f"{labelled}; what is shown is {window.state}."
    headline = window.metric(facts.headline)
    if headline is None or headline.value is None:
        return told
    reach = f" ({_interval(headline)}, 95 % interval)" if headline.low is not None else ""
    return f"{name_of(headline)} is {written(headline, headline.value)}{reach}. {told}"


def name_of(metric: MetricValue) -> str:
    """A metric's name, with the class or average that it is about."""
    known = {"mae": "MAE", "rmse": "RMSE", "r2": "R²", "mape": "MAPE", "auc": "AUC", "f1": "F1"}
    name = known.get(metric.name, metric.name.replace("_", " "))
    return f"{name} ({metric.of})" if metric.of else name[0].upper() + name[1:]


def written(metric: MetricValue, value: float) -> str:
    """A value of a metric."""
    return rate(value) if metric.name in _RATES else decimal(value)


def _interval(metric: MetricValue) -> str:
    if metric.low is None or metric.high is None:
        return NONE
    return f"{written(metric, metric.low)} to {written(metric, metric.high)}"


def _over_time(facts: Facts) -> Child:
    windows = [one for one in facts.performance_windows if one.rows]
    pairs = [(one, metric) for one in windows if (metric := one.metric(facts.headline)) is not None]
    if len(pairs) < 2:
        return note("All rows lie in one window: over time there is nothing to draw yet.")
    name = name_of(pairs[0][1])
    shown = [line for line in (_estimated(pairs), _realised(pairs)) if line.points]
    unit = share if pairs[0][1].name in _RATES else decimal
    columns = (
        Column("from (UTC)"),
        Column("rows", "num"),
        Column("labelled", "num"),
        Column("state"),
        Column(name, "num"),
        Column("95 % interval", "num"),
        Column("estimate", "num"),
    )
    return [
        legend(
            ("now", f"{name} with its 95 % interval; hollow while provisional"),
            ("guess", "estimate without truths"),
        ),
        figure(
            f"{name} in windows of {lasting(facts.every)}",
            charts.lines(name, frame_of(facts), shown, unit=unit),
        ),
        more(f"{name} as a table", table(f"{name} over time", columns, [_told(*pair) for pair in pairs])),
    ]


def _middle(window: PerformanceWindow) -> float:
    return (seconds(window.since) + seconds(window.until)) / 2


def _realised(pairs: Sequence[tuple[PerformanceWindow, MetricValue]]) -> Line:
    points = []
    for window, metric in pairs:
        value = math.nan if metric.value is None else metric.value
        low, high = (math.nan if end is None else end for end in (metric.low, metric.high))
        told = f"{written(metric, value)} ({_interval(metric)}), {share(window.share)} labelled"
        title = f"{moment(window.since)}: {told}"
        points.append(Point(_middle(window), value, low, high, title, window.state == "provisional"))
    return Line("now", points)


def _estimated(pairs: Sequence[tuple[PerformanceWindow, MetricValue]]) -> Line:
    points = []
    for window, metric in pairs:
        if metric.estimate is None:
            continue
        one = metric.estimate
        doubt = "" if one.trustworthy else ", not trustworthy here"
        title = f"{moment(window.since)}: estimated {written(metric, one.value)}{doubt}"
        points.append(Point(_middle(window), one.value, one.low, one.high, title, not one.trustworthy))
    return Line("guess", points)


def _told(window: PerformanceWindow, metric: MetricValue) -> Sequence[Child]:
    return (
        moment(window.since),
        count(window.rows),
        share(window.share),
        window.state,
        NONE if metric.value is None else written(metric, metric.value),
        _interval(metric),
        _guess(metric),
    )


def _guess(metric: MetricValue) -> Child:
    one = metric.estimate
    if one is None:
        return NONE
    text = f"{written(metric, one.value)} ({written(metric, one.low)} to {written(metric, one.high)})"
    return text if one.trustworthy else [text, " ", pill("attention", "not trustworthy here")]


def _metrics(metrics: Sequence[MetricValue]) -> Child:
    noted = any(_note(one) for one in metrics)
    columns = (
        Column("metric"),
        Column("value", "num"),
        Column("95 % interval", "num"),
        Column("estimate for all rows", "num"),
        Column("labelled rows", "num"),
        Column("better"),
        *([Column("note", "wide")] if noted else []),
    )
    whole = [one for one in metrics if not one.of]
    parts = [one for one in metrics if one.of]
    return [
        table("Metrics", columns, [_metric(one, noted=noted) for one in whole]),
        more(
            "By class, and averages over classes",
            table("Metrics by class", columns, [_metric(one, noted=noted) for one in parts]),
        )
        if parts
        else None,
    ]


def _note(one: MetricValue) -> str:
    """What is to be known of a figure beside it."""
    bound = ""
    if one.precision == "bound" and one.least is not None and one.most is not None:
        least, most = written(one, one.least), written(one, one.most)
        bound = f"Known to lie between {least} and {most}. " if least != most else ""
    why = one.estimate.why if one.estimate is not None and not one.estimate.trustworthy else ""
    return f"{bound}{one.note} {why}".strip()


def _metric(one: MetricValue, *, noted: bool) -> Sequence[Child]:
    return (
        name_of(one),
        NONE if one.value is None else written(one, one.value),
        _interval(one),
        _guess(one),
        count(one.rows),
        one.better or None,
        *([_note(one)] if noted else []),
    )


def _estimates(facts: Facts) -> Child:
    """Without truths, the estimates are all there is."""
    window = facts.performance
    found = [one for one in window.metrics if one.estimate is not None] if window is not None else []
    return [tag("h3", "Estimated without truths"), _metrics(found)] if found else None


def _weak(window: PerformanceWindow) -> Child:
    if not window.weak:
        return (
            note(f"{window.looked} slices were compared, and it is certainly worse in none.")
            if window.looked
            else None
        )
    columns = (
        Column("where"),
        Column("metric"),
        Column("there", "num"),
        Column("elsewhere", "num"),
        Column("worse by at least", "num"),
        Column("labelled rows", "num"),
    )
    return [
        tag("h3", "Where it is worse"),
        table("Weak segments", columns, list(map(_segment, window.weak))),
        note(
            f"{window.looked} slices were compared; that any of these is named by chance has a probability "
            "of at most 5 %."
        ),
    ]


def _segment(one: WeakSegment) -> Sequence[Child]:
    return (one.where, one.metric, decimal(one.value), decimal(one.rest), decimal(one.low), count(one.rows))


def _confusion(found: Confusion | None) -> Child:
    if found is None or len(found.classes) > _MOST_CLASSES:
        return None
    heads = [
        tag("th", "truth \\ answer", scope="col"),
        *(tag("th", one, scope="col", class_="num") for one in found.classes),
    ]
    body = [
        tag("tr", tag("th", name, scope="row"), *_shares(at, counts))
        for at, (name, counts) in enumerate(zip(found.classes, found.counts, strict=True))
    ]
    whole = tag(
        "table",
        tag("caption", "Rows by truth and answer", class_="unseen"),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        class_="confusion",
    )
    return [tag("h3", "Truth and answer"), scrolled("Rows by truth and answer", whole)]


def _shares(truth: int, counts: Sequence[int]) -> Iterator[Child]:
    total = sum(counts)
    for at, number in enumerate(counts):
        part = number / total if total else 0.0
        step = 0 if part < 0.05 else 1 if part < 0.25 else 2 if part < 0.6 else 3
        kind = f"num {'c' if at == truth else 'h'}{step}"
        yield tag("td", count(number), tag("small", share(part)), class_=kind)


def _calibration(bins: Sequence[CalibrationBin]) -> Child:
    if not bins:
        return None
    columns = (
        Column("probability"),
        Column("rows", "num"),
        Column("predicted", "num"),
        Column("came true", "num"),
        Column("95 % interval", "num"),
    )
    rows = [
        (
            f"{share(one.low)} to {share(one.high)}",
            count(one.rows),
            share(one.predicted),
            share(one.actual),
            f"{share(one.actual_low)} to {share(one.actual_high)}",
        )
        for one in bins
    ]
    return [
        tag("h3", "Calibration"),
        figure(
            "How often came true what was given a probability",
            charts.calibration(
                [(one.predicted, one.actual, one.actual_low, one.actual_high) for one in bins]
            ),
        ),
        more("Calibration as a table", table("Calibration", columns, rows)),
    ]
