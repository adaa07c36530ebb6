"""Weak segments: the one that is worse is named, and of many that are not hardly ever one."""

from collections.abc import Callable

import numpy as np
import pytest

from konan.monitoring.performance.pairs import Pairs
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import Summary, merged_summaries, summary_of
from konan.monitoring.reports.weak_segments import LEAST_ROWS, slices_of, weak
from konan.records.monitoring import Segment

CLASSES = Shape("classifier", ("no", "yes"))
VALUES = Shape("regressor")


def classified(draw: np.random.Generator, rows: int, wrong: float) -> Summary:
    truths = draw.integers(0, 2, rows)
    answers = np.where(draw.random(rows) < wrong, 1 - truths, truths)
    return summary_of(CLASSES, Pairs.of_classes(CLASSES, truths, answers))


def measured(draw: np.random.Generator, rows: int, error: float) -> Summary:
    truths = draw.normal(0, 9, rows)
    return summary_of(VALUES, Pairs.of_values(VALUES, truths, truths + draw.normal(0, error, rows)))


def found(parts: list[Summary]) -> tuple[list[str], int]:
    whole = merged_summaries(parts[0].shape, parts)
    named = [(Segment(column="city", value=str(at)), part) for at, part in enumerate(parts)]
    told, looked = weak(slices_of(whole, named), "accuracy")
    return [one.where for one in told], looked


@pytest.mark.parametrize(
    ("make", "usual", "worse"), [(classified, 0.1, 0.25), (measured, 2.0, 3.5)], ids=["classes", "values"]
)
def test_the_one_that_is_worse_is_named_and_hardly_ever_another(
    make: Callable[[np.random.Generator, int, float], Summary], usual: float, worse: float
) -> None:
    draw = np.random.default_rng(6)
    hits = false = quiet = 0
    for _ in range(100):
        parts = [make(draw, 300, worse if at == 3 else usual) for at in range(20)]
        names, looked = found(parts)
        assert looked == 20
        hits += "city = 3" in names
        false += any(name != "city = 3" for name in names)
        quiet += not found([make(draw, 300, usual) for _ in range(20)])[0]
    assert hits >= 95
    assert false <= 8
    assert quiet >= 92


def test_few_rows_are_not_compared_and_small_differences_do_not_matter() -> None:
    draw = np.random.default_rng(1)
    tiny = classified(draw, LEAST_ROWS - 1, 0.9)
    assert found([tiny, classified(draw, 500, 0.1)]) == ([], 0)
    many = [classified(draw, 400_000, 0.100), classified(draw, 400_000, 0.106)]
    assert found(many) == ([], 2)


def test_rest_and_slice_are_exactly_the_whole() -> None:
    draw = np.random.default_rng(2)
    truths, errors = draw.normal(0, 9, 200), draw.normal(0, 3, 200)
    errors[:80] *= 4
    own = summary_of(VALUES, Pairs.of_values(VALUES, truths[:80], truths[:80] + errors[:80]))
    rest = summary_of(VALUES, Pairs.of_values(VALUES, truths[80:], truths[80:] + errors[80:]))
    (one,), _ = weak(slices_of(own.merge(rest), [(Segment(column="x", value=None), own)]), "mae")
    assert (one.where, one.rows, one.rest_rows) == ("x = (none)", 80, 120)
    assert one.value == pytest.approx(np.abs(truths[:80] + errors[:80] - truths[:80]).mean())
    assert one.rest == pytest.approx(np.abs(errors[80:]).mean())
