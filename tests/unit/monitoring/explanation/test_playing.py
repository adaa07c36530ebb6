"""Games played with real models in real workers are those of the definition."""

import asyncio
import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.ensemble import RandomForestClassifier
from tests.unit.monitoring.explanation.test_shapley import by_definition
from tests.unit.packaging.trying import package, spec, tried_with

from konan.errors import GateFailed
from konan.monitoring.explanation.mixing import Mixture
from konan.monitoring.explanation.playing import Effort, Played, play
from konan.monitoring.explanation.shapley import Floats
from konan.packaging.golden import Row, frame
from konan.packaging.trial import Form
from konan.records.schema import Feature, Output

NUMBERS = tuple(Feature(name=name, type="number") for name in "abcd")
MIXED = (
    Feature(name="n", type="integer", dtype="int64"),
    Feature(name="t", type="string", dtype="object"),
    Feature(name="b", type="boolean", dtype="object"),
)
CLASSES = Output(kind="classifier", classes=(0, 1, 2), probabilities=True, label="argmax")


def played(directory: Path, model: Any, rows: list[Row], background: list[Row], effort: Effort) -> Played:
    content = io.BytesIO()
    joblib.dump(model, content)
    place = package(directory, content.getvalue(), "model.joblib")
    form = Form(NUMBERS, CLASSES, "frame")
    started = spec(place, "sklearn", "model/model.joblib")
    found: Played = asyncio.run(
        tried_with(started, lambda trial, _: play(trial, form, rows, background, effort))
    )
    return found


@pytest.fixture(scope="module")
def forest() -> Any:
    draw = np.random.default_rng(3)
    rows = pd.DataFrame(draw.normal(size=(200, 4)), columns=list("abcd"))
    return RandomForestClassifier(8, random_state=0).fit(
        rows, (rows.a + rows.b > 0).astype(int) + (rows.c > 1)
    )


def test_a_forest_is_explained_as_the_definition_has_it(tmp_path: Path, forest: Any) -> None:
    draw = np.random.default_rng(4)
    background, row = draw.normal(size=(12, 4)), draw.normal(size=4)
    found = played(
        tmp_path,
        forest,
        [tuple(row.tolist())],
        [tuple(one) for one in background.tolist()],
        Effort(12, 12 * 16),
    )

    def model(rows: Floats) -> Floats:
        chances: Floats = forest.predict_proba(pd.DataFrame(rows, columns=list("abcd")))
        return chances

    assert found.exact
    assert found.found[0].values == pytest.approx(by_definition(model, row, background), abs=1e-12)
    assert found.found[0].value == pytest.approx(model(row[None])[0])
    assert found.evaluations == 1 + 12 * 16


def test_rows_that_depend_on_each_other_are_asked_alone(tmp_path: Path, forest: Any) -> None:
    rows: list[Row] = [(0.0, 0.0, 0.0, 0.0), (1.0, -1.0, 2.0, 0.0)]
    found = played(tmp_path, forest, rows, rows, Effort(2, 100, together=False))
    assert len(found.found) == len(found.answers) == 2
    assert not found.found[0].values[3].any()


def test_mixed_rows_are_the_frames_of_rows() -> None:
    row: Row = (1, "ä", True)
    background: list[Row] = [(1, None, True), (2, "ä", None), (None, "b", False)]
    mixture = Mixture(MIXED, row, background)
    assert mixture.differs.tolist() == [[False, True, False], [True, False, True], [True, True, True]]
    has = np.array([[False, True, False], [True, False, False], [False, False, False]])
    expected = frame(MIXED, [(1, "ä", True), (1, "ä", None), (None, "b", False)])
    assert mixture.frame(np.arange(3), has) == expected


def test_missing_values_are_all_alike() -> None:
    mixture = Mixture(MIXED, (None, None, None), [(None, None, None)])
    assert not mixture.differs.any()


def test_one_that_hangs_is_given_up_and_ended(tmp_path: Path) -> None:
    content = b"""
class Model:
    def predict(self, rows):
        while any(row["a"] == 1 and row["b"] == 0 for row in rows):
            pass
        return [0.5 for _ in rows]
"""
    started = spec(package(tmp_path, content))
    form = Form(NUMBERS, Output(kind="other"), "frame")
    rows: list[Row] = [(1.0, 1.0, 0.0, 0.0)]
    others: list[Row] = [(0.0, 0.0, 0.0, 0.0)]
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(GateFailed, match="did not answer within 1 s when it was asked to be explained"):
        asyncio.run(
            tried_with(started, lambda trial, _: play(trial, form, rows, others, Effort(1, 100)), 1.0)
        )
    assert set(psutil.Process().children(recursive=True)) <= before
