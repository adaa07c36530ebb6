"""Plays the games of rows with a model, and adds up what comes of them; blocks, so it belongs in a thread."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from konan.monitoring.explanation.mixing import Mixture
from konan.monitoring.explanation.scoring import Scores
from konan.monitoring.explanation.shapley import (
    Contributions,
    Floats,
    Game,
    affordable,
    bounded,
    games,
    solve,
)
from konan.packaging.golden import Row, outputs
from konan.packaging.trial import Form, Trial

_AT_ONCE = 1000
_CELLS_AT_ONCE = 1 << 20
"""Rows and cells of one call of the model: few, so that memory stays small."""


class Effort(NamedTuple):
    """How much a model is asked.

    Attributes:
        rows: background rows at most.
        evaluations: about how many rows the model is asked in all.
        together: whether the model may be given many rows at once.
        seed: of what is drawn.
    """

    rows: int
    evaluations: int
    together: bool = True
    seed: int = 0


class Played(NamedTuple):
    """What came of the games of some rows.

    Attributes:
        answers: what the model answers to each row.
        scores: the numbers in its answers.
        found: what each input adds, for each row.
        exact: whether all coalitions of all games were asked.
        background: background rows that were played with.
        evaluations: rows that the model was asked.
    """

    answers: list[Any]
    scores: Scores
    found: list[Contributions]
    exact: bool
    background: int
    evaluations: int


def play(trial: Trial, form: Form, rows: Sequence[Row], background: Sequence[Row], effort: Effort) -> Played:
    """Explain rows.

    Args:
        trial: a worker with the model loaded.
        form: how the model is given rows.
        rows: to explain; at least one.
        background: to compare with; at least one.
        effort: how much the model is asked.

    Raises:
        Invalid: the model answers no numbers.
        OutputInvalid: it answered what cannot be an output.
        ModelRaised: it raised.
        GateFailed: it did not answer in time.
        WorkerDied: it died.
    """
    trial.begin("asked to be explained")
    trial.form(form)
    inputs = len(form.features)
    at_once = max(1, min(_AT_ONCE, _CELLS_AT_ONCE // max(1, inputs))) if effort.together else 1
    answers = [one for some in _cut(rows, at_once) for one in outputs(trial.ask(list(some)), form.output)]
    scores = Scores(form.output, answers[0])
    budget = bounded(effort.evaluations // len(rows), inputs, len(scores.names))
    used = _spread(background, affordable(inputs, min(effort.rows, len(background)), budget))
    found, exact, asked = [], True, len(rows)
    for at, row in enumerate(rows):
        mixture = Mixture(form.features, row, used)
        played = games(mixture.differs, budget, effort.seed + at)
        worth = _asked(trial, mixture, played, scores, at_once)
        found.append(solve(played, worth, inputs))
        exact = exact and all(game.exact for game in played)
        asked += sum(len(game.coalitions) for game in played)
    return Played(answers, scores, found, exact, len(used), asked)


def _asked(trial: Trial, mixture: Mixture, played: list[Game], scores: Scores, at_once: int) -> list[Floats]:
    """What the model answers for the coalitions of each game."""
    sizes = [len(game.coalitions) for game in played]
    which = np.repeat(np.arange(len(played)), sizes)
    has = np.zeros((len(which), mixture.differs.shape[1]), bool)
    ends = np.cumsum(sizes)
    for game, end, size in zip(played, ends, sizes, strict=True):
        has[end - size : end, game.players] = game.coalitions
    answered = [
        scores.answered(trial.ask_frame(mixture.frame(which[at : at + at_once], has[at : at + at_once])))
        for at in range(0, len(which), at_once)
    ]
    return np.split(np.concatenate(answered), ends[:-1])


def _cut(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for at in range(0, len(rows), size):
        yield rows[at : at + size]


def _spread(rows: Sequence[Row], most: int) -> list[Row]:
    """So many rows, evenly spread."""
    count = min(most, len(rows))
    return [rows[at * len(rows) // count] for at in range(count)]
