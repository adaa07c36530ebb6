"""Metrics as scikit-learn has them, of plain rows, to compare summaries with."""

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn import metrics as theirs
from sklearn.calibration import calibration_curve
from sklearn.exceptions import UndefinedMetricWarning

from konan.monitoring.performance import calibration
from konan.monitoring.performance.metrics import confusion, metrics
from konan.monitoring.performance.pairs import Pairs
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import ClassSummary, Summary, merged_summaries, of_rows, summary_of
from konan.records.performance import MetricValue

BINARY = Shape("classifier", ("no", "yes"), probabilities=True)
THREE = Shape("classifier", ("red", "green", "blue"), probabilities=True)
VALUE = Shape("regressor")


class Row(NamedTuple):
    """A row with its truth: a class and the probabilities of all, or a number."""

    truth: Any
    answer: Any
    scores: tuple[float, ...] = ()
    delay: float = 0.0


def summarized(shape: Shape, rows: Sequence[Row], unlabelled: int = 0, parts: int = 1) -> Summary:
    """The summary of rows, counted in several parts."""
    found = [of_rows(shape, unlabelled)]
    for part in range(parts):
        some = rows[part::parts]
        delays = np.array([one.delay for one in some], np.float64)
        found.append(summary_of(shape, _pairs(shape, some, delays)))
    return merged_summaries(shape, found)


def _pairs(shape: Shape, rows: Sequence[Row], delays: Any) -> Pairs:
    if shape.kind == "regressor":
        truths, answers = (np.array([one[at] for one in rows], np.float64) for at in (0, 1))
        return Pairs.of_values(shape, truths, answers, delays)
    known = np.array([shape.classes.index(one.truth) for one in rows], np.int64)
    labels = np.array([shape.classes.index(one.answer) for one in rows], np.int64)
    scores = np.array([one.scores for one in rows], np.float64).reshape(len(rows), len(shape.classes))
    return Pairs.of_classes(shape, known, labels, scores, delays)


def check(summary: Summary, rows: Sequence[Row]) -> None:
    """Whether every metric is what scikit-learn makes of the rows, and inside its interval."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        found = {(one.name, one.of): one for one in metrics(summary)}
        expected = _of_values(rows) if summary.shape.kind == "regressor" else _of_classes(summary, rows)
    assert summary.labelled == len(rows)
    for key, value in expected.items():
        _compare(found[key], value)
    assert {key for key, one in found.items() if one.value is not None} <= expected.keys()


def _compare(ours: MetricValue, value: float | None) -> None:
    if value is None or math.isnan(value):
        assert ours.value is None
        assert ours.note
        return
    assert ours.value is not None
    if ours.precision == "bound":
        assert ours.least is not None
        assert ours.most is not None
        assert ours.least - 1e-12 <= value <= ours.most + 1e-12
    else:
        assert ours.value == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert ours.low is None or ours.low <= ours.value + 1e-12
    assert ours.high is None or ours.value - 1e-12 <= ours.high


def _of_classes(summary: Summary, rows: Sequence[Row]) -> dict[tuple[str, str], float | None]:
    classes = summary.shape.classes
    names = list(classes)
    truth, answer = [one.truth for one in rows], [one.answer for one in rows]
    if not rows:
        return dict.fromkeys(
            [(name, "") for name in ("accuracy", "log_loss", "brier", "calibration_error")], None
        )
    told = confusion(summary)
    assert told is not None
    assert told.counts == tuple(map(tuple, theirs.confusion_matrix(truth, answer, labels=names).tolist()))
    found: dict[tuple[str, str], float | None] = {("accuracy", ""): theirs.accuracy_score(truth, answer)}
    for of in ("macro", "weighted", "micro"):
        for name, value in zip(
            ("precision", "recall", "f1"),
            theirs.precision_recall_fscore_support(truth, answer, average=of, zero_division=0),
            strict=False,
        ):
            found[name, of] = value
    each = theirs.precision_recall_fscore_support(truth, answer, labels=names, zero_division=np.nan)
    for name, values in zip(("precision", "recall", "f1"), each, strict=False):
        for of, value in zip(classes, values.tolist(), strict=True):
            found[name, of] = value
        if len(classes) == 2:
            found[name, ""] = values[1]
    return found | _of_scores(summary, rows, truth)


def _of_scores(
    summary: Summary, rows: Sequence[Row], truth: list[str]
) -> dict[tuple[str, str], float | None]:
    classes = summary.shape.classes
    scores = np.array([one.scores for one in rows])
    places = np.array([classes.index(one) for one in truth])
    found: dict[tuple[str, str], float | None] = {
        ("log_loss", ""): theirs.log_loss(places, y_proba=scores, labels=range(len(classes)))
    }
    areas = [_area(places == place, scores[:, place]) for place in range(len(classes))]
    if len(classes) == 2:
        found["brier", ""] = theirs.brier_score_loss(places, scores[:, 1], labels=[0, 1], pos_label=1)
        found["auc", ""] = areas[1]
        shown, hit = scores[:, 1], places == 1
    else:
        found["brier", ""] = theirs.brier_score_loss(places, scores, labels=range(len(classes)))
        found |= {("auc", of): area for of, area in zip(classes, areas, strict=True)}
        known = [one for one in areas if one is not None]
        counts = np.bincount(places, minlength=len(classes))
        full = len(known) == len(areas)
        found["auc", "macro"] = float(np.mean(known)) if full else None
        found["auc", "weighted"] = float(np.average(known, weights=counts)) if full else None
        answers = np.array([classes.index(one.answer) for one in rows])
        shown, hit = scores[np.arange(len(rows)), answers], answers == places
    found["calibration_error", ""] = _calibration(summary, shown, hit)
    return found


def _area(own: Any, scores: Any) -> float | None:
    return None if own.all() or not own.any() else float(theirs.roc_auc_score(own, scores))


def _calibration(summary: Summary, shown: Any, hit: Any) -> float:
    actual, predicted = calibration_curve(hit, shown, n_bins=10)
    assert isinstance(summary, ClassSummary)
    ours = calibration.curve(summary)
    assert [one.actual for one in ours] == pytest.approx(actual.tolist())
    assert [one.predicted for one in ours] == pytest.approx(predicted.tolist())
    weights = np.array([one.rows for one in ours])
    return float((weights * np.abs(actual - predicted)).sum() / weights.sum())


def _of_values(rows: Sequence[Row]) -> dict[tuple[str, str], float | None]:
    if not rows:
        nothing: dict[tuple[str, str], float | None] = {("mae", ""): None, ("rmse", ""): None}
        return nothing | {("r2", ""): None, ("mape", ""): None, ("bias", ""): None}
    truth, answer = (np.array([one[at] for one in rows]) for at in (0, 1))
    error, there = answer - truth, truth != 0
    found: dict[tuple[str, str], float | None] = {
        ("mae", ""): theirs.mean_absolute_error(truth, answer),
        ("rmse", ""): theirs.root_mean_squared_error(truth, answer),
        ("r2", ""): theirs.r2_score(truth, answer) if np.unique(truth).size > 1 else None,
        ("bias", ""): float(np.mean(error)),
        ("mape", ""): theirs.mean_absolute_percentage_error(truth[there], answer[there])
        if any(there)
        else None,
    }
    for of in (0.05, 0.25, 0.5, 0.75, 0.95):
        found["residual_quantile", f"{of:g}"] = float(np.quantile(error, of, method="inverted_cdf"))
    return found
