"""The two models of the benchmark, trained on data that scikit-learn makes, and the request bodies."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FEATURES = 20
BODIES = 50


@dataclass(frozen=True)
class Trained:
    """A fitted model on disk.

    Attributes:
        name: ``lr`` or ``forest``.
        path: joblib file.
        data: CSV of the rows it was fitted on, with the column ``target``.
        rows: rows for requests, (BODIES, FEATURES) floats.
        expected: probability of class 1 for each of them.
    """

    name: str
    path: Path
    data: Path
    rows: list[list[float]]
    expected: list[float]


def train(directory: Path) -> list[Trained]:
    """Fit a scaler with logistic regression, and a forest of 100 trees of depth 10, on 5,000 rows."""
    import joblib
    import pandas as pd
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = make_classification(5000, FEATURES, n_informative=10, random_state=7)
    frame = pd.DataFrame(x, columns=[f"f{i}" for i in range(FEATURES)]).assign(target=y)
    frame.to_csv(directory / "train.csv", index=False)
    estimators: dict[str, Any] = {
        "lr": make_pipeline(StandardScaler(), LogisticRegression()),
        "forest": RandomForestClassifier(100, max_depth=10, random_state=7, n_jobs=1),
    }
    trained = []
    for name, estimator in estimators.items():
        estimator.fit(x, y)
        joblib.dump(estimator, directory / f"{name}.joblib")
        rows = x[:BODIES]
        trained.append(
            Trained(
                name,
                directory / f"{name}.joblib",
                directory / "train.csv",
                rows.tolist(),
                estimator.predict_proba(rows)[:, 1].tolist(),
            )
        )
    return trained


def named_bodies(rows: list[list[float]]) -> list[str]:
    """One named row per body, as Konan's contract and a hand-written service take it."""
    return [json.dumps({f"f{i}": value for i, value in enumerate(row)}) for row in rows]


def tensor_bodies(rows: list[list[float]]) -> list[str]:
    """One row per body in MLflow's tensor form."""
    return [json.dumps({"inputs": [row]}) for row in rows]
