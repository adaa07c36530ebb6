"""Facts as a busy deployment gives them: twenty columns, two weeks, ground truth, alarms; always the same."""

import math
import random
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from konan.records.alarms import Alarm, AlarmEvent, AlarmRule, Budget, ColumnGrounds, Grounds, Incident
from konan.records.deployments import Reference, Version
from konan.records.distributions import CellShares, ColumnDistribution
from konan.records.labels import LabelCoverage, LabelDelay, LabelFinding, LabelReport
from konan.records.monitoring import (
    DriftedColumn,
    DriftWindow,
    Finding,
    MovedCell,
    QualityWindow,
    Segment,
    ShareChange,
)
from konan.records.operations import ErrorCount, Latency, Saturation, TrafficWindow
from konan.records.performance import (
    CalibrationBin,
    Confusion,
    Estimate,
    MetricValue,
    PerformanceWindow,
    WeakSegment,
)
from konan.records.schema import Feature, Output, Schema
from konan.web.report.facts import Facts

DAY = 86_400
START = datetime(2026, 11, 10, tzinfo=UTC)
DAYS = 14
NAMES = (
    *("season", "temperature", "humidity", "windspeed", "hour", "weekday", "holiday", "weather", "city"),
    *("age", "income", "tenure_months", "plan", "visits_last_30_days", "device", "balance", "owner_id"),
    *("discount", "region", "a_column_with_a_rather_long_name_that_somebody_chose"),
)
DRIFTED = ("season", "temperature", "weather")


def at(days: float) -> str:
    return (START + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def version() -> Version:
    features = tuple(Feature(name=name, type="number") for name in NAMES)
    hidden = replace(features[16], privacy="hash", type="string")
    return Version(
        uuid="0192",
        deployment="bikes",
        version=3,
        state="live",
        created_at=at(-30),
        flavor="sklearn",
        schema=Schema(
            features=(*features[:16], hidden, *features[17:]),
            output=Output(kind="classifier", classes=("few", "many")),
            segments=("city",),
        ),
        reference=Reference(source="holdout", rows=8645, inputs=8645),
    )


def column(name: str, strength: float, rows: int, draw: random.Random) -> DriftedColumn:
    drifted = name in DRIFTED and strength > 0.4
    floor = 18 / rows + 0.004
    effect = strength * {"season": 1.9, "temperature": 0.62, "weather": 0.28}.get(name, 0.0)
    effect += draw.uniform(-0.4, 0.8) * floor
    return DriftedColumn(
        column=f"features.{name}",
        verdict="drift" if drifted else "stable",
        p_value=1e-40 if drifted else draw.uniform(0.02, 1),
        evidence=140 * effect if drifted else draw.uniform(-1, 0.8),
        effect=effect,
        floor=floor,
        rows=rows,
        usual_rows=8645,
        moved=(MovedCell(cell="summer", current=0.71, usual=0.26),) if name == "season" else (),
        shares=(ShareChange(what="missing", current=0.18, usual=0.07, low=0.08, high=0.14),)
        if name == "weather"
        else (),
    )


def drift(since: float, until: float, strength: float, rows: int) -> DriftWindow:
    draw = random.Random(int(1000 * since + until))
    columns = sorted((column(name, strength, rows, draw) for name in NAMES), key=lambda one: -one.evidence)
    guilty = tuple(one.column for one in columns if one.verdict == "drift")
    return DriftWindow(
        version=3,
        segment=None,
        since=at(since),
        until=at(until),
        rows=rows,
        verdict="drift" if guilty else "stable",
        evidence=columns[0].evidence - 1.3,
        threshold=3.0,
        guilty=guilty,
        cause="covariate" if guilty else "",
        reason="Inputs moved: season, temperature and weather; no fault of the data is known."
        if guilty
        else "",
        reference="data, holdout",
        doubts=("Rows of the reference hang together; so many of a column count as one row: hour (24).",),
        columns=tuple(columns),
    )


def distribution(name: str) -> ColumnDistribution:
    draw = random.Random(name)
    if name == "season":
        cells = (("winter", 0.25, 0.01), ("spring", 0.25, 0.12), ("summer", 0.26, 0.71), ("fall", 0.24, 0.16))
        shown = tuple(CellShares(cell=cell, usual=usual, current=now) for cell, usual, now in cells)
        return ColumnDistribution(
            column="features.season", ordered=False, rows=41_000, usual_rows=8645, cells=shown
        )
    shift = 0.9 if name in DRIFTED else 0.0
    weights = [1 + shift * (place / 6 - 1) + draw.uniform(-0.05, 0.05) for place in range(13)]
    inner = tuple(
        CellShares(cell=f"[{3 * place}, {3 * place + 3})", usual=0.074, current=0.95 * weight / sum(weights))
        for place, weight in enumerate(weights)
    )
    odd = CellShares(cell="missing", usual=0.038, current=0.05, special=True)
    return ColumnDistribution(
        column=f"features.{name}", ordered=True, rows=41_000, usual_rows=8645, cells=(odd, *inner)
    )


def traffic(since: float, until: float) -> TrafficWindow:
    requests = int((until - since) * (900 + 220 * math.sin(since)))
    slow = 1 + max(0.0, since - 9) / 3
    lost = (("model_failed", 502, "model", 9), ("rows_invalid", 422, "caller", 3))
    return TrafficWindow(
        since=at(since),
        until=at(until),
        version=3,
        requests=requests,
        predictions=3 * requests,
        per_second=requests / (until - since) / DAY,
        error_share=0.012,
        errors=tuple(
            ErrorCount(
                code=code,
                status=status,
                kind=kind,  # type: ignore[arg-type] # of a list of kinds
                requests=requests * thousandths // 1000,
                share=thousandths / 1000,
            )
            for code, status, kind, thousandths in lost
        ),
        latency=Latency(
            mean=0.004, p50=0.003, p90=0.006, p95=0.008 * slow, p99=0.021 * slow, p999=0.08, most=0.4
        ),
        saturation=Saturation(busy=0.11, busy_most=0.64, waiting=0.2, waiting_most=41, workers=2.0),
    )


def labels() -> LabelReport:
    slices = (("Bern", 11_000, 4100, "problem"), ("Rome", 17_000, 12_900, "ok"), (None, 900, 700, "ok"))
    return LabelReport(
        deployment="bikes",
        version=3,
        since=at(0),
        until=at(DAYS),
        state="problem",
        rows=40_600,
        labelled=29_232,
        share=0.72,
        delays=(LabelDelay(seconds=3600, share=0.2), LabelDelay(seconds=DAY, share=0.9)),
        median_delay=5.2 * 3600,
        slowest_delay=2.1 * DAY,
        coverage=tuple(
            LabelCoverage(
                segment=Segment(column="city", value=value),
                rows=rows,
                labelled=labelled,
                share=labelled / rows,
                low=labelled / rows - 0.75,
                high=labelled / rows - 0.7,
                state=state,  # type: ignore[arg-type] # of a list of states
            )
            for value, rows, labelled, state in slices
        ),
        findings=(
            LabelFinding(
                kind="coverage",
                state="problem",
                about="city = Bern",
                current=0.37,
                usual=0.74,
                detail="37 % of the rows are labelled, of all others 74 %.",
            ),
        ),
    )


def finding(kind: str, name: str, state: str, shares: tuple[float, float], detail: str) -> Finding:
    now, usual = shares
    return Finding(
        kind=kind,  # type: ignore[arg-type] # of a list of kinds
        column=f"features.{name}" if name else "",
        state=state,  # type: ignore[arg-type] # of a list of states
        current=now,
        usual=usual,
        low=now - usual - 0.012,
        high=now - usual + 0.014,
        detail=detail,
    )


def quality() -> QualityWindow:
    found = [
        finding(
            "missing", "weather", "problem", (0.18, 0.07), "18 % of 41,000 rows have no value, usually 7 %."
        ),
        finding("out of range", "temperature", "notice", (0.004, 0.0), "0.4 % lie outside of the reference."),
        finding("rejected", "", "ok", (0.011, 0.01), "1.1 % of 41,460 are refusals, usually 1 %."),
        *(finding("missing", name, "ok", (0.04, 0.038), "4 % have no value.") for name in NAMES[8:]),
        Finding(
            kind="volume",
            column="",
            state="ok",
            current=41_000.0,
            usual=39_500.0,
            low=33_000.0,
            high=46_000.0,
            detail="41,000 rows, usually 33,000 to 46,000.",
        ),
    ]
    return QualityWindow(
        version=3,
        segment=None,
        since=at(0),
        until=at(DAYS),
        rows=41_000,
        state="problem",
        rejected={"rows_invalid": 412, "unauthenticated": 48},
        findings=tuple(found),
    )


def metrics(value: float, rows: int, share: float, *, trusted: bool = True) -> tuple[MetricValue, ...]:
    half = 1 / math.sqrt(max(rows * share, 1))
    guess = Estimate(
        value=value + 0.012,
        low=value - 0.008,
        high=value + 0.03,
        trustworthy=trusted,
        why="" if trusted else "The truths that came contradict it: 0.955 was estimated, 0.612 came true.",
    )
    known = int(rows * share)
    names = (("accuracy", value), ("auc", value + 0.06), ("log_loss", 0.48), ("brier", 0.14))
    whole = tuple(
        MetricValue(
            name=name,
            value=one if known else None,
            low=one - half if known else None,
            high=one + half if known else None,
            rows=known,
            better="lower" if name in {"log_loss", "brier"} else "higher",
            estimate=guess if name == "accuracy" else None,
        )
        for name, one in names
    )
    classes = tuple(
        MetricValue(name=name, of=of, value=0.8, low=0.78, high=0.82, rows=known, better="higher")
        for of in ("few", "many", "macro")
        for name in ("precision", "recall", "f1")
    )
    return (*whole, *classes)


def performance(since: float, until: float, value: float, share: float) -> PerformanceWindow:
    rows = int((until - since) * 2900)
    state = "no labels" if not share else "final" if share > 0.9 else "provisional"
    return PerformanceWindow(
        version=3,
        segment=None,
        since=at(since),
        until=at(until),
        rows=rows,
        state=state,  # type: ignore[arg-type] # of a list of states
        labelled=int(rows * share),
        share=share,
        metrics=metrics(value, rows, share, trusted=since < DAYS - 3),
    )


def whole_performance() -> PerformanceWindow:
    bins = tuple(
        CalibrationBin(
            low=step / 10,
            high=(step + 1) / 10,
            rows=2400,
            predicted=step / 10 + 0.05,
            actual=min(1.0, step / 10 + 0.02 + 0.03 * math.sin(step)),
            actual_low=max(0.0, step / 10 - 0.02),
            actual_high=min(1.0, step / 10 + 0.09),
        )
        for step in range(10)
    )
    weak = WeakSegment(
        where="city = Bern",
        segment=None,
        metric="accuracy",
        value=0.71,
        rest=0.82,
        low=0.06,
        high=0.15,
        rows=3100,
        rest_rows=26_000,
    )
    return replace(
        performance(0, DAYS, 0.801, 0.72),
        confusion=Confusion(classes=("few", "many"), counts=((13_200, 2100), (3700, 10_500))),
        calibration=bins,
        weak=(weak,),
        looked=38,
    )


def alarms() -> tuple[Alarm, ...]:
    guilty = ColumnGrounds(
        column="features.season", evidence=88.2, effect=1.2, guilty=True, moved=("summer 26 % to 71 %",)
    )
    grounds = Grounds(rows=2900, evidence=41.2, threshold=4.6, effect=0.71, floor=0.02, columns=(guilty,))
    calm = Grounds(rows=2900, evidence=0.4, threshold=4.6, effect=0.0, floor=0.02)
    budget = Budget(per_year=0.25, run_length=1460, looks=330, spent=0.04)

    def alarm(name: str, state: str, why: str, known: Grounds | None) -> Alarm:
        return Alarm(
            id=f"alarm-{name}",
            project="default",
            deployment="bikes",
            name=name,
            rule=AlarmRule(kind=name),  # type: ignore[arg-type] # of a list of kinds
            created_at=at(-30),
            state=state,  # type: ignore[arg-type] # of a list of states
            since=at(9),
            why=why,
            version=3,
            grounds=known,
            budget=budget,
        )

    return (
        alarm(
            "drift",
            "firing",
            "The rows of a day are not like the reference: season and temperature.",
            grounds,
        ),
        alarm("data-fault", "ok", "Nothing has changed.", calm),
        alarm("errors", "ok", "Nothing has changed.", calm),
        alarm("volume", "learning", "It has seen 5 of 7 days.", None),
    )


def events() -> tuple[AlarmEvent, ...]:
    firing = alarms()[0]
    made = (("ok", "warning", 8.0), ("warning", "firing", 9.0))
    return tuple(
        AlarmEvent(
            alarm=firing.id,
            number=number,
            name=firing.name,
            deployment="bikes",
            version=3,
            at=at(day),
            before=before,  # type: ignore[arg-type] # of a list of states
            after=after,  # type: ignore[arg-type] # of a list of states
            why="The rows of a day are not like the reference.",
            grounds=firing.grounds,
        )
        for number, (before, after, day) in reversed(list(enumerate(made, 1)))
    )


def busy() -> Facts:
    """Drift, bad rows, an alarm that fires, and ground truth that comes late."""
    steps = tuple(
        drift(day, day + 1, max(0.0, (day - 6) / 5), int(2900 + 700 * math.sin(day))) for day in range(DAYS)
    )
    shares = [1.0] * 9 + [0.8, 0.5, 0.3, 0.1, 0.0]
    values = [0.84 - 0.008 * max(0, day - 5) + 0.006 * math.sin(2 * day) for day in range(DAYS)]
    incident = Incident(
        id="1",
        project="default",
        deployment="bikes",
        opened_at=at(9),
        joined_at=at(9),
        alarms=("drift",),
        firing=("drift",),
        headline="The rows of bikes are not like the reference: season and temperature.",
    )
    return Facts(
        deployment="bikes",
        version=version(),
        live=True,
        since=at(0),
        until=at(DAYS),
        every=DAY,
        made_at=at(DAYS),
        konan="0.1.0",
        traffic=traffic(0, DAYS),
        traffic_windows=tuple(traffic(day, day + 1) for day in range(DAYS)),
        labels=labels(),
        drift=drift(0, DAYS, 0.7, 41_000),
        drift_windows=steps,
        distributions=tuple(map(distribution, NAMES)),
        quality=quality(),
        performance=whole_performance(),
        performance_windows=tuple(performance(day, day + 1, values[day], shares[day]) for day in range(DAYS)),
        headline="accuracy",
        alarms=alarms(),
        events=events(),
        incidents=(incident,),
    )


def empty() -> Facts:
    """A deployment without a version."""
    return Facts(
        deployment="nothing",
        version=None,
        live=False,
        since=at(0),
        until=at(1),
        every=7200,
        made_at=at(1),
        konan="0.1.0",
    )


def calm() -> Facts:
    """A deployment of which all is well and nothing is labelled, in one window."""
    found = busy()
    quiet = drift(0, 1, 0.0, 2900)
    usual = tuple(one for one in quality().findings if one.state == "ok")
    return replace(
        found,
        deployment="calm",
        traffic=None,
        traffic_windows=(),
        labels=None,
        drift=quiet,
        drift_windows=(quiet,),
        quality=replace(quality(), state="ok", findings=usual, rejected={}),
        performance=replace(performance(0, 1, 0.8, 0.0), metrics=()),
        performance_windows=(),
        alarms=alarms()[1:],
        events=(),
        incidents=(),
    )


def named(name: str) -> Facts:
    """A busy deployment whose name, and those of a column and its values, are somebody's own idea."""
    found = busy()
    cells = (CellShares(cell=name, usual=0.5, current=0.2), CellShares(cell="b", usual=0.5, current=0.8))
    column = ColumnDistribution(column=name, ordered=False, rows=100, usual_rows=100, cells=cells)
    assert found.drift is not None
    drifted = replace(found.drift.columns[0], column=name, moved=(MovedCell(cell=name, current=1, usual=0),))
    window = replace(found.drift, columns=(drifted,), guilty=(name,), reason=name)
    return replace(found, deployment=name, drift=window, distributions=(column,))
