"""Things that break: who finds them, and what it is called."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from benchmarks.monitoring import asking, ours

Columns = dict[str, np.ndarray]


def _columns(random: np.random.Generator, rows: int) -> Columns:
    """Four numbers that go together in part, a price, and a category."""
    base = random.normal(size=rows)
    return {
        "age": 40 + 10 * base + 4 * random.normal(size=rows),
        "income": 3000 + 700 * base + 400 * random.normal(size=rows),
        "height": 170 + 8 * random.normal(size=rows),
        "price": random.lognormal(2, 0.6, rows),
        "left": base + 0.5 * random.normal(size=rows),
        "right": random.normal(size=rows),
        "city": random.choice(["Bern", "Chur", "Genf", "Zug"], rows, p=[0.4, 0.3, 0.2, 0.1]),
    }


def _put(columns: Columns, name: str, value: object, share: float, random: np.random.Generator) -> None:
    chosen = random.random(len(columns[name])) < share
    changed = columns[name].astype(object)
    changed[chosen] = value
    columns[name] = changed


def _swap(columns: Columns, one: str, other: str) -> None:
    columns[one], columns[other] = columns[other], columns[one]


def _outlier(columns: Columns, name: str, away: float) -> None:
    columns[name] = columns[name] + away
    columns[name][0] = 1e6


Fault = Callable[[Columns, np.random.Generator], None]
FAULTS: dict[str, tuple[str, Fault]] = {
    "nothing": ("nothing", lambda _c, _r: None),
    "one value of 1e6, nothing else": ("nothing", lambda c, _r: _outlier(c, "height", 0.0)),
    "shift of 1 sd, and one value of 1e6": ("height", lambda c, _r: _outlier(c, "height", 8.0)),
    "60 % missing": ("height", lambda c, r: _put(c, "height", None, 0.6, r)),
    "a new category in 10 %": ("city", lambda c, r: _put(c, "city", "Basel", 0.1, r)),
    "times 1000": ("price", lambda c, _r: c.update(price=c["price"] * 1000)),
    "swapped, of other sizes": ("age, income", lambda c, _r: _swap(c, "age", "income")),
    "swapped, distributed alike": ("left, right", lambda c, _r: _swap(c, "left", "right")),
    "constant": ("price", lambda c, _r: c.update(price=np.full(len(c["price"]), 7.0))),
}


def _table(columns: Columns) -> pa.Table:
    kinds = {name: pa.string() if name == "city" else pa.float64() for name in columns}
    return pa.table({name: pa.array(list(one), kinds[name]) for name, one in columns.items()})


def table() -> Iterator[tuple[object, ...]]:
    """What broke, and what each tool says."""
    random = np.random.default_rng(5)
    usual = _columns(random, 5000)
    usual["left"] *= usual["right"].std() / usual["left"].std()
    reference = ours.reference(_table(usual))
    yield "what broke", "where", "Konan names", "Evidently flags", "NannyML flags"
    windows = []
    for _, break_it in FAULTS.values():
        now = _columns(random, 1000)
        now["left"] *= 1 / np.sqrt(1.25)
        break_it(now, random)
        windows.append(_table(now))
    evidently = asking.of_windows("evidently", _table(usual), windows)
    nannyml = asking.of_windows("nannyml", _table(usual), windows, "500")
    for at, (what, (where, _)) in enumerate(FAULTS.items()):
        chunks = nannyml["drifted"][2 * at : 2 * at + 2]
        flagged = sorted({name for chunk in chunks for name in chunk})
        words = ours.told(ours.compared(reference, windows[at]))
        yield what, where, words, ", ".join(evidently["drifted"][at]) or "-", ", ".join(flagged) or "-"
