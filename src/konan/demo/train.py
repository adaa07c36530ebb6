"""Trains the demonstration's model; a program of its own, so that the command line stays light.

``python -m konan.demo.train FOLDER`` writes ``model.joblib``, ``train.csv``, ``holdout.csv`` and
``expected.jsonl`` into the folder, also ``year.csv`` and ``summer.csv`` with hours to send later, and prints
a line of JSON (`Trained`).
"""

import sys
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import joblib
import msgspec
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from konan import clock
from konan.demo.trained import Trained

TARGET = "count"
MONTH = "month"
"""A column that the model is not given; errors are told by it."""

TEXTS = ["season", "weekday", "weather"]
NUMBERS = ["hour", "holiday", "workingday", "temperature", "feels_like", "humidity", "windspeed"]
EXPECTED_ROWS = 100
STEP = 11
"""Shares no divisor with the 168 hours of a week, so that every eleventh hour comes by all of them."""


class Parts(NamedTuple):
    """The rows, each part in its order, with the target.

    Attributes:
        fitted: the year 2011, to fit on; shuffled, as rows of a training often are. In the order of time one
            year of weather hangs together so much that it says next to nothing of another year.
        holdout: every eleventh hour of 2012, to judge by.
        year: every eleventh hour of 2012, none of them in ``holdout``; with its month.
        summer: all hours of July and August 2012; likewise.
    """

    fitted: pd.DataFrame
    holdout: pd.DataFrame
    year: pd.DataFrame
    summer: pd.DataFrame


def split() -> Parts:
    """The bundled rows in parts."""
    with resources.as_file(resources.files("konan.demo") / "bikes.csv.gz") as path:
        rows = pd.read_csv(path)
    columns = [*TEXTS, *NUMBERS, TARGET]
    date = rows["date"]
    dated = rows.assign(month=date.str[:7])
    return Parts(
        rows.loc[date < "2012", columns].sample(frac=1, random_state=0),
        rows.loc[date >= "2012", columns].iloc[STEP // 2 :: STEP],
        dated.loc[date >= "2012", [*columns, MONTH]].iloc[::STEP],
        dated.loc[(date >= "2012-07") & (date < "2012-09"), [*columns, MONTH]],
    )


def pipeline() -> Pipeline:
    """The model, unfitted: categories that it has not seen and missing values are no reason to fail."""
    encode = ColumnTransformer(
        [("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXTS)],
        remainder="passthrough",
    )
    return Pipeline([("encode", encode), ("boost", HistGradientBoostingRegressor(random_state=0))])


def train(folder: Path) -> Trained:
    """Fit the model and write everything that a deploy takes.

    Args:
        folder: where the files go; it must exist.
    """
    started = clock.monotonic()
    fitted, later, year, summer = split()
    model = pipeline().fit(fitted.drop(columns=TARGET), fitted[TARGET])
    answers = model.predict(fitted.drop(columns=TARGET).head(EXPECTED_ROWS))
    joblib.dump(model, folder / "model.joblib", compress=3)
    fitted.to_csv(folder / "train.csv", index=False)
    later.to_csv(folder / "holdout.csv", index=False)
    year.to_csv(folder / "year.csv", index=False)
    summer.to_csv(folder / "summer.csv", index=False)
    lines = [msgspec.json.encode({"value": float(answer)}) for answer in answers]
    (folder / "expected.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    error = mean_absolute_error(later[TARGET], model.predict(later.drop(columns=TARGET)))
    return Trained(
        rows=len(fitted),
        holdout_rows=len(later),
        error=round(float(error), 1),
        usual=round(float(later[TARGET].mean()), 1),
        seconds=round(clock.monotonic() - started, 2),
    )


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(train(Path(sys.argv[1]))).decode() + "\n")
