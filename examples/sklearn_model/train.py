"""Trains a scikit-learn pipeline on named columns and writes what `konan deploy` takes.

Run it, then deploy what it wrote::

    python examples/sklearn_model/train.py /tmp/diabetes
    konan deploy diabetes /tmp/diabetes/model.joblib --data /tmp/diabetes/train.csv \
        --holdout /tmp/diabetes/holdout.csv --target progression
    konan predict diabetes --file /tmp/diabetes/rows.csv

The data set comes with scikit-learn: 442 patients, ten measurements each, and the progress of their
diabetes a year later (Efron, Hastie, Johnstone, Tibshirani: Least Angle Regression, 2004).
"""

import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main(folder: Path) -> None:
    """Write model.joblib, train.csv, holdout.csv and rows.csv (rows without the target)."""
    rows = load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progression"})
    train, holdout = train_test_split(rows, test_size=0.25, random_state=0)
    model = make_pipeline(StandardScaler(), RandomForestRegressor(50, min_samples_leaf=5, random_state=0))
    model.fit(train.drop(columns="progression"), train["progression"])
    score = model.score(holdout.drop(columns="progression"), holdout["progression"])

    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "model.joblib", compress=3)
    train.to_csv(folder / "train.csv", index=False)
    holdout.to_csv(folder / "holdout.csv", index=False)
    holdout.drop(columns="progression").to_csv(folder / "rows.csv", index=False)
    print(f"R2 on the holdout: {score:.3f}; wrote {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "diabetes"))
