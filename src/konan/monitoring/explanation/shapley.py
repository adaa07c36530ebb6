"""Shapley values of a model's inputs against background rows (pure).

In the game of one row and one background row, a coalition of inputs has the row's values and all others
have those of the background row; it is worth what the model answers then. An input's Shapley value is what
it adds, averaged over all orders in which inputs may join. The mean over the background rows is what `shap`
calls interventional SHAP values. Inputs that are equal in both rows add nothing, so they do not play.

A game with few players is solved exactly, over all coalitions; of others some orders are drawn, each with
its reverse. Either way the values add up to the answer less the mean answer over the background.

Sources: Shapley (1953), "A value for n-person games"; Štrumbelj and Kononenko (2014), "Explaining prediction
models and individual predictions with feature contributions"; Lundberg and Lee (2017), "A unified approach to
interpreting model predictions"; Janzing, Minorics and Blöbaum (2020), "Feature relevance quantification in
explainable AI: a causal problem"; for orders in pairs Mitchell, Cooper, Frank and Holmes (2022), "Sampling
permutations for Shapley value estimation".
"""

from functools import lru_cache
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_MOST_PLAYERS = 16
"""More are never solved exactly: it would take more than 2^16 coalitions."""

_MOST_CELLS = 1 << 26
"""Of the coalitions of one row, or of eight-byte answers to them: what memory has room for."""


class Game(NamedTuple):
    """The game of one background row.

    Attributes:
        players: (k,) positions of the inputs that differ.
        coalitions: (m, k) whom the model is to be asked about; True has the row's value.
        orders: (p, k) orders that were drawn; empty where all coalitions are asked.
    """

    players: Integers
    coalitions: Bools
    orders: Integers

    @property
    def exact(self) -> bool:
        """Whether all coalitions are asked."""
        return not len(self.orders)


class Contributions(NamedTuple):
    """What each input adds.

    Attributes:
        values: (d, outputs), in the unit of the output; over the inputs they add up to ``value - base``.
        errors: (d, outputs) standard errors: the background rows are a sample, and so are drawn orders.
        value: (outputs,) what the model answers to the row.
        base: (outputs,) its mean answer to the background rows.
    """

    values: Floats
    errors: Floats
    value: Floats
    base: Floats


def games(differs: Bools, budget: int, seed: int) -> list[Game]:
    """The games of a row against background rows.

    Args:
        differs: (b, d) where the row differs from each background row.
        budget: how many coalitions the model should be asked about in all; a game takes two orders at least.
        seed: of the orders that are drawn.

    >>> [len(game.coalitions) for game in games(np.array([[True, True, False], [True, True, True]]), 16, 0)]
    [4, 8]
    """
    draw = np.random.default_rng(seed)
    each = budget // max(1, len(differs))
    return [_game(np.flatnonzero(row), each, draw) for row in differs]


def solve(played: list[Game], answers: list[Floats], inputs: int) -> Contributions:
    """What each input adds, on average over the background rows.

    Args:
        played: the games.
        answers: for each game (m, outputs), what the model answered for its coalitions.
        inputs: number of inputs.
    """
    outputs = answers[0].shape[1]
    found = np.zeros((len(played), inputs, outputs))
    for at, (game, worth) in enumerate(zip(played, answers, strict=True)):
        found[at, game.players] = _exact(worth) if game.exact else _drawn(game, worth)
    spread = found.std(axis=0, ddof=1) if len(played) > 1 else np.zeros((inputs, outputs))
    return Contributions(
        values=found.mean(axis=0),
        errors=spread / np.sqrt(len(played)),
        value=np.mean([worth[_whole(game)] for game, worth in zip(played, answers, strict=True)], axis=0),
        base=np.mean([worth[0] for worth in answers], axis=0),
    )


def bounded(budget: int, inputs: int, outputs: int) -> int:
    """How many of so many coalitions of a row the model can be asked about without filling memory.

    >>> bounded(1_000_000, 20, 3), bounded(1_000_000, 1_000, 3), bounded(1_000_000, 20, 1_000)
    (1000000, 67108, 8388)
    """
    return min(budget, _MOST_CELLS // max(1, inputs, 8 * outputs))


def affordable(inputs: int, rows: int, budget: int, fewest: int = 10) -> int:
    """How many of so many background rows can be played with, at two orders each.

    There are so few at least, unless their coalitions would fill memory.

    >>> affordable(20, 100, 50_000), affordable(500, 100, 50_000), affordable(5_000, 100, 50_000)
    (100, 50, 5)
    """
    rows_of_two = max(1, 2 * inputs)
    least = min(fewest, max(1, 4 * _MOST_CELLS // (rows_of_two * max(1, inputs))))
    return min(rows, max(least, budget // rows_of_two))


def _game(players: Integers, budget: int, draw: np.random.Generator) -> Game:
    count = len(players)
    if count <= _MOST_PLAYERS and 2**count <= max(budget, 4):
        return Game(players, _all(count), np.empty((0, count), np.int64))
    pairs = max(1, (budget - 2) // (2 * (count - 1)))
    half = [draw.permutation(count) for _ in range(pairs)]
    orders = np.array([order for one in half for order in (one, one[::-1])], np.int64)
    return Game(players, _prefixes(orders), orders)


def _whole(game: Game) -> int:
    """Where the coalition of all players stands: last of all, or behind the empty one."""
    return len(game.coalitions) - 1 if game.exact else 1


@lru_cache(maxsize=_MOST_PLAYERS + 1)
def _all(count: int) -> Bools:
    """(2^k, k): all coalitions, the empty one first and the whole one last."""
    numbers = np.arange(2**count)[:, None]
    found: Bools = (numbers >> np.arange(count)) & 1 == 1
    return found


@lru_cache(maxsize=_MOST_PLAYERS + 1)
def _weights(count: int) -> Floats:
    """(2^(k-1),): how likely it is that just these of the others have joined before a player."""
    sizes = _all(count - 1).sum(axis=1)
    found: Floats = np.array([1 / (count * comb(count - 1, size)) for size in range(count)])[sizes]
    return found


def _exact(worth: Floats) -> Floats:
    """What each player adds; of one whom the model does not look at it is zero without rounding."""
    count, outputs = len(worth).bit_length() - 1, worth.shape[1]
    found = np.empty((count, outputs))
    for player in range(count):
        without, joined = np.moveaxis(worth.reshape(-1, 2, 2**player, outputs), 1, 0)
        found[player] = _weights(count) @ (joined - without).reshape(-1, outputs)
    return found


def _prefixes(orders: Integers) -> Bools:
    """The empty coalition, the whole one, and of each order those who have joined before the last."""
    count = orders.shape[1]
    ranks = np.argsort(orders, axis=1)
    inner = (ranks[:, None, :] < np.arange(1, count)[None, :, None]).reshape(-1, count)
    found: Bools = np.concatenate([np.zeros((1, count), bool), np.ones((1, count), bool), inner])
    return found


def _drawn(game: Game, worth: Floats) -> Floats:
    drawn, count = game.orders.shape
    inner = worth[2:].reshape(drawn, count - 1, -1)
    ends = (drawn, 1, worth.shape[1])
    path = np.concatenate([np.broadcast_to(worth[0], ends), inner, np.broadcast_to(worth[1], ends)], axis=1)
    added = np.diff(path, axis=1)
    ranks = np.argsort(game.orders, axis=1)
    found: Floats = np.take_along_axis(added, ranks[:, :, None], axis=1).mean(axis=0)
    return found
