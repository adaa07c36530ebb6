"""What answers alone say of performance, learnt on rows of the reference whose truth is known.

Of a classifier with probabilities it is how often each answer comes true by the cell of its score (confidence
based performance estimation, CBPE); of a regressor, how large its error is by the cells of inputs and answer
(direct loss estimation, DLE). Both suppose that the relation of inputs and truth stays as it was; whether it
did only truths can tell (`konan.monitoring.estimation.trust`).

Sources: CBPE, Białek, Kuberski, Perrakis & Bifet, "Estimating model performance under covariate shift without
labels" (2024, arXiv 2401.08348); DLE is NannyML's name for a model of the loss.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.estimation.additive import Floats, fit
from konan.monitoring.evidence.dependence import autocorrelation
from konan.monitoring.profiles.cells import Cells, category_texts, numbers
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, TARGET, VALUE
from konan.records.schema import Output, class_text

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 200
"""Rows with their truth below which nothing is learnt."""

HIT = "hit "
"""Before a class: rows that were answered so, rightly."""

TRUE = "true "
"""Before a class: rows of which it is the truth."""

_MOST_CLASSES = 20
_MOST_INPUTS = 40
_LEAST_CHANCE = float(np.finfo(np.float64).eps)


class Estimator(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An additive model of quantities that metrics are made of.

    Attributes:
        columns: names of the columns whose cells it looks at, in order.
        sizes: how many cells each of them has.
        classes: of a classifier, as texts.
        quantities: what is predicted: `HIT` and `TRUE` of each class, ``hit``, ``log_loss``, ``brier``,
            ``abs``, ``square``.
        weights: float64, little-endian: the model, then the same without each group of the rows,
            ``(1 + groups, cells + 1, quantities)``.
        noise: covariance of what is left of one row, ``(quantities, quantities)``.
        excess: variance of the mean errors of groups beyond that of their rows, by quantity.
        rows_as_one: how many rows that follow each other say as much as one.
        usual: mean of each quantity in the reference.
        within: chance that the score of a true one is the larger of two in the same cell, by cell of the
            score; empty where there is none.
        rows: of the reference.
    """

    columns: tuple[str, ...]
    sizes: tuple[int, ...]
    classes: tuple[str, ...] = ()
    quantities: tuple[str, ...]
    weights: bytes
    noise: tuple[tuple[float, ...], ...]
    excess: tuple[float, ...]
    rows_as_one: float
    usual: tuple[float, ...]
    within: tuple[float, ...] = ()
    rows: int

    @cached_property
    def models(self) -> Floats:
        """The weights as an array, the model first."""
        shape = (-1, sum(self.sizes) + 1, len(self.quantities))
        found: Floats = np.frombuffer(self.weights, "<f8").reshape(shape)
        return found

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where each quantity stands."""
        return {name: at for at, name in enumerate(self.quantities)}

    @property
    def method(self) -> str:
        """What it is called: ``CBPE`` where scores are calibrated, else ``DLE``."""
        return "CBPE" if SCORE in self.columns else "DLE"


def learn(cells: Sequence[Cells], rows: "pa.Table", output: Output) -> Estimator | None:
    """An estimator from rows that the model was not fitted on.

    Args:
        cells: of the columns, as the reference has them.
        rows: in the order of time, with `TARGET`, what was answered, and of a regressor the inputs.
        output: of the version.

    Returns:
        None where rows are too few, or answers are of a kind that cannot be estimated.
    """
    import pyarrow.compute as pc

    answer = LABEL if output.kind == "classifier" else VALUE
    if TARGET not in rows.column_names or answer not in rows.column_names:
        return None
    rows = rows.filter(pc.and_(pc.is_valid(rows[TARGET]), pc.is_valid(rows[answer])))
    if rows.num_rows < FEWEST:
        return None
    known = {one.name: one for one in cells if one.name in rows.column_names}
    classes = _classes(rows, output) if output.kind == "classifier" else ()
    names, values = _classified(rows, classes) if classes else _regressed(rows)
    used = _columns(known, rows, classes, values[:, 0])
    codes = np.stack([one.assign(rows[one.name]).astype(np.int64) for one in used], axis=1)
    found = fit(used, codes, values)
    spread = _spread(found.residuals, len(found.without))
    return Estimator(
        columns=tuple(one.name for one in used),
        sizes=tuple(len(one.labels) for one in used),
        classes=classes,
        quantities=names,
        weights=np.concatenate([found.weights[None], found.without]).astype("<f8").tobytes(),
        usual=tuple(values.mean(axis=0).tolist()),
        within=_within(rows, known[SCORE]) if len(classes) == 2 and SCORE in known else (),
        rows=rows.num_rows,
        noise=tuple(map(tuple, spread.noise.tolist())),
        excess=tuple(spread.excess.tolist()),
        rows_as_one=spread.rows_as_one,
    )


class _Spread(NamedTuple):
    noise: Floats
    excess: Floats
    rows_as_one: float


def _spread(residuals: Floats, groups: int) -> _Spread:
    """Noise of rows, and by how much groups of them differ more than that."""
    together = rows_as_one(autocorrelation(residuals[:, 0]))
    centred = residuals - residuals.mean(axis=0)
    noise = centred.T @ centred / len(residuals)
    means = np.stack([one.mean(axis=0) for one in np.array_split(residuals, groups)])
    expected = np.diag(noise) * together * groups / len(residuals)
    excess = np.maximum((means**2).mean(axis=0) - expected, 0.0)
    return _Spread(noise, excess, together)


def _classes(rows: "pa.Table", output: Output) -> tuple[str, ...]:
    if output.classes:
        return tuple(map(class_text, output.classes))
    texts = category_texts(rows[TARGET]).to_pylist()
    return tuple(sorted(set(texts)))


def _classified(rows: "pa.Table", classes: tuple[str, ...]) -> tuple[tuple[str, ...], Floats]:
    label, truth = (np.array(category_texts(rows[name]).to_pylist()) for name in (LABEL, TARGET))
    found: dict[str, npt.NDArray[np.float64]] = {"hit": (label == truth).astype(float)}
    if len(classes) <= _MOST_CLASSES:
        for one in classes:
            found[HIT + one] = ((label == one) & (truth == one)).astype(float)
            found[TRUE + one] = (truth == one).astype(float)
    if len(classes) == 2 and SCORE in rows.column_names:
        score, _ = numbers(rows[SCORE])
        if np.isfinite(score).all():
            came = truth == classes[1]
            chance = np.clip(np.where(came, score, 1 - score), _LEAST_CHANCE, 1.0)
            found["log_loss"], found["brier"] = -np.log(chance), (score - came) ** 2
    return tuple(found), np.stack(list(found.values()), axis=1)


def _regressed(rows: "pa.Table") -> tuple[tuple[str, ...], Floats]:
    error = numbers(rows[VALUE])[0] - numbers(rows[TARGET])[0]
    return ("abs", "square"), np.stack([np.abs(error), error**2], axis=1)


def _columns(
    known: dict[str, Cells], rows: "pa.Table", classes: tuple[str, ...], loss: Floats
) -> tuple[Cells, ...]:
    """The columns that tell something of the quantities."""
    if classes and SCORE in known:
        return (known[SCORE],) if len(classes) == 2 else (known[LABEL], known[SCORE])
    inputs = [one for name, one in known.items() if name.startswith(FEATURES)]
    told = [_explained(one.assign(rows[one.name]).astype(np.int64), loss) for one in inputs]
    order = sorted(range(len(inputs)), key=lambda at: -told[at])[:_MOST_INPUTS]
    return (known[LABEL if classes else VALUE], *(inputs[at] for at in sorted(order)))


def _explained(codes: npt.NDArray[np.int64], loss: Floats) -> float:
    """How much of the loss the cells of a column tell, less what chance would."""
    counts = np.bincount(codes)
    there = counts > 0
    means = np.bincount(codes, loss)[there] / counts[there]
    return float((counts[there] * (means - loss.mean()) ** 2).sum() - loss.var() * (there.sum() - 1))


def _within(rows: "pa.Table", cells: Cells) -> tuple[float, ...]:
    """Of each cell of the score, the area under the curve of its own rows; a half where nothing is known."""
    score, truth = numbers(rows[SCORE])[0], rows[TARGET].to_pylist()
    classes = sorted(set(truth))
    came = np.array([one == classes[-1] for one in truth])
    codes = cells.assign(rows[SCORE])
    return tuple(_area(score[codes == at], came[codes == at]) for at in range(len(cells.labels)))


def _area(score: Floats, came: npt.NDArray[np.bool_]) -> float:
    wins = int(came.sum()) * int((~came).sum())
    if wins < FEWEST:
        return 0.5
    values, places = np.unique(score, return_inverse=True)
    yes, no = (np.bincount(places, one, len(values)) for one in (came, ~came))
    return float((yes * (np.cumsum(no) - no / 2)).sum() / wins)
