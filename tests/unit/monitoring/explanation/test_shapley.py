"""Shapley values are those of the definition, summed over all orders by brute force."""

from collections.abc import Callable
from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.explanation.shapley import Bools, Contributions, Floats, games, solve

Model = Callable[[Floats], Floats]


def explained(model: Model, row: Floats, background: Floats, budget: int, seed: int = 0) -> Contributions:
    differs: Bools = background != row
    played = games(differs, budget, seed)
    answers = []
    for game, other in zip(played, background, strict=True):
        rows = np.tile(other, (len(game.coalitions), 1))
        for place, player in enumerate(game.players):
            rows[game.coalitions[:, place], player] = row[player]
        answers.append(model(rows))
    return solve(played, answers, len(row))


def by_definition(model: Model, row: Floats, background: Floats) -> Floats:
    """What each input adds to the mean answer over the background, averaged over all orders."""

    def worth(has: list[int]) -> Floats:
        rows = background.copy()
        rows[:, has] = row[has]
        found: Floats = model(rows).mean(axis=0)
        return found

    total = np.zeros((len(row), model(background).shape[1]))
    for order in permutations(range(len(row))):
        for at, player in enumerate(order):
            total[player] += worth(list(order[: at + 1])) - worth(list(order[:at]))
    return total / factorial(len(row))


def curved(rows: Floats) -> Floats:
    one = rows[:, 0] * rows[:, 1] - np.maximum(rows[:, 2], rows[:, 0]) + np.sin(rows.sum(axis=1))
    return np.column_stack([one, one**2])


@given(st.integers(0, 10_000), st.integers(3, 5), st.integers(1, 6))
def test_all_coalitions_give_the_value_of_the_definition(seed: int, inputs: int, rows: int) -> None:
    draw = np.random.default_rng(seed)
    background = draw.integers(0, 3, (rows, inputs)).astype(float)
    row = draw.integers(0, 3, inputs).astype(float)
    found = explained(curved, row, background, 2**inputs * rows)
    assert found.values == pytest.approx(by_definition(curved, row, background), abs=1e-9)
    assert found.value == pytest.approx(curved(row[None])[0])
    assert found.base == pytest.approx(curved(background).mean(axis=0))


@given(st.integers(0, 10_000))
def test_drawn_orders_add_up_and_leave_out_who_adds_nothing(seed: int) -> None:
    draw = np.random.default_rng(seed)
    background, row = draw.normal(size=(7, 12)), draw.normal(size=12)
    found = explained(curved_of_five, row, background, 7 * 50, seed)
    assert found.values.sum(axis=0) == pytest.approx(found.value - found.base, abs=1e-9)
    assert not found.values[5:].any()
    assert not found.errors[5:].any()


def curved_of_five(rows: Floats) -> Floats:
    return curved(rows[:, :5])


def test_drawn_orders_come_as_near_as_their_errors_say() -> None:
    draw = np.random.default_rng(5)
    background, row = draw.normal(size=(30, 5)), draw.normal(size=5)
    exact = by_definition(curved, row, background)
    off = [explained(curved, row, background, 30 * 20, seed).values - exact for seed in range(200)]
    errors = explained(curved, row, background, 30 * 20).errors
    assert np.abs(np.mean(off, axis=0)).max() < 0.1 * errors.max()
    assert (np.std(off, axis=0) < errors).all()


def test_of_a_linear_model_two_orders_are_exact() -> None:
    draw = np.random.default_rng(1)
    weights, background, row = draw.normal(size=40), draw.normal(size=(9, 40)), draw.normal(size=40)
    found = explained(lambda rows: rows @ weights[:, None], row, background, 1)
    assert found.values[:, 0] == pytest.approx(weights * (row - background.mean(axis=0)))


def test_a_row_like_the_background_has_nothing_to_explain() -> None:
    row = np.array([1.0, 2.0, 3.0])
    found = explained(curved, row, np.tile(row, (2, 1)), 100)
    assert not found.values.any()
    assert found.value == pytest.approx(found.base)


def test_the_same_seed_gives_the_same() -> None:
    draw = np.random.default_rng(2)
    background, row = draw.normal(size=(5, 30)), draw.normal(size=30)
    one, other = (explained(curved, row, background, 400, 7) for _ in range(2))
    assert (one.values == other.values).all()
