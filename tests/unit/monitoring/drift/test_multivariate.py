"""A classifier tells rows apart where they changed together, and only there."""

import importlib
from typing import Any

import numpy as np
import pytest
from tests.unit.monitoring.drifting import arrow, reference, rows

from konan.monitoring.drift.multivariate import MOST, area, codes, domain_classifier

metrics: Any = importlib.import_module("sklearn.metrics")
NAMES = tuple("abcdef")


def test_quiet_windows_cannot_be_told() -> None:
    draw = np.random.default_rng(1)
    found = [
        domain_classifier(draw.integers(0, 16, (500, 6)), draw.integers(0, 16, (300, 6)), NAMES, seed=run)
        for run in range(60)
    ]
    assert float(np.mean([one.p_value is not None and one.p_value < 0.05 for one in found])) <= 0.1
    assert float(np.mean([one.low <= 0.5 <= one.high for one in found])) >= 0.95


def test_columns_that_only_go_together_otherwise_are_told() -> None:
    draw = np.random.default_rng(2)
    before, after = draw.integers(0, 8, (3000, 6)), draw.integers(0, 8, (2000, 6))
    after[:, 1] = np.where(draw.random(2000) < 0.6, after[:, 0], after[:, 1])
    found = domain_classifier(before, after, NAMES)
    assert found.auc is not None
    assert found.low > 0.6
    assert found.p_value is not None
    assert found.p_value < 1e-6
    assert {name for name, _ in found.columns[:2]} == {"a", "b"}
    assert sum(share for _, share in found.columns) == pytest.approx(1)
    assert found == domain_classifier(before, after, NAMES), "the same seed gives the same answer"


def test_the_area_is_the_one_of_scikit_learn() -> None:
    draw = np.random.default_rng(3)
    one, two = draw.integers(0, 30, 200).astype(float), draw.integers(5, 35, 150).astype(float)
    expected = metrics.roc_auc_score(np.repeat([0, 1], [200, 150]), np.concatenate([one, two]))
    assert area(one, two)[0] == pytest.approx(float(expected), rel=1e-12)


def test_the_interval_of_the_area_is_as_wide_as_draws_vary() -> None:
    draw = np.random.default_rng(4)
    found = [area(draw.normal(size=120), draw.normal(0.7, 1, 90)) for _ in range(1500)]
    areas = np.array([one for one, _ in found])
    assert float(np.mean([variance for _, variance in found])) == pytest.approx(float(areas.var()), rel=0.1)


def test_too_few_rows_are_told_to_be_few() -> None:
    few = domain_classifier(np.zeros((99, 2), int), np.zeros((500, 2), int), ("a", "b"))
    assert (few.auc, few.p_value, few.rows) == (None, None, (99, 500))


def test_rows_without_any_difference_are_chance() -> None:
    found = domain_classifier(np.zeros((200, 2), int), np.zeros((300, 2), int), ("a", "b"))
    assert found.auc == 0.5
    assert found.columns == (("a", 0.0), ("b", 0.0))


def test_many_rows_are_drawn_from() -> None:
    many = np.zeros((MOST + 5, 1), int)
    assert domain_classifier(many, many[:200], ("a",)).rows == (MOST, 200)


def test_rows_are_taken_as_the_cells_of_their_values() -> None:
    layout, _ = reference()
    table = arrow(rows(50, 3)).append_column("note", [["x"] * 50])
    names, found = codes(layout, table)
    assert "note" not in names
    assert found.shape == (50, len(layout.columns))
    at = names.index("features.city")
    assert found[:, at].tolist() == layout.columns[at].assign(table["features.city"]).tolist()
    assert codes(layout, table.select(["note"]))[1].shape == (50, 0)
