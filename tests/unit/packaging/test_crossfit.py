"""References come from rows that the model was not fitted on, through real workers."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from tests.unit.packaging.test_register import OWNER, Server

from konan.packaging.environment import Environments
from konan.packaging.pack import pack
from konan.records.deployments import Reference, Version

NAMES = ["a", "b", "c"]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that has the environment of these tests for models without requirements."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    made = Server(tmp_path / "server")
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    lock = asyncio.run(Environments(made.paths.environments, 60).lock((), minor))
    (made.paths.environments / lock.digest).symlink_to(sys.prefix)
    yield made
    made.store.close()


def certified(server: Server, tmp_path: Path, model: Any, rows: pd.DataFrame, **said: Any) -> Version:
    folder = tmp_path / "client"
    folder.mkdir()
    joblib.dump(model, folder / "model.joblib")
    rows.to_csv(folder / "rows.csv", index=False)
    if "holdout" in said:
        said["holdout"].to_csv(folder / "holdout.csv", index=False)
        said["holdout"] = folder / "holdout.csv"
    said = {"target": "y", "requirements": [], **said}
    file = pack(folder / "model.joblib", folder / "upload.zip", data=folder / "rows.csv", **said)
    version = server.build(server.registrar.accept(OWNER, "m", file))
    assert version.failure is None
    return version


def reference(server: Server, version: Version) -> tuple[Reference, list[Any], list[Any]]:
    made = asyncio.run(server.registrar.reference(version))
    lines = server.blobs.read(made.predictions).splitlines() if made.predictions else []
    pairs = [msgspec.json.decode(line) for line in lines]
    return made, [pair["target"] for pair in pairs], [pair["output"] for pair in pairs]


def classified(rows: int = 400) -> pd.DataFrame:
    inputs, truth = make_classification(
        n_samples=rows, n_features=3, n_informative=3, n_redundant=0, flip_y=0.3, random_state=0
    )
    return pd.DataFrame(inputs, columns=NAMES).assign(y=np.array(["no", "yes"])[truth])


def test_each_row_is_answered_by_a_copy_that_was_fitted_without_it(server: Server, tmp_path: Path) -> None:
    rows = classified()
    forest = RandomForestClassifier(20, random_state=0).fit(rows[NAMES], rows["y"])
    made, targets, outputs = reference(server, certified(server, tmp_path, forest, rows))
    assert (made.source, made.rows) == ("cross-fitted", 400)
    assert targets == list(rows["y"])
    fitted = forest.score(rows[NAMES], rows["y"])
    crossed = np.mean([output["label"] == target for output, target in zip(outputs, targets, strict=True)])
    assert fitted > 0.99
    assert crossed < 0.9
    split = StratifiedKFold(5, shuffle=True, random_state=0)
    expected = cross_val_predict(forest, rows[NAMES].to_numpy(), rows["y"], cv=split, method="predict_proba")
    assert np.allclose([list(output["probabilities"].values()) for output in outputs], expected)


def test_a_regressor_is_cross_fitted_on_the_rows_that_have_a_target(server: Server, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(200, 3)), columns=NAMES)
    rows["y"] = rows.sum(axis=1)
    model = LinearRegression().fit(rows[NAMES], rows["y"])
    rows.loc[:9, "y"] = np.nan
    made, targets, outputs = reference(server, certified(server, tmp_path, model, rows))
    assert (made.source, made.rows) == ("cross-fitted", 190)
    split = KFold(5, shuffle=True, random_state=0)
    kept = rows[10:]
    expected = cross_val_predict(LinearRegression(), kept[NAMES].to_numpy(), kept["y"], cv=split)
    assert targets == pytest.approx(kept["y"].tolist())
    assert [output["value"] for output in outputs] == pytest.approx(expected.tolist())


def test_a_holdout_is_answered_by_the_model_itself(server: Server, tmp_path: Path) -> None:
    rows = classified()
    model = LogisticRegression().fit(rows[NAMES][:300], rows["y"][:300])
    version = certified(server, tmp_path, model, rows[:300], holdout=rows[300:])
    assert [(one.role, one.rows) for one in version.datasets] == [("data", 300), ("holdout", 100)]
    made, targets, outputs = reference(server, version)
    assert (made.source, made.rows) == ("holdout", 100)
    assert targets == list(rows["y"][300:])
    assert [output["label"] for output in outputs] == list(model.predict(rows[NAMES][300:]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "said",
    [
        {"target": ""},
        {"target": "z", "holdout": classified(60)},
        {"holdout": classified(60).drop(columns=["a"])},
    ],
)
def test_without_rows_to_make_it_from_there_is_none_yet(
    server: Server, tmp_path: Path, said: dict[str, Any]
) -> None:
    rows = classified(60).assign(z=1.0)
    model = LogisticRegression().fit(rows[NAMES], rows["y"])
    made, _, _ = reference(server, certified(server, tmp_path, model, rows, **said))
    assert made == Reference()


@pytest.mark.slow
def test_too_few_rows_make_no_reference(server: Server, tmp_path: Path) -> None:
    rows = classified(40)
    model = LogisticRegression().fit(rows[NAMES], rows["y"])
    made, _, _ = reference(server, certified(server, tmp_path, model, rows))
    assert made == Reference()


@pytest.mark.slow
def test_a_target_with_other_classes_than_the_model_makes_none(server: Server, tmp_path: Path) -> None:
    rows = classified(100)
    model = LogisticRegression().fit(rows[NAMES], rows["y"])
    rows["y"] = rows["y"].replace({"yes": "maybe"})
    made, _, _ = reference(server, certified(server, tmp_path, model, rows))
    assert made == Reference()


@pytest.mark.slow
def test_a_model_of_scikit_learn_goes_all_the_way(tmp_path: Path) -> None:
    rows = classified()
    folder = tmp_path / "client"
    folder.mkdir()
    model = LogisticRegression().fit(rows[NAMES], rows["y"])
    file = pack(model, folder / "upload.zip", data=rows, target="y")
    made = Server(tmp_path / "server")
    try:
        version = made.build(made.registrar.accept(OWNER, "m", file))
        assert version.failure is None
        assert version.certificate is not None
        assert version.certificate.golden == "reproduced"
        assert version.certificate.input == "array"
        assert "sklearn.linear_model._logistic" in version.certificate.imports
        assert asyncio.run(made.registrar.reference(version)).source == "cross-fitted"
    finally:
        made.store.close()
