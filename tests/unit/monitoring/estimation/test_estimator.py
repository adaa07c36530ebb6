"""What is learnt of a reference, and that metrics estimated from it are those that truths tell."""

import math

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as known

from konan.monitoring.estimation.correction import corrected
from konan.monitoring.estimation.estimator import Estimator, learn
from konan.monitoring.estimation.metrics import Expected, expected
from konan.monitoring.profiles.cells import Cells
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, TARGET, VALUE, Layout, Profile
from konan.monitoring.reference.reference import answers_of, inputs_of
from konan.records.schema import Feature, Output, Schema

BINARY = Schema(
    features=(Feature(name="x", type="number"),),
    output=Output(kind="classifier", classes=("no", "yes"), probabilities=True),
)
THREE = Schema(
    features=BINARY.features,
    output=Output(kind="classifier", classes=("a", "b", "c"), probabilities=True),
)
PLAIN = Schema(features=BINARY.features, output=Output(kind="classifier", classes=("no", "yes")))
REGRESSOR = Schema(
    features=(Feature(name="x", type="number"), Feature(name="city", type="string")),
    output=Output(kind="regressor"),
)


def binary(rng: np.random.Generator, rows: int, harder: float = 0.0) -> pa.Table:
    """Scores that are too sure of themselves; ``harder`` moves them toward the middle."""
    score = rng.beta(0.6 + harder, 0.6 + harder, rows)
    came = rng.random(rows) < 0.15 + 0.7 * score
    labels = (np.where(one, "yes", "no") for one in (score > 0.5, came))
    return pa.table(dict(zip((LABEL, TARGET), labels, strict=True)) | {SCORE: score})


def three(rng: np.random.Generator, rows: int, shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> pa.Table:
    label = rng.choice(["a", "b", "c"], rows, p=shares)
    score = rng.uniform(0.4, 1.0, rows)
    truth = np.where(rng.random(rows) < score, label, np.where(label == "a", "b", "a"))
    return pa.table({LABEL: label, SCORE: score, TARGET: truth})


def values(rng: np.random.Generator, rows: int, low: float = 0.0) -> pa.Table:
    x = rng.uniform(low, 1.0, rows)
    city = rng.choice(["Bern", "Rome"], rows)
    truth = 3 * x + rng.normal(0, 0.2 + x + (city == "Rome"), rows)
    return pa.table({FEATURES + "x": x, FEATURES + "city": city, VALUE: 3 * x, TARGET: truth})


def learnt(schema: Schema, rows: pa.Table) -> tuple[Estimator, Layout]:
    parts: list[Cells] = [*answers_of(schema, rows, "holdout").layout.columns]
    inputs = rows.select([one for one in rows.column_names if one.startswith(FEATURES)])
    parts += inputs_of(schema, inputs, "holdout").layout.columns
    layout = Layout(tuple(parts))
    found = learn(layout.columns, rows, schema.output)
    assert found is not None
    return found, layout


def told(estimator: Estimator, layout: Layout, rows: pa.Table) -> dict[tuple[str, str], Expected]:
    return expected(estimator, layout, Profile.of(layout, rows))


def test_of_few_rows_nothing_is_learnt() -> None:
    rows = binary(np.random.default_rng(0), 150)
    assert learn(answers_of(BINARY, rows, "live").layout.columns, rows, BINARY.output) is None
    assert learn((), rows.drop_columns([TARGET]), BINARY.output) is None


@pytest.mark.parametrize("harder", [0.0, 1.0, 4.0])
def test_scores_of_other_rows_tell_every_metric_of_a_binary_classifier(harder: float) -> None:
    rng = np.random.default_rng(1)
    estimator, layout = learnt(BINARY, binary(rng, 20_000))
    rows = binary(rng, 50_000, harder)
    found = told(estimator, layout, rows)
    truth, label = (rows[name].to_numpy(zero_copy_only=False) for name in (TARGET, LABEL))
    score = rows[SCORE].to_numpy()
    real = {
        ("accuracy", ""): known.accuracy_score(truth, label),
        ("precision", "yes"): known.precision_score(truth, label, pos_label="yes"),
        ("recall", "yes"): known.recall_score(truth, label, pos_label="yes"),
        ("f1", "no"): known.f1_score(truth, label, pos_label="no"),
        ("f1", "macro"): known.f1_score(truth, label, average="macro"),
        ("auc", ""): known.roc_auc_score(truth == "yes", score),
        ("brier", ""): known.brier_score_loss(truth == "yes", score),
        ("log_loss", ""): known.log_loss(truth == "yes", score),
    }
    for name, value in real.items():
        low, high = corrected(found[name], rows.num_rows)[1:]
        assert found[name].value == pytest.approx(value, rel=0.04), name
        assert low - 0.01 * value <= value <= high + 0.01 * value, name
    assert estimator.method == "CBPE"


def test_answers_and_scores_tell_every_metric_of_several_classes() -> None:
    rng = np.random.default_rng(2)
    estimator, layout = learnt(THREE, three(rng, 20_000))
    rows = three(rng, 50_000, (0.2, 0.3, 0.5))
    found = told(estimator, layout, rows)
    truth, label = (rows[name].to_numpy(zero_copy_only=False) for name in (TARGET, LABEL))
    assert found["accuracy", ""].value == pytest.approx(known.accuracy_score(truth, label), abs=0.01)
    for name in ("precision", "recall", "f1"):
        real = getattr(known, f"{name}_score")(truth, label, average=None, labels=["a", "b", "c"])
        assert [found[name, one].value for one in "abc"] == pytest.approx(real.tolist(), abs=0.02)
    assert ("auc", "") not in found


def test_inputs_tell_the_accuracy_where_there_are_no_scores() -> None:
    rng = np.random.default_rng(3)

    def rows_of(count: int, low: float) -> pa.Table:
        x = rng.uniform(low, 1, count)
        right = rng.random(count) < 0.5 + x / 2
        label = rng.random(count) < 0.5
        texts = {LABEL: label, TARGET: label == right}
        return pa.table(
            {FEATURES + "x": x} | {name: np.where(one, "yes", "no") for name, one in texts.items()}
        )

    estimator, layout = learnt(PLAIN, rows_of(20_000, 0.0))
    found = told(estimator, layout, rows_of(20_000, 0.6))
    assert found["accuracy", ""].value == pytest.approx(0.9, abs=0.01)
    assert estimator.method == "DLE"


def test_inputs_tell_the_errors_of_a_regressor() -> None:
    rng = np.random.default_rng(4)
    estimator, layout = learnt(REGRESSOR, values(rng, 20_000))
    rows = values(rng, 50_000, low=0.7)
    found = told(estimator, layout, rows)
    error = rows[VALUE].to_numpy() - rows[TARGET].to_numpy()
    usual = estimator.usual[0]
    assert found["mae", ""].value == pytest.approx(np.abs(error).mean(), rel=0.03)
    assert found["rmse", ""].value == pytest.approx(math.sqrt((error**2).mean()), rel=0.05)
    assert abs(found["mae", ""].value - usual) > 0.15 * usual


@pytest.mark.parametrize(("schema", "name"), [(BINARY, "accuracy"), (REGRESSOR, "mae")])
def test_intervals_hold_the_metric_of_windows_about_as_often_as_they_say(schema: Schema, name: str) -> None:
    rng = np.random.default_rng(5)
    draw = binary if schema is BINARY else values
    inside = total = 0
    for _ in range(8):
        estimator, layout = learnt(schema, draw(rng, 3000))
        for _ in range(25):
            rows = draw(rng, 400)
            low, high = corrected(told(estimator, layout, rows)[name, ""], 400)[1:]
            if schema is BINARY:
                real = np.mean(
                    rows[LABEL].to_numpy(zero_copy_only=False) == rows[TARGET].to_numpy(zero_copy_only=False)
                )
            else:
                real = np.abs(rows[VALUE].to_numpy() - rows[TARGET].to_numpy()).mean()
            inside += low <= real <= high
            total += 1
    assert inside / total > 0.9


def test_of_no_rows_or_of_other_columns_nothing_is_said() -> None:
    rng = np.random.default_rng(6)
    rows = binary(rng, 1000)
    estimator, layout = learnt(BINARY, rows)
    assert told(estimator, layout, rows.slice(0, 0)) == {}
    assert expected(estimator, Layout(()), Profile.of(Layout(()), rows)) == {}
