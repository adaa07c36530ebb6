"""Models and tables that the user holds in memory become files, and a model's own outputs what is expected.

Only here, and only when there is such an object, are numpy, pandas or joblib imported: whoever has the
object has them.
"""

import pickle
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from konan.errors import DataInvalid, MissingExtra, Usage
from konan.packaging.imports import read
from konan.packaging.requirements import own
from konan.records.schema import class_text
from konan.records.upload import TableFormat

Fitted = Any
"""A fitted model of any library."""

Rows = Any
"""A table of any library."""

EXPECTED_ROWS = 200
"""Outputs are computed for at most so many of the first rows: enough to prove the version, quick to make."""


def save_model(model: Fitted, folder: Path) -> Path:
    """Write a fitted model to a file below ``folder``.

    Code of the user's own (of a script, a notebook or local modules) is written into the file, because the
    server does not have it.

    Raises:
        Usage: it has no ``predict``, or cannot be pickled.
        MissingExtra: writing its code takes cloudpickle, which is not installed.
    """
    if not callable(getattr(model, "predict", None)):
        raise Usage(
            f"A model needs a predict method; {type(model).__name__} has none.",
            hint="Give a fitted model, or the path of a file or folder.",
        )
    path = folder / "model.joblib"
    if find_spec("joblib") is not None and _with_joblib(model, path):
        mine = own(read(path).modules)
        return _with_cloudpickle(model, folder / "model.pkl", mine) if mine else path
    return _with_cloudpickle(model, folder / "model.pkl", ())


def _with_joblib(model: Fitted, path: Path) -> bool:
    import joblib

    try:
        joblib.dump(model, path)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False  # as of a lambda, which cloudpickle can write
    return True


def _with_cloudpickle(model: Fitted, path: Path, mine: Iterable[str]) -> Path:
    try:
        import cloudpickle
    except ImportError as error:
        raise MissingExtra(
            "The model holds code of your own, which takes cloudpickle to send.",
            hint="pip install cloudpickle",
        ) from error
    with _by_value(set(mine) - {"__main__"}):
        try:
            path.write_bytes(cloudpickle.dumps(model))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise Usage(f"The model cannot be pickled: {error}") from error
    return path


@contextmanager
def _by_value(roots: set[str]) -> Iterator[None]:
    import cloudpickle

    modules = [sys.modules[root] for root in sorted(roots) if root in sys.modules]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def save_table(table: Rows, stem: str, folder: Path) -> tuple[Path, TableFormat]:
    """Write a table (pandas, or one with ``to_pandas``) to a file below ``folder``.

    Parquet, which keeps the types, where pyarrow is installed and takes all columns; CSV otherwise.

    Raises:
        DataInvalid: it is no table.
    """
    frame = _frame(table)
    if find_spec("pyarrow") is not None:
        path = folder / f"{stem}.parquet"
        try:
            frame.to_parquet(path, index=False)
        except (TypeError, ValueError):  # a column of mixed types; pyarrow's errors are of these
            path.unlink(missing_ok=True)
        else:
            return path, "parquet"
    path = folder / f"{stem}.csv"
    frame.to_csv(path, index=False)
    return path, "csv"


def _frame(table: Rows) -> Rows:
    frame = table.to_pandas() if hasattr(table, "to_pandas") else table
    if not hasattr(frame, "to_parquet") or not hasattr(frame, "columns"):
        raise DataInvalid(
            f"The data must be a file or a table with named columns, not {type(table).__name__}.",
            hint="Give a path (.csv, .parquet, .jsonl) or a DataFrame.",
        )
    frame = frame.copy(deep=False)
    frame.columns = [str(column) for column in frame.columns]
    return frame


def first_rows(data: Rows, form: TableFormat) -> Rows:
    """The first rows of a file or table as a DataFrame; None where pandas is not installed."""
    if not isinstance(data, Path):
        return _frame(data).head(EXPECTED_ROWS)
    if find_spec("pandas") is None:
        return None
    import pandas as pd

    if form == "csv":
        return pd.read_csv(data, nrows=EXPECTED_ROWS)
    if form == "jsonl":
        return pd.read_json(data, lines=True, nrows=EXPECTED_ROWS)
    from pyarrow.parquet import ParquetFile

    with ParquetFile(data) as file:
        batches = [batch.to_pandas() for batch in file.iter_batches(EXPECTED_ROWS)][:1]
    return batches[0] if batches else None


def expected_outputs(model: Fitted, rows: Rows, left_out: Sequence[str]) -> bytes:
    """What the model answers for some rows, as JSON lines, each in the output's shape.

    Args:
        model: the fitted model.
        rows: (n, k) DataFrame.
        left_out: columns that are no features; used where the model does not know its features' names.

    Raises:
        DataInvalid: the model cannot predict these rows.
    """
    if rows is None or len(rows) == 0:
        return b""
    names = getattr(model, "feature_names_in_", None)
    try:
        features = (
            rows.drop(columns=list(left_out), errors="ignore").to_numpy()
            if names is None
            else rows[list(names)]
        )
        outputs = list(_outputs(model, features))
    except Exception as error:
        raise DataInvalid(
            f"The model could not predict the first rows of the data: {type(error).__name__}: {error}",
            hint="Give the rows as the model was fitted on them, and name the target column.",
        ) from error
    return b"".join(msgspec.json.encode(output) + b"\n" for output in outputs)


def _outputs(model: Fitted, features: Rows) -> Iterator[Any]:
    answers = model.predict(features)
    labels = answers.tolist() if hasattr(answers, "tolist") else list(answers)
    classes = _classes(model)
    if classes is not None:
        probabilities = model.predict_proba(features).tolist() if hasattr(model, "predict_proba") else None
        texts = [class_text(each) for each in classes]
        for place, label in enumerate(labels):
            given = (
                {}
                if probabilities is None
                else {"probabilities": dict(zip(texts, probabilities[place], strict=True))}
            )
            yield {"label": label, **given}
    elif _is("regressor", model):
        for value in labels:
            yield {"value": value}
    else:
        yield from labels


def _classes(model: Fitted) -> list[Any] | None:
    """A classifier's classes as plain values; None for other models, and for several targets at once."""
    classes: Any = getattr(model, "classes_", None)
    if not _is("classifier", model) or getattr(classes, "ndim", 0) != 1:
        return None
    return list(classes.tolist())


def _is(kind: str, model: Fitted) -> bool:
    """Whether scikit-learn calls it a ``classifier`` or a ``regressor``, as the worker will ask it."""
    base = sys.modules.get("sklearn.base")
    if base is None:
        return getattr(model, "_estimator_type", "") == kind
    try:
        return bool(getattr(base, f"is_{kind}")(model))
    except (AttributeError, TypeError, ValueError):
        return False  # a model that only resembles scikit-learn's
