"""Metrics from expected quantities, each with what is uncertain of it (pure).

An interval has three parts: rows that are drawn by chance, a reference that is finite (the jackknife over
its groups), and errors of the estimate that were seen already in groups of the reference. How a metric moves
with its quantities is taken from small steps (the delta method).

The area under the curve counts pairs in the same cell of the score as the reference's pairs there; its noise
is that of Hanley & McNeil, "The meaning and use of the area under a receiver operating characteristic curve"
(1982).
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from konan.monitoring.estimation.additive import Floats
from konan.monitoring.estimation.estimator import HIT, TRUE, Estimator
from konan.monitoring.profiles.profile import LABEL, SCORE, Layout, Profile

Name = tuple[str, str]
"""A metric, and the class or average that it is about."""

_STEP = 1e-6


class Expected(NamedTuple):
    """A metric of the rows of a window, as the estimator has it.

    Attributes:
        value: in the unit of the metric.
        noise: its variance for one row; that of n rows is an n-th of it.
        bias: variance of the estimate's own error, which more rows do not make smaller.
    """

    value: float
    noise: float
    bias: float


def expected(estimator: Estimator, layout: Layout, profile: Profile) -> dict[Name, Expected]:
    """The metrics of the rows of a window.

    Args:
        estimator: of the version.
        layout: of the profile.
        profile: of the rows; empty or of other columns gives no metric.
    """
    if not profile.rows or any(name not in layout.positions for name in estimator.columns):
        return {}
    shares = _shares(estimator, layout, profile)
    means = np.einsum("c,gcq->gq", shares, estimator.models)
    answered = _answered(estimator, layout, profile)
    values = [_values(estimator, one, answered) for one in means]
    areas = _areas(estimator, layout, profile)
    found: dict[Name, Expected] = {}
    for name, value in values[0].items():
        slope = _slope(estimator, means[0], answered, name)
        noise = float(slope @ np.array(estimator.noise) @ slope) * estimator.rows_as_one
        bias = _jackknife([one[name] for one in values[1:] if name in one])
        found[name] = Expected(value, noise, bias + float(slope**2 @ np.array(estimator.excess)))
    if areas:
        noise = _area_noise(areas[0], *_split(means[0], estimator)) * estimator.rows_as_one
        spread = found["accuracy", ""].bias if ("accuracy", "") in found else 0.0
        found["auc", ""] = Expected(areas[0], noise, max(_jackknife(areas[1:]), spread))
    return found


def _shares(estimator: Estimator, layout: Layout, profile: Profile) -> Floats:
    """How often each cell occurs in a row, and the constant."""
    counts = [profile.counts[layout.positions[name]] for name in estimator.columns]
    found: Floats = np.concatenate([*counts, [profile.rows]]) / profile.rows
    return found


def _answered(estimator: Estimator, layout: Layout, profile: Profile) -> Mapping[str, float]:
    """The share of rows that were answered with each class."""
    if not estimator.classes or LABEL not in layout.positions:
        return {}
    at = layout.positions[LABEL]
    return dict(zip(layout.columns[at].labels, (profile.counts[at] / profile.rows).tolist(), strict=True))


def _values(estimator: Estimator, means: Floats, answered: Mapping[str, float]) -> dict[Name, float]:
    at = estimator.positions
    if "abs" in at:
        return {
            ("mae", ""): max(float(means[at["abs"]]), 0.0),
            ("rmse", ""): math.sqrt(max(float(means[at["square"]]), 0.0)),
        }
    found: dict[Name, float] = {("accuracy", ""): _within_bounds(means[at["hit"]])}
    for name in ("log_loss", "brier"):
        if name in at:
            found[name, ""] = max(float(means[at[name]]), 0.0)
    each = [_of_class(estimator, one, means, answered) for one in estimator.classes if HIT + one in at]
    for one, told in zip(estimator.classes, each, strict=False):
        found |= {(name, one): value for name, value in told.items()}
    for name in ("precision", "recall", "f1") if each else ():
        found[name, "macro"] = sum(told[name] for told in each) / len(each)
    return found


def _of_class(
    estimator: Estimator, one: str, means: Floats, answered: Mapping[str, float]
) -> dict[str, float]:
    """Zero where nothing was answered or true, as is the custom."""
    hit, true = (max(float(means[estimator.positions[kind + one]]), 0.0) for kind in (HIT, TRUE))
    said = answered.get(one, 0.0)
    hit = min(hit, said)
    true = max(true, hit)
    return {
        "precision": hit / said if said else 0.0,
        "recall": hit / true if true else 0.0,
        "f1": 2 * hit / (said + true) if said + true else 0.0,
    }


def _slope(estimator: Estimator, means: Floats, answered: Mapping[str, float], name: Name) -> Floats:
    """How a metric moves with each quantity."""
    found = np.zeros(len(means))
    for at in range(len(means)):
        step = np.zeros(len(means))
        step[at] = _STEP * max(abs(means[at]), 1e-3)
        up, down = (_values(estimator, means + sign * step, answered)[name] for sign in (1, -1))
        found[at] = (up - down) / (2 * step[at])
    return found


def _jackknife(values: Sequence[float]) -> float:
    """Variance from the values without each group."""
    groups = len(values)
    spread = np.array(values) - np.mean(values) if groups > 1 else np.zeros(1)
    return float((spread**2).sum() * (groups - 1) / max(groups, 1))


def _areas(estimator: Estimator, layout: Layout, profile: Profile) -> list[float]:
    """The area under the curve, of the model and without each group; none where there is no such score."""
    name = TRUE + estimator.classes[1] if len(estimator.classes) == 2 else ""
    if not estimator.within or name not in estimator.positions or estimator.columns != (SCORE,):
        return []
    at = estimator.positions[name]
    counts = profile.counts[layout.positions[SCORE]].astype(float)
    rates = np.clip(estimator.models[:, :-1, at] + estimator.models[:, -1:, at], 0.0, 1.0)
    found = []
    for one in rates:
        yes, no = counts * one, counts * (1 - one)
        pairs = yes.sum() * no.sum()
        before = np.cumsum(no) - no
        wins = float((yes * before + yes * no * np.array(estimator.within)).sum())
        if pairs:
            found.append(wins / float(pairs))
    return found if len(found) == len(rates) else []


def _split(means: Floats, estimator: Estimator) -> tuple[float, float]:
    true = _within_bounds(means[estimator.positions[TRUE + estimator.classes[1]]])
    return max(true, 1e-6), max(1 - true, 1e-6)


def _area_noise(area: float, yes: float, no: float) -> float:
    """Variance for one row, of shares of true and of false ones."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    return (one - area**2) / yes + (two - area**2) / no


def _within_bounds(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)
