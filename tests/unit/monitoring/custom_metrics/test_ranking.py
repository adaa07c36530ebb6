"""Ranking metrics: those of scikit-learn and of their definitions, row by row."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from konan.monitoring.custom_metrics.ranking import gains_of, ranked, ranking
from konan.monitoring.custom_metrics.rows import Column, Rows


def rows_of(answers: list[object], truths: list[object]) -> Rows:
    return Rows(_column(truths), _column(answers), {}, {})


def _column(values: list[object]) -> Column:
    found = np.empty(len(values), object)
    found[:] = values
    return found


def drawn(count: int) -> tuple[list[list[int]], list[dict[str, int]]]:
    draw = np.random.default_rng(9)
    answers = [draw.permutation(20).tolist() for _ in range(count)]
    truths = [
        {str(item): int(gain) for item, gain in enumerate(draw.integers(0, 4, 20))} for _ in range(count)
    ]
    return answers, truths


@pytest.mark.parametrize("most", [1, 5, 20])
def test_ndcg_is_that_of_scikit_learn(most: int) -> None:
    answers, truths = drawn(50)
    found = ranking(f"ndcg@{most}")(rows_of([*answers], [*truths]))
    for value, answer, truth in zip(found, answers, truths, strict=True):
        gains = [[truth[str(item)] for item in range(20)]]
        scores = [[-answer.index(item) for item in range(20)]]
        assert value == pytest.approx(ndcg_score(gains, scores, k=most))


def test_average_precision_over_all_is_that_of_scikit_learn() -> None:
    answers, truths = drawn(50)
    relevant = [[item for item, gain in truth.items() if gain > 1] for truth in truths]
    found = ranking("map@20")(rows_of([*answers], [*relevant]))
    for value, answer, truth in zip(found, answers, relevant, strict=True):
        expected = average_precision_score([str(item) in truth for item in answer], -np.arange(20))
        assert value == pytest.approx(expected)


def test_the_reciprocal_rank_is_that_of_the_first_hit() -> None:
    answers: list[object] = [["a", "b"], ["b", "a"], ["c"], [{"item": "x"}, {"item": "a"}]]
    found = ranking("mrr")(rows_of(answers, [["a"]] * 4))
    assert found.tolist() == [1.0, 0.5, 0.0, 0.5]


def test_an_item_that_comes_twice_counts_once() -> None:
    rows = rows_of([["a", "a", "b"]], [["a", "b"]])
    assert ranking("map@3")(rows).tolist() == [pytest.approx((1 + 2 / 3) / 2)]
    assert ranking("ndcg@3")(rows)[0] < 1


def test_rows_that_are_no_lists_or_have_nothing_relevant_are_left_out() -> None:
    rows = rows_of([["a"], "a", ["a"], ["a"]], [["a"], ["a"], [], {"a": 0}])
    assert len(ranked(rows)) == 1
    assert gains_of("a") == {}
