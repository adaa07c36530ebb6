"""Faults of the data are found and named, each by its kind and columns."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.monitoring.drifting import Change, Table, drifted, nothing

from konan.monitoring.drift.comparison import drift
from konan.monitoring.drift.pairs import correlations, relations
from konan.monitoring.drift.transformations import Source, expected, unit_of
from konan.monitoring.profiles.cells import NumericCells
from konan.monitoring.profiles.histogram import fit_numeric
from konan.monitoring.profiles.profile import Layout, Profile

Draw = np.random.Generator


def missing(table: Table, draw: Draw) -> None:
    table["features.age"][draw.random(len(table["features.age"])) < 0.6] = np.nan


def unseen(table: Table, draw: Draw) -> None:
    new = draw.random(len(table["features.city"])) < 0.1
    table["features.city"] = np.where(new, "Paris", table["features.city"])


def infinite(table: Table, draw: Draw) -> None:
    table["features.d"][draw.random(len(table["features.d"])) < 0.05] = np.inf


def text(table: Table, draw: Draw) -> None:
    del draw
    table["features.age"] = table["features.age"].astype(str)


def thousandfold(table: Table, draw: Draw) -> None:
    del draw
    table["features.income"] = table["features.income"] * 1000


def thousandfold_with_zeros(table: Table, draw: Draw) -> None:
    del draw
    table["features.zeros"] = table["features.zeros"] * 1000


def thousandth(table: Table, draw: Draw) -> None:
    del draw
    table["features.income"] = table["features.income"] / 1000


def fahrenheit(table: Table, draw: Draw) -> None:
    del draw
    table["features.temp"] = table["features.temp"] * 1.8 + 32


def reversed_sign(table: Table, draw: Draw) -> None:
    del draw
    table["features.a"] = -table["features.a"]


def swapped(table: Table, draw: Draw) -> None:
    del draw
    table["features.age"], table["features.income"] = table["features.income"], table["features.age"]


def swapped_alike(table: Table, draw: Draw) -> None:
    """Both are standard normal: only what they go along with tells."""
    del draw
    table["features.a"], table["features.d"] = table["features.d"], table["features.a"]


def constant(table: Table, draw: Draw) -> None:
    del draw
    table["features.age"] = np.full(len(table["features.age"]), 40.0)


def one_city(table: Table, draw: Draw) -> None:
    del draw
    table["features.city"] = np.full(len(table["features.city"]), "Rome")


def unrelated(table: Table, draw: Draw) -> None:
    table["features.debt"] = draw.permutation(table["features.debt"])


FAULTS: list[tuple[Change, str, set[str]]] = [
    (missing, "missing", {"features.age"}),
    (unseen, "unseen", {"features.city"}),
    (infinite, "invalid", {"features.d"}),
    (text, "invalid", {"features.age"}),
    (thousandfold, "units", {"features.income"}),
    (thousandfold_with_zeros, "units", {"features.zeros"}),
    (thousandth, "units", {"features.income"}),
    (fahrenheit, "units", {"features.temp"}),
    (reversed_sign, "units", {"features.a"}),
    (swapped, "swapped", {"features.age", "features.income"}),
    (swapped_alike, "swapped", {"features.a", "features.d"}),
    (constant, "constant", {"features.age"}),
    (one_city, "constant", {"features.city"}),
    (unrelated, "relation", {"features.debt", "features.income"}),
]


@pytest.mark.parametrize("size", [500, 5000])
@pytest.mark.parametrize("fault", FAULTS, ids=[change.__name__ for change, _, _ in FAULTS])
def test_a_fault_is_found_and_named(fault: tuple[Change, str, set[str]], size: int) -> None:
    change, kind, columns = fault
    found = drifted(change, size)
    assert found.verdict == "drift"
    assert [(one.kind, set(one.columns)) for one in found.faults] == [(kind, columns)]
    assert all(name in found.faults[0].told for name in columns)


def test_the_unit_is_told() -> None:
    assert "multiplied by 1000 (or any factor from 60), or constant" in drifted(thousandfold).faults[0].told
    assert "multiplied by 1000:" in drifted(thousandfold_with_zeros).faults[0].told
    assert "Celsius into Fahrenheit" in drifted(fahrenheit).faults[0].told
    assert "divided by 1000 (or any factor from 1/60)" in drifted(thousandth).faults[0].told


def test_what_may_be_constant_or_scaled_is_told_as_both() -> None:
    def tiny(table: Table, draw: Draw) -> None:
        del draw
        table["features.temp"] = table["features.temp"] / 1000

    (fault,) = drifted(tiny).faults
    assert fault.kind == "constant"
    assert "may have been divided by 1000" in fault.told


def larger(table: Table, draw: Draw) -> None:
    del draw
    table["features.income"] = table["features.income"] * 1.5


def colder(table: Table, draw: Draw) -> None:
    del draw
    table["features.temp"] = table["features.temp"] * 0.5


@pytest.mark.parametrize("change", [nothing, larger, colder], ids=["nothing", "larger", "colder"])
def test_what_only_moved_is_no_fault(change: Change) -> None:
    assert not drifted(change, 5000).faults


def of(columns: dict[str, Iterable[float]]) -> pa.Table:
    return pa.table({f"features.{name}": np.asarray(list(values)) for name, values in columns.items()})


def test_swaps_that_explain_the_same_are_told_together() -> None:
    """a goes with b and c with d; swapping a and c looks as swapping b and d does."""
    draw = np.random.default_rng(1)

    def rows(size: int) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
        a, c = draw.normal(size=size), draw.normal(size=size)
        return [a, a + 0.5 * draw.normal(size=size), c, c + 0.5 * draw.normal(size=size)]

    names = "abcd"
    table = of(dict(zip(names, rows(5000), strict=True)))
    layout = Layout(tuple(fit_numeric(name, table[name]) for name in table.column_names))
    a, b, c, d = rows(2000)
    found = drift(Profile.of(layout, table), Profile.of(layout, of({"a": c, "b": b, "c": a, "d": d})), layout)
    (fault,) = found.faults
    assert fault.kind == "swapped"
    assert set(fault.columns) == {f"features.{name}" for name in names}
    assert " or " in fault.told


def test_correlations_are_those_of_ranks() -> None:
    draw = np.random.default_rng(4)
    x = draw.normal(size=4000)
    table = of({"x": x, "y": np.exp(x + 0.3 * draw.normal(size=4000)), "z": draw.normal(size=4000)})
    layout = Layout(tuple(fit_numeric(name, table[name], 64) for name in table.column_names))
    ranks = np.argsort(np.argsort(np.stack([table[name].to_numpy() for name in table.column_names])))
    assert np.allclose(correlations(Profile.of(layout, table)), np.corrcoef(ranks), atol=0.005)


@pytest.mark.parametrize("size", [100, 1000])
def test_pairs_of_any_shape_seldom_seem_to_change(size: int) -> None:
    """Pairs that go together in the wildest ways: evidence stays below 1 on average."""
    draw = np.random.default_rng(size)

    def rows(count: int) -> pa.Table:
        x, y = draw.normal(size=count), draw.normal(size=count)
        sign = np.where(draw.random(count) < 0.5, 1, -1)
        mostly = np.where(draw.random(count) < 0.95, x, draw.normal(size=count))
        rare = np.where(draw.random(count) < 0.97, 0.0, x)
        return of({"x": x, "either": sign * x, "mostly": mostly, "rare": rare, "y": y, "wide": x * y})

    table = rows(10_000)
    layout = Layout(tuple(fit_numeric(name, table[name]) for name in table.column_names))
    evidence = [
        relations(Profile.of(layout, rows(10_000)), Profile.of(layout, rows(size)), layout, {}).evidence
        for _ in range(60)
    ]
    assert max(evidence) < np.log(100)
    assert float(np.mean(np.exp(evidence))) < 1


def test_scaled_cells_hold_what_scaled_rows_do() -> None:
    values = np.random.default_rng(8).lognormal(size=20_000)
    cells = fit_numeric("x", values)
    own = Source(cells, np.array([0, 0, 0, *np.histogram(values, cells.bounds)[0], 0]))
    for factor in (3.0, 0.2, -1.0):
        scaled = cells.count(pa.array(values * factor))[2:] / len(values)
        assert np.abs(expected(cells, own, factor) - scaled).sum() / 2 < 0.08


def test_no_unit_is_told_without_a_distribution() -> None:
    assert unit_of(Source(NumericCells("x", ()), np.zeros(4, int)), np.array([0, 0, 0, 9])) == ""
