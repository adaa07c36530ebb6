"""Additive models: what they fit, and what they say of cells that no row had."""

import numpy as np
import pyarrow as pa
import pytest

from konan.monitoring.estimation.additive import Codes, Floats, fit, predicted
from konan.monitoring.profiles.cells import CategoryCells, Cells
from konan.monitoring.profiles.histogram import fit_numeric

CITIES = CategoryCells("city", ("Bern", "Rome"), ())


def coded(columns: tuple[Cells, ...], *values: Floats | list[str]) -> Codes:
    codes = [one.assign(pa.array(given)) for one, given in zip(columns, values, strict=True)]
    return np.stack(codes, axis=1).astype(np.int64)


def test_it_finds_the_sum_of_what_columns_do() -> None:
    rng = np.random.default_rng(1)
    x, city = rng.random(20_000), rng.choice(["Bern", "Rome"], 20_000)
    columns = (fit_numeric("x", x), CITIES)
    values = 2 * x + (city == "Rome") + rng.normal(0, 0.5, x.size)
    found = fit(columns, coded(columns, x, city.tolist()), values[:, None])
    places = coded(columns, np.array([0.1, 0.1, 0.9]), ["Bern", "Rome", "Rome"])
    places[:, 1] += len(columns[0].labels)
    assert predicted(places, found.weights)[:, 0] == pytest.approx([0.2, 1.2, 2.8], abs=0.08)


def test_a_cell_that_no_row_had_is_as_its_neighbour_where_cells_have_an_order() -> None:
    rng = np.random.default_rng(2)
    x = rng.random(5000)
    cells = fit_numeric("x", x, 4)
    found = fit((cells,), coded((cells,), x), (x > 0.75).astype(float)[:, None])
    beyond = predicted(np.array([[cells.special["above"]], [cells.special["below"]]]), found.weights)[:, 0]
    assert beyond == pytest.approx([1.0, 0.0], abs=0.1)


def test_a_category_that_no_row_had_is_as_all_rows() -> None:
    city = ["Bern"] * 500 + ["Rome"] * 500
    values = np.array([0.0] * 500 + [1.0] * 500)[:, None]
    order = np.random.default_rng(3).permutation(1000)
    found = fit((CITIES,), coded((CITIES,), [city[at] for at in order]), values[order])
    assert predicted(np.array([[CITIES.special["unseen"]]]), found.weights)[0, 0] == pytest.approx(
        0.5, abs=0.05
    )


def test_the_groups_that_are_left_out_tell_how_sure_a_mean_is() -> None:
    rng = np.random.default_rng(4)
    spreads, means = [], []
    for _ in range(60):
        x = rng.random(1000)
        cells = fit_numeric("x", x, 4)
        values = (rng.random(1000) < x).astype(float)[:, None]
        found = fit((cells,), coded((cells,), x), values)
        places = np.array([[cells.inner.start]])
        without = np.array([predicted(places, one)[0, 0] for one in found.without])
        groups = without.size
        spreads.append(((without - without.mean()) ** 2).sum() * (groups - 1) / groups)
        means.append(predicted(places, found.weights)[0, 0])
    assert np.mean(spreads) == pytest.approx(np.var(means), rel=0.5)


def test_residuals_are_of_models_that_did_not_see_the_row() -> None:
    rng = np.random.default_rng(5)
    texts = [f"c{at}" for at in range(50)]
    cells = CategoryCells("city", tuple(texts), ())
    city = rng.choice(texts, 400).tolist()
    values = rng.normal(size=(400, 1))
    found = fit((cells,), coded((cells,), city), values)
    assert (found.residuals**2).mean() >= (values**2).mean() * 0.98
