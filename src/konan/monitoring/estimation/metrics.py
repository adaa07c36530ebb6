"""Metrics from expected quantities, each with what is uncertain of it, of many windows at once (pure).

An interval has three parts: rows that are drawn by chance, a reference that is finite (the jackknife over
its groups), and errors of the estimate that were seen already in groups of the reference. How a metric moves
with its quantities is the delta method's.

The area under the curve counts pairs in the same cell of the score as the reference's pairs there; its noise
is that of Hanley & McNeil, "The meaning and use of the area under a receiver operating characteristic curve"
(1982).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from konan.monitoring.estimation.additive import Floats
from konan.monitoring.estimation.estimator import HIT, TRUE, Estimator
from konan.monitoring.profiles.profile import LABEL, SCORE, Layout, Profile

Name = tuple[str, str]
"""A metric, and the class or average that it is about."""

_LEAST = 1e-12


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


class _Metric(NamedTuple):
    """Values, also without each group, ``(windows, 1 + groups)``; slopes, ``(windows, quantities)``."""

    values: Floats
    slopes: Floats


def expected(estimator: Estimator, layout: Layout, profile: Profile) -> dict[Name, Expected]:
    """The metrics of the rows of a window.

    Args:
        estimator: of the version.
        layout: of the profile.
        profile: of the rows; empty or of other columns gives no metric.
    """
    return expected_each(estimator, layout, [profile])[0]


def expected_each(
    estimator: Estimator, layout: Layout, profiles: Sequence[Profile]
) -> list[dict[Name, Expected]]:
    """The same of many windows."""
    found: list[dict[Name, Expected]] = [{} for _ in profiles]
    there = [at for at, one in enumerate(profiles) if one.rows]
    if not there or any(name not in layout.positions for name in estimator.columns):
        return found
    some = [profiles[at] for at in there]
    means = np.einsum("wc,gcq->wgq", _shares(estimator, layout, some), estimator.models)
    answered = _answered(estimator, layout, some)
    noise, excess = np.array(estimator.noise), np.array(estimator.excess)
    spread = np.zeros(len(some))
    for name, metric in _metrics(estimator, means, answered):
        drawn = np.einsum("wq,qr,wr->w", metric.slopes, noise, metric.slopes) * estimator.rows_as_one
        bias = _jackknife(metric.values[:, 1:]) + metric.slopes**2 @ excess
        spread = bias if name == ("accuracy", "") else spread
        _keep(found, there, name, (metric.values[:, 0], drawn, bias))
    areas = _areas(estimator, layout, some)
    if areas is not None:
        drawn = _area_noise(areas[:, 0], means[:, 0, estimator.positions[TRUE + estimator.classes[1]]])
        bias = np.maximum(_jackknife(areas[:, 1:]), spread)
        _keep(found, there, ("auc", ""), (areas[:, 0], drawn * estimator.rows_as_one, bias))
    return found


def _keep(
    found: list[dict[Name, Expected]], there: Sequence[int], name: Name, parts: tuple[Floats, Floats, Floats]
) -> None:
    rows = np.stack(parts, axis=1).tolist()
    for at, row in zip(there, rows, strict=True):
        found[at][name] = Expected(*row)


def _shares(estimator: Estimator, layout: Layout, profiles: Sequence[Profile]) -> Floats:
    """How often each cell occurs in a row, and the constant, ``(windows, cells + 1)``."""
    places = [layout.positions[name] for name in estimator.columns]
    counts = [np.concatenate([one.counts[at] for at in places]) / one.rows for one in profiles]
    return np.concatenate([np.stack(counts), np.ones((len(profiles), 1))], axis=1)


def _answered(estimator: Estimator, layout: Layout, profiles: Sequence[Profile]) -> Mapping[str, Floats]:
    """The share of rows that were answered with each class, ``(windows, 1)``."""
    if not estimator.classes or LABEL not in layout.positions:
        return {}
    at = layout.positions[LABEL]
    shares = np.stack([one.counts[at] / one.rows for one in profiles])
    return dict(zip(layout.columns[at].labels, shares.T[:, :, None], strict=True))


def _metrics(
    estimator: Estimator, means: Floats, answered: Mapping[str, Floats]
) -> Iterator[tuple[Name, _Metric]]:
    at = estimator.positions
    if "abs" in at:
        yield ("mae", ""), _plain(means, at["abs"])
        square = _plain(means, at["square"])
        root = np.sqrt(square.values)
        yield ("rmse", ""), _Metric(root, square.slopes / np.maximum(2 * root[:, :1], _LEAST))
        return
    yield ("accuracy", ""), _plain(means, at["hit"], most=1.0)
    for name in ("log_loss", "brier"):
        if name in at:
            yield (name, ""), _plain(means, at[name])
    each = [dict(_of_class(estimator, one, means, answered)) for one in estimator.classes if HIT + one in at]
    for one, told in zip(estimator.classes, each, strict=False):
        for name, metric in told.items():
            yield (name, one), metric
    for name in ("precision", "recall", "f1") if each else ():
        values, slopes = (sum(part) / len(each) for part in zip(*(told[name] for told in each), strict=True))
        yield (name, "macro"), _Metric(np.asarray(values), np.asarray(slopes))


def _plain(means: Floats, at: int, most: float = np.inf) -> _Metric:
    """A quantity itself."""
    slopes = np.zeros((len(means), means.shape[2]))
    slopes[:, at] = 1.0
    return _Metric(np.clip(means[:, :, at], 0.0, most), slopes)


def _of_class(
    estimator: Estimator, one: str, means: Floats, answered: Mapping[str, Floats]
) -> Iterator[tuple[str, _Metric]]:
    """Zero where nothing was answered or true, as is the custom."""
    hit_at, true_at = (estimator.positions[kind + one] for kind in (HIT, TRUE))
    said = np.broadcast_to(answered.get(one, np.zeros((len(means), 1))), means.shape[:2])
    hit = np.clip(means[:, :, hit_at], 0.0, said)
    true = np.maximum(means[:, :, true_at], hit)
    for name, over, part in (
        ("precision", said, 1.0),
        ("recall", true, 1.0),
        ("f1", (said + true) / 2, 0.5),
    ):
        values = np.divide(hit, over, out=np.zeros_like(hit), where=over > _LEAST)
        slopes = np.zeros((len(means), means.shape[2]))
        whole = np.maximum(over[:, 0], _LEAST)
        slopes[:, hit_at] = 1 / whole
        if name != "precision":
            slopes[:, true_at] = -part * hit[:, 0] / whole**2
        slopes[over[:, 0] <= _LEAST] = 0.0
        yield name, _Metric(values, slopes)


def _jackknife(values: Floats) -> Floats:
    """Variance from the values without each group, ``(windows,)``."""
    groups = values.shape[1]
    far = values - values.mean(axis=1, keepdims=True)
    spread: Floats = (far**2).sum(axis=1) * (groups - 1) / groups
    return spread


def _areas(estimator: Estimator, layout: Layout, profiles: Sequence[Profile]) -> Floats | None:
    """The area under the curve, of the model and without each group, ``(windows, 1 + groups)``.

    None where there is no such score.
    """
    name = TRUE + estimator.classes[1] if len(estimator.classes) == 2 else ""
    if not estimator.within or name not in estimator.positions or estimator.columns != (SCORE,):
        return None
    at = estimator.positions[name]
    counts = np.stack([one.counts[layout.positions[SCORE]] for one in profiles])[:, None]
    rates = np.clip(estimator.models[:, :-1, at] + estimator.models[:, -1:, at], _LEAST, 1 - _LEAST)
    yes, no = counts * rates, counts * (1 - rates)
    before = np.cumsum(no, axis=2) - no
    wins = (yes * (before + no * np.array(estimator.within))).sum(axis=2)
    pairs = yes.sum(axis=2) * no.sum(axis=2)
    found: Floats = np.divide(wins, pairs, out=np.full_like(wins, 0.5), where=pairs > 0)
    return found


def _area_noise(area: Floats, true: Floats) -> Floats:
    """Variance for one row."""
    yes = np.clip(true, 1e-6, 1 - 1e-6)
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    found: Floats = (one - area**2) / yes + (two - area**2) / (1 - yes)
    return found
