"""References: what is fitted on which rows, what is not, and when a version has learned."""

import numpy as np
import pyarrow as pa
import pytest

from konan.errors import Invalid
from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.profiles.cells import CategoryCells, NumericCells, PresenceCells
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, TARGET, VALUE, Profile
from konan.monitoring.reference import given_rows
from konan.monitoring.reference import reference as reference_module
from konan.monitoring.reference.reference import (
    ERROR,
    LAGS,
    Part,
    Reference,
    answers_of,
    inputs_of,
    learned,
)
from konan.records.schema import Feature, Output, Schema

FEATURES_OF_ALL_KINDS = (
    Feature(name="age", type="integer"),
    Feature(name="income", type="number"),
    Feature(name="city", type="string"),
    Feature(name="member", type="boolean"),
    Feature(name="since", type="datetime"),
    Feature(name="who", type="string"),
    Feature(name="name", type="string", privacy="mask"),
    Feature(name="phone", type="integer", privacy="hash"),
    Feature(name="secret", type="number", privacy="drop"),
)
CLASSIFIER = Output(kind="classifier", classes=("no", "yes"), probabilities=True)
SCHEMA = Schema(features=FEATURES_OF_ALL_KINDS, output=CLASSIFIER, subject="who")
REGRESSOR = Schema(features=(Feature(name="x", type="number"),), output=Output(kind="regressor"))


def rows_of_all_kinds(count: int) -> pa.Table:
    rng = np.random.default_rng(5)
    return pa.table(
        {
            "age": rng.integers(18, 90, count),
            "income": pa.array(rng.lognormal(size=count), mask=rng.random(count) < 0.1),
            "city": pa.array(rng.choice(["Bern", "Rome", "Oslo"], count).tolist()),
            "member": [True] * count,
            "since": pa.array(np.arange(count), pa.timestamp("s")),
            "who": [f"p{number % 7}" for number in range(count)],
            "name": [f"n{number}" for number in range(count)],
            "phone": np.arange(count),
            "secret": np.arange(count) / 2,
        }
    )


def answered(count: int) -> pa.Table:
    rng = np.random.default_rng(6)
    chances = rng.random(count)
    lines = (
        given_rows.Answered(
            "yes" if rng.random() < chance else "no",
            {"label": "yes" if chance > 0.5 else "no", "probabilities": {"no": 1 - chance, "yes": chance}},
        )
        for chance in chances
    )
    return given_rows.answers(lines, SCHEMA)


def test_each_input_has_cells_of_its_kind_and_private_ones_tell_nothing() -> None:
    part = inputs_of(SCHEMA, given_rows.inputs(rows_of_all_kinds(500), SCHEMA), "data")
    kinds = {cells.name.removeprefix(FEATURES): type(cells) for cells in part.layout.columns}
    assert kinds == {
        "age": NumericCells,
        "income": NumericCells,
        "city": CategoryCells,
        "member": CategoryCells,
        "since": PresenceCells,
        "who": PresenceCells,
        "name": PresenceCells,
        "phone": PresenceCells,
    }
    assert set(part.autocorrelation) == {f"features.{name}" for name in ("age", "income", "city", "member")}
    assert (part.profile.rows, part.source) == (500, "data")
    told = part.layout.to_json() + part.counts
    assert not any(text in told for text in (b"p3", b"n17", b"secret"))


def test_both_truth_values_are_known_even_if_only_one_was_seen() -> None:
    part = inputs_of(SCHEMA, given_rows.inputs(rows_of_all_kinds(50), SCHEMA), "data")
    cells = part.layout.cells("features.member")
    assert cells.count(pa.array([True, False, None])).tolist() == [1, 1, 0, 0, 1]


def test_a_category_that_one_row_had_is_not_kept_and_counts_as_unseen() -> None:
    schema = Schema(features=(Feature(name="city", type="string"),))
    rows = pa.table({"features.city": ["Bern"] * 5 + ["Rome"] * 2 + ["Atlantis"]})
    part = inputs_of(schema, rows, "data")
    counts = dict(zip(part.layout.columns[0].labels, part.profile.counts[0].tolist(), strict=True))
    assert counts == {"Bern": 5, "other": 0, "unseen": 3, "missing": 0}
    assert b"Atlantis" not in part.layout.to_json()


def test_answers_have_the_classes_of_the_model_and_the_score_of_the_second() -> None:
    rows = answered(400)
    part = answers_of(SCHEMA, rows, "holdout")
    assert list(part.layout.positions) == [LABEL, SCORE, TARGET]
    assert part.layout.cells(LABEL).labels[:2] == ("no", "yes")
    assert (np.array(rows[SCORE]) > 0.5).tolist() == [label == "yes" for label in rows[LABEL].to_pylist()]
    assert part.profile == Profile.of(part.layout, rows)
    assert abs(part.autocorrelation[ERROR][0]) < 0.2


def test_a_class_that_was_never_answered_is_known() -> None:
    part = answers_of(
        SCHEMA, given_rows.answers([given_rows.Answered("no", {"label": "no"})], SCHEMA), "holdout"
    )
    assert part.layout.cells(LABEL).count(pa.array(["no", "yes", "maybe"])).tolist() == [1, 1, 0, 1, 0]
    assert part.layout.cells(SCORE).labels == ("missing", "invalid", "below", "above")


def test_a_regressor_has_values_and_errors_that_hang_together() -> None:
    wave = np.sin(np.arange(600) / 20)
    lines = [given_rows.Answered(1.0 + step, {"value": 1.0}) for step in wave.tolist()]
    part = answers_of(REGRESSOR, given_rows.answers(lines, REGRESSOR), "cross-fitted")
    assert list(part.layout.positions) == [VALUE, TARGET]
    assert part.layout.cells(VALUE).labels[3] == "= 1"
    assert part.autocorrelation[ERROR][0] > 0.9
    assert len(part.autocorrelation[ERROR]) == LAGS
    assert part.autocorrelation[VALUE] == ()


def test_a_truth_that_is_none_of_the_classes_is_missing() -> None:
    line = given_rows.Answered("maybe", {"label": "no", "probabilities": {"no": 0.75, "yes": 0.25}})
    assert given_rows.answers([line], SCHEMA)[TARGET].to_pylist() == [None]


def test_a_reference_has_the_columns_of_both_parts_and_survives_being_written() -> None:
    inputs = inputs_of(SCHEMA, given_rows.inputs(rows_of_all_kinds(500), SCHEMA), "data")
    answers = answers_of(SCHEMA, answered(300), "holdout")
    made = Reference(inputs=inputs, answers=answers)
    assert made.layout.columns == (*inputs.layout.columns, *answers.layout.columns)
    assert made.profile.rows == 500
    sums = [counts.sum() for counts in made.profile.counts]
    assert sums == [500] * len(inputs.layout.columns) + [300] * 3
    assert (made.profile.products == inputs.profile.products).all()
    again = Reference.from_bytes(made.to_bytes())
    assert (again, again.layout.digest, again.profile) == (made, made.layout.digest, made.profile)
    assert not again.learning
    with pytest.raises(Invalid):
        Reference.from_bytes(b"no")


def test_nothing_given_is_a_reference_of_nothing() -> None:
    assert Reference().layout.columns == ()
    assert Reference().profile.rows == 0
    assert Reference().learning


def live(count: int) -> pa.Table:
    rows = given_rows.inputs(rows_of_all_kinds(count), SCHEMA)
    for name, column in zip((LABEL, SCORE, TARGET), answered(count).columns, strict=True):
        rows = rows.append_column(name, column)
    truths = rows[TARGET].to_pylist()
    rows = rows.drop_columns([TARGET])
    return rows.append_column(TARGET, pa.array([*[None] * 10, *truths[10:]], pa.string()))


def test_enough_labelled_live_rows_make_a_reference() -> None:
    assert learned(None, SCHEMA, live(1009)) is None
    made = learned(None, SCHEMA, live(1200))
    assert made is not None
    assert made.inputs is not None
    assert made.answers is not None
    assert (made.inputs.source, made.answers.source, made.answers.profile.rows) == ("live", "live", 1000)
    assert made.profile.counts[made.layout.positions[TARGET]][:2].sum() == 1000
    assert learned(made, SCHEMA, live(1200)) is None


def test_live_rows_leave_what_is_known_of_the_inputs() -> None:
    inputs = inputs_of(SCHEMA, given_rows.inputs(rows_of_all_kinds(500), SCHEMA), "data")
    made = learned(Reference(inputs=inputs), SCHEMA, live(60), needed=50)
    assert made is not None
    assert made.inputs == inputs
    assert isinstance(made.answers, Part)
    assert list(made.answers.layout.positions) == [LABEL, SCORE, TARGET]


def test_rows_without_truths_teach_nothing() -> None:
    assert learned(None, SCHEMA, live(60).drop_columns([TARGET]), needed=1) is None


def test_rows_that_are_sorted_by_the_truth_are_in_no_order_of_time() -> None:
    rows = answered(400).sort_by(TARGET)
    assert answers_of(SCHEMA, rows, "holdout").autocorrelation == {}
    inputs = given_rows.inputs(rows_of_all_kinds(400), SCHEMA)
    assert inputs_of(SCHEMA, inputs, "data", timed=False).autocorrelation == {}


def test_a_column_that_rows_are_sorted_by_tells_nothing_of_time() -> None:
    inputs = given_rows.inputs(rows_of_all_kinds(400).sort_by("income"), SCHEMA)
    assert "features.income" not in inputs_of(SCHEMA, inputs, "data").autocorrelation


def test_categories_that_come_in_runs_are_known_to() -> None:
    drawn = np.random.default_rng(7).choice(["Bern", "Rome", "Oslo"], 300)
    for cities, low, high in ((np.repeat(drawn, 10), 6.0, 25.0), (drawn, 1.0, 1.5)):
        rows = pa.table({"features.city": pa.array(cities.tolist())})
        found = rows_as_one(inputs_of(SCHEMA, rows, "data").autocorrelation["features.city"])
        assert low <= found <= high


def test_a_reference_with_answers_estimates_metrics() -> None:
    inputs = inputs_of(SCHEMA, given_rows.inputs(rows_of_all_kinds(400), SCHEMA), "data")
    found = reference_module.answered(SCHEMA, inputs, answered(400), "holdout")
    again = Reference.from_bytes(found.to_bytes())
    assert again.estimator is not None
    assert again.estimator.columns == (SCORE,)
    assert again.estimator.rows == 400
    assert reference_module.answered(SCHEMA, inputs, answered(20), "holdout").estimator is None


def test_lines_may_have_the_inputs_that_an_estimator_looks_at() -> None:
    features = (*REGRESSOR.features, Feature(name="city", type="string"), Feature(name="ok", type="boolean"))
    schema = Schema(features=features, output=REGRESSOR.output)
    rng = np.random.default_rng(8)
    lines = [
        given_rows.Answered(float(x), {"value": 0.0}, {"x": float(x), "city": 7, "ok": None})
        for x in rng.normal(size=400)
    ]
    rows = given_rows.answers(lines, schema)
    assert set(rows["features.city"].to_pylist()) == {"7"}
    inputs = inputs_of(schema, rows.select([name for name in rows.column_names if FEATURES in name]), "data")
    found = reference_module.answered(schema, inputs, rows, "holdout").estimator
    assert found is not None
    assert found.columns == (VALUE, "features.x", "features.city", "features.ok")


def test_rows_that_are_sorted_by_the_truth_are_mixed_before_an_estimator_looks_at_groups_of_them() -> None:
    rows = answered(2000).sort_by(TARGET)
    inputs = inputs_of(SCHEMA, given_rows.inputs(rows_of_all_kinds(400), SCHEMA), "data")
    found = reference_module.answered(SCHEMA, inputs, rows, "holdout").estimator
    assert found is not None
    assert found.rows_as_one < 1.5
    assert found.excess[0] < 0.001
