"""Estimates of windows: corrected by truths, trusted while these agree, of a valid reference only."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from konan.monitoring.performance.metrics import metrics
from konan.monitoring.performance.pairs import Pairs
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import summary_of
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, TARGET, Profile
from konan.monitoring.reference.reference import Reference, answered, inputs_of
from konan.monitoring.reports.estimates import Observed, estimates
from konan.records.schema import Feature, Output, Schema

SCHEMA = Schema(
    features=(Feature(name="x", type="number"),),
    output=Output(kind="classifier", classes=("no", "yes"), probabilities=True),
)
SHAPE = Shape.of(SCHEMA.output)


def rows_of(rng: np.random.Generator, count: int, broken: float = 0.0, beyond: float = 0.0) -> pa.Table:
    """Rows whose score is the chance that it is a yes; of a part of them it is the opposite."""
    score = rng.beta(0.5, 0.5, count)
    yes = rng.random(count) < np.where(rng.random(count) < broken, 1 - score, score)
    return pa.table(
        {
            FEATURES + "x": score + beyond,
            LABEL: np.where(score > 0.5, "yes", "no"),
            SCORE: score,
            TARGET: np.where(yes, "yes", "no"),
        }
    )


def reference_of(rng: np.random.Generator) -> Reference:
    rows = rows_of(rng, 5000)
    return answered(SCHEMA, inputs_of(SCHEMA, rows.select([FEATURES + "x"]), "data"), rows, "holdout")


def observed(reference: Reference, rows: pa.Table, truths: int) -> Observed:
    """The first so many rows have a truth."""
    some = rows.slice(0, truths)
    truth, label = (
        np.array([SHAPE.classes.index(one) for one in some[name].to_pylist()], np.int64)
        for name in (TARGET, LABEL)
    )
    score = some[SCORE].to_numpy()
    pairs = Pairs.of_classes(SHAPE, truth, label, np.stack([1 - score, score], axis=1))
    return Observed(
        Profile.of(reference.layout, rows.drop_columns([TARGET])),
        Profile.of(reference.layout, some),
        metrics(summary_of(SHAPE, pairs, rows.num_rows)),
        truths,
    )


def test_every_metric_of_a_summary_that_can_be_estimated_is_and_all_truths_give_the_metric() -> None:
    rng = np.random.default_rng(1)
    reference = reference_of(rng)
    whole = observed(reference, rows_of(rng, 2000), 2000)
    (found,) = estimates(reference, [whole])
    for one in whole.metrics:
        if one.of == "weighted" or one.name == "calibration_error":
            continue
        estimate = found[one.name, one.of]
        assert estimate.value == pytest.approx(one.value, abs=1e-9), (one.name, one.of)
        assert estimate.trustworthy


def test_truths_that_contradict_say_not_trustworthy_here_and_correct_the_estimate() -> None:
    rng = np.random.default_rng(2)
    reference = reference_of(rng)
    windows = [rows_of(rng, 1000, broken) for broken in (0.0, 0.0, 0.6, 0.6)]
    found = estimates(reference, [observed(reference, one, 150) for one in windows])
    assert [one["accuracy", ""].trustworthy for one in found] == [True, True, False, False]
    assert [one["auc", ""].trustworthy for one in found] == [True, True, False, False]
    last = found[-1]["accuracy", ""]
    real = np.mean(windows[-1][LABEL].to_numpy() == windows[-1][TARGET].to_numpy())
    assert last.low <= real <= last.high
    assert last.value == pytest.approx(real, abs=0.08)
    assert last.why.startswith("Not trustworthy here: truths of the newest rows are off from it by -0.")
    assert last.why.endswith("(CBPE on a holdout, corrected by 150 truths.)")


def test_a_window_without_truths_is_judged_by_those_before_it() -> None:
    rng = np.random.default_rng(3)
    reference = reference_of(rng)
    before = [observed(reference, rows_of(rng, 1000, 0.6), 150) for _ in range(3)]
    found = estimates(reference, [*before, observed(reference, rows_of(rng, 1000, 0.6), 0)])
    assert not found[-1]["accuracy", ""].trustworthy
    alone = estimates(reference, [observed(reference, rows_of(rng, 1000), 0)])[0]["accuracy", ""]
    assert alone.trustworthy
    assert alone.why.startswith("No truths have come yet that could contradict it.")


def test_truths_of_other_rows_than_those_without_do_not_mislead() -> None:
    rng = np.random.default_rng(4)
    reference = reference_of(rng)
    rows = rows_of(rng, 4000)
    sure = np.abs(rows[SCORE].to_numpy() - 0.5)
    rows = rows.take(np.argsort(-sure))
    (found,) = estimates(reference, [observed(reference, rows, 1000)])
    real = np.mean(rows[LABEL].to_numpy() == rows[TARGET].to_numpy())
    estimate = found["accuracy", ""]
    assert estimate.trustworthy
    assert estimate.value == pytest.approx(real, abs=0.02)


def test_values_that_the_reference_never_had_are_said() -> None:
    rng = np.random.default_rng(5)
    reference = reference_of(rng)
    (found,) = estimates(reference, [observed(reference, rows_of(rng, 1000, beyond=3.0), 0)])
    assert not found["accuracy", ""].trustworthy
    assert "the reference never had (x)" in found["accuracy", ""].why


def test_nothing_is_estimated_without_a_valid_reference() -> None:
    rng = np.random.default_rng(6)
    reference = reference_of(rng)
    window = observed(reference, rows_of(rng, 500), 0)
    learning = msgspec.structs.replace(reference, answers=None)
    assert estimates(learning, [window]) == [{}]
    assert estimates(msgspec.structs.replace(reference, estimator=None), [window]) == [{}]
    other = Observed(Profile.empty(reference_of(rng).layout))
    assert estimates(reference, [other]) == [{}]


def test_of_very_many_windows_the_headline_alone_may_be_asked_for() -> None:
    rng = np.random.default_rng(7)
    reference = reference_of(rng)
    (found,) = estimates(reference, [observed(reference, rows_of(rng, 500), 50)], headline=True)
    assert set(found) == {("accuracy", "")}
