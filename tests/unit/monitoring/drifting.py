"""Made-up rows of a model's inputs, to be moved and broken."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from konan.monitoring.drift.comparison import Drift, drift
from konan.monitoring.profiles.histogram import fit_category, fit_numeric
from konan.monitoring.profiles.profile import LABEL, TARGET, Layout, Profile

Table = dict[str, Any]
Change = Callable[[Table, np.random.Generator], None]

REFERENCE = 10_000
TEXTS = {"features.city", LABEL, TARGET}


def rows(size: int, seed: int) -> Table:
    """Ages, incomes, debts that go with incomes, temperatures, many zeros, cities; and a truth."""
    draw = np.random.default_rng(seed)
    found: Table = {
        "features.age": draw.uniform(18, 80, size),
        "features.income": np.exp(10.5 + 0.5 * draw.normal(size=size)),
        "features.temp": draw.normal(15, 8, size),
        "features.zeros": np.where(draw.random(size) < 0.7, 0.0, draw.exponential(100, size)),
        "features.a": draw.normal(size=size),
        "features.d": draw.normal(size=size),
        "features.city": draw.choice(
            np.array(["Bern", "Rome", "Oslo", "Linz"]), size, p=[0.5, 0.3, 0.15, 0.05]
        ),
        "features.fixed": np.full(size, 7.0),
    }
    found["features.debt"] = found["features.income"] * draw.uniform(0.1, 0.5, size)
    found["features.b"] = 0.7 * found["features.a"] + 0.7 * draw.normal(size=size)
    found["features.c"] = 0.7 * found["features.a"] + 0.7 * draw.normal(size=size)
    found[LABEL] = np.where(found["features.a"] > 0.5, "yes", "no")
    found[TARGET] = np.where(draw.random(size) < 0.2, "yes", "no")
    return found


def arrow(table: Table) -> pa.Table:
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in table.items()})


@cache
def reference() -> tuple[Layout, Profile]:
    table = arrow(rows(REFERENCE, 1))
    cells = tuple(
        fit_category(name, table[name].to_pylist())
        if name in TEXTS
        else fit_numeric(name, table[name].to_numpy(zero_copy_only=False))
        for name in table.column_names
    )
    layout = Layout(cells)
    return layout, Profile.of(layout, table)


def profile(change: Change, size: int, seed: int = 2) -> Profile:
    table = rows(size, seed)
    change(table, np.random.default_rng(seed))
    return Profile.of(reference()[0], arrow(table))


def drifted(change: Change, size: int = 2000, seed: int = 2) -> Drift:
    """The drift of fresh rows after a change."""
    layout, before = reference()
    return drift(before, profile(change, size, seed), layout)


def nothing(table: Table, draw: np.random.Generator) -> None:
    del table, draw
