"""Rows that did not change: how often is there an alarm all the same?"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict

from benchmarks.monitoring import asking, ours

Floats = npt.NDArray[np.float64]
FEATURES = 20
REFERENCE = 10_000
_PER_REFERENCE = 10


def rows_of(random: np.random.Generator, rows: int) -> pa.Table:
    """Rows with 15 numbers of several kinds and 5 texts."""
    found: dict[str, npt.ArrayLike] = {f"n{at}": random.normal(size=rows) for at in range(9)}
    found |= {f"e{at}": random.exponential(size=rows) for at in range(3)}
    found |= {
        f"z{at}": np.where(random.random(rows) < 0.7, 0.0, random.exponential(size=rows)) for at in range(3)
    }
    texts = [f"c{at}" for at in range(12)]
    found |= {f"s{at}": random.choice(texts, rows, p=_falling(12)) for at in range(5)}
    return ours.table_of(found)


def _falling(size: int) -> Floats:
    shares: Floats = np.power(0.7, np.arange(size, dtype=np.float64))
    total: Floats = shares / shares.sum()
    return total


def tables(windows: int, peers: int) -> Iterator[tuple[object, ...]]:
    """Shares of windows with an alarm.

    Args:
        windows: of ours, for each size; every ten have a reference of their own.
        peers: windows of theirs.
    """
    yield "rows a window", "tool", "windows", "some column alarms", "the whole alarms"
    for size in (100, 300, 1000, 3000, 10_000):
        random = np.random.default_rng(size)
        some = whole = 0
        for first in range(0, windows, _PER_REFERENCE):
            usual = ours.reference(rows_of(random, REFERENCE))
            for _ in range(min(_PER_REFERENCE, windows - first)):
                found = ours.compared(usual, rows_of(random, size))
                some += any(column.verdict == "drift" for column in found.columns)
                whole += found.verdict == "drift"
        yield size, "Konan", windows, some / windows, whole / windows
        yield from _peers(size, peers, random)


def _peers(size: int, count: int, random: np.random.Generator) -> Iterator[tuple[object, ...]]:
    if not count:
        return
    usual = rows_of(random, REFERENCE)
    windows = [rows_of(random, size) for _ in range(count)]
    found = asking.of_windows("evidently", usual, windows)
    yield size, "Evidently", count, _share(found["drifted"]), _share(found["whole"])
    if size * 5 <= REFERENCE:
        found = asking.of_windows("nannyml", usual, windows, str(size))
        yield size, "NannyML", count, _share(found["drifted"]), "-"


def alarms(references: int, looks: int) -> Iterator[tuple[object, ...]]:
    """References of which the alarm on drift, which looks at every window, fires at all."""
    yield "rows a window", "references", "windows of each", "references with an alarm", "share of windows"
    for size in (100, 1000):
        random = np.random.default_rng(size + 1)
        fired = 0
        for _ in range(references):
            usual = ours.reference(rows_of(random, REFERENCE))
            fired += bool(ours.fired(usual, [rows_of(random, size) for _ in range(looks)], ("drift",)))
        yield size, references, looks, fired, f"<= {fired / references / looks:.2g}"


def forest(windows: int, peers: int) -> Iterator[tuple[object, ...]]:
    """A forest is compared with its answers on the rows that it was fitted on, or on others."""
    yield (
        "what its answers on fresh rows are compared with",
        "tool",
        "windows of 1,000",
        "share with an alarm",
    )
    x, y = make_classification(4000 + 1000 * windows, FEATURES, n_informative=8, flip_y=0.15, random_state=1)
    model = RandomForestClassifier(100, random_state=1).fit(x[:4000], y[:4000])
    own = model.predict_proba(x[:4000])[:, 1]
    crossed = cross_val_predict(
        RandomForestClassifier(100, random_state=1), x[:4000], y[:4000], cv=5, method="predict_proba"
    )[:, 1]
    fresh = model.predict_proba(x[4000:])[:, 1]
    parts = [slice(4000 + 1000 * at, 5000 + 1000 * at) for at in range(windows)]
    for what, scores in (("cross-fitted answers (built in)", crossed), ("answers on its own rows", own)):
        usual = ours.reference(_table(x[:4000]), scores)
        found = [
            ours.compared(usual, _table(x[part]), fresh[part.start - 4000 : part.stop - 4000])
            for part in parts
        ]
        yield what, "Konan", windows, _share([one.verdict == "drift" for one in found])
    usual_rows = _table(x[:4000]).append_column("score", pa.array(own))
    now = [
        _table(x[part]).append_column("score", pa.array(fresh[part.start - 4000 : part.stop - 4000]))
        for part in parts[:peers]
    ]
    for peer, more in (("evidently", ()), ("nannyml", ("1000",))) if peers else ():
        said = asking.of_windows(peer, usual_rows, now, *more)["drifted"]
        yield "answers on its own rows", peer, len(now), _share(["score" in one for one in said])


def _table(x: Floats) -> pa.Table:
    return ours.table_of({f"x{at}": x[:, at] for at in range(x.shape[1])})


def _share(found: Sequence[object]) -> float:
    return sum(map(bool, found)) / len(found)
