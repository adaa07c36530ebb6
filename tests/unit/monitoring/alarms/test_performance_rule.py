"""Alarms on performance: silent while answers are as good as they were, sure when they are not."""

from collections.abc import Iterator

import numpy as np
import pytest

from konan.monitoring.alarms.performance_rule import LEARN, Performance
from konan.monitoring.alarms.states import Look
from konan.monitoring.alarms.windows import Window
from konan.monitoring.performance.pairs import Pairs
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import Summary, of_rows, summary_of
from konan.records.alarms import DAY, HOUR, AlarmRule

CLASSES = Shape("classifier", ("no", "yes"))
VALUES = Shape("regressor")
RULE = AlarmRule(kind="performance", window=DAY, effect=0.05)


def classified(draw: np.random.Generator, rows: int, wrong: float) -> Summary:
    truths = draw.integers(0, 2, rows)
    answers = np.where(draw.random(rows) < wrong, 1 - truths, truths)
    return summary_of(CLASSES, Pairs.of_classes(CLASSES, truths, answers), rows=rows * 2)


def measured(draw: np.random.Generator, rows: int, error: float) -> Summary:
    truths = draw.normal(100, 20, rows)
    return summary_of(VALUES, Pairs.of_values(VALUES, truths, truths + draw.normal(0, error, rows)))


def looks(summaries: Iterator[Summary]) -> Iterator[Look]:
    judge, memory = Performance(RULE, None), dict[str, tuple[float, ...]]()
    for at, summary in enumerate(summaries):
        look = judge.look(memory, Window(at * DAY, (at + 1) * DAY, summary=summary))
        memory = look.memory
        yield look


@pytest.mark.parametrize("sized", [classified, measured])
def test_it_learns_then_is_silent_then_sure(sized: object) -> None:
    draw = np.random.default_rng(5)
    usual, worse = (0.1, 0.3) if sized is classified else (5.0, 12.0)

    def days() -> Iterator[Summary]:
        for at in range(40):
            size = usual if at < 30 else worse
            yield classified(draw, 200, size) if sized is classified else measured(draw, 200, size)

    found = list(looks(days()))
    learning = [look for look in found if look.learning]
    assert found[: len(learning)] == learning
    assert len(learning) == -(-LEARN // 200)
    calm, torn = found[len(learning) : 30], found[30:]
    assert all(look.grounds is not None and look.grounds.evidence < 2 for look in calm)
    last = torn[-1].grounds
    assert last is not None
    assert last.evidence > last.threshold
    assert last.effect > RULE.effect
    assert last.columns[0].guilty
    assert "usually" in torn[-1].what


def test_a_window_without_truths_says_nothing() -> None:
    judge = Performance(RULE, None)
    memory = {"learnt": (50.0, 600.0)}
    for summary in (None, of_rows(CLASSES, 40)):
        look = judge.look(memory, Window(0, DAY, summary=summary))
        assert (look.grounds, look.memory) == (None, memory)


def test_few_labels_are_a_doubt() -> None:
    draw = np.random.default_rng(2)
    summary = classified(draw, 100, 0.1).merge(of_rows(CLASSES, 300))
    look = Performance(RULE, None).look({"learnt": (60.0, 600.0)}, Window(0, DAY, summary=summary))
    assert look.grounds is not None
    assert look.grounds.doubts == ("Only 20 % of the window's rows have a truth.",)


def test_answers_that_are_neither_classes_nor_numbers_are_not_watched() -> None:
    other = Shape("other")
    summary = summary_of(other, Pairs(other, 3))
    look = Performance(RULE, None).look({}, Window(0, HOUR, summary=summary))
    assert "neither classes nor one number" in look.learning
