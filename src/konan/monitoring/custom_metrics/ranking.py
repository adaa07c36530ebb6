"""Metrics of answers that are lists, the best first, by truths that name what was relevant (pure).

An answer is a list of items: texts, numbers, or objects with ``item``. A truth is a list of the relevant
items, or an object with the gain of each. Rows whose truth names nothing relevant are left out.

Sources: K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002 (NDCG, with the
gains themselves and the logarithm to the base of 2); E. M. Voorhees, "The TREC-8 question answering track
report", 1999 (MRR); average precision is over the first k, divided by the number of relevant items or by k.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from konan.monitoring.custom_metrics.rows import Rows

USUAL = ("ndcg@10", "map@10", "mrr")
"""The metrics that are told without being asked for."""

_NAME = re.compile(r"(ndcg|map)@([1-9][0-9]{0,3})|mrr", re.ASCII)
Gains = Mapping[str, float]


def is_ranking(name: str) -> bool:
    """Whether a name is that of a ranking metric.

    >>> is_ranking("ndcg@5"), is_ranking("mrr"), is_ranking("ndcg")
    (True, True, False)
    """
    return _NAME.fullmatch(name) is not None


def ranking(name: str) -> Callable[[Rows], npt.NDArray[np.float64]]:
    """The function of a ranking metric: a number for each row, in [0, 1].

    Args:
        name: ``ndcg@k``, ``map@k`` or ``mrr``.

    >>> rows = Rows(np.array([["b", "d"], 0], object)[:1], np.array([["a", "b", "c"], 0], object)[:1], {}, {})
    >>> [round(float(ranking(name)(rows)[0]), 3) for name in ("mrr", "map@3", "ndcg@3")]
    [0.5, 0.25, 0.387]
    """
    found = _NAME.fullmatch(name)
    kind, most = ("mrr", 0) if found is None or found[1] is None else (found[1], int(found[2]))
    each = {"mrr": _reciprocal, "map": _precision, "ndcg": _gained}[kind]

    def metric(rows: Rows) -> npt.NDArray[np.float64]:
        pairs = zip(rows.answer, rows.truth, strict=True)
        return np.array([each(_items(answer), gains_of(truth), most) for answer, truth in pairs], np.float64)

    return metric


def ranked(rows: Rows) -> Rows:
    """Those rows whose answer is a list and whose truth names something relevant."""
    kept = [
        isinstance(answer, list) and bool(gains_of(truth))
        for answer, truth in zip(rows.answer, rows.truth, strict=True)
    ]
    return rows.where(np.array(kept, bool))


def gains_of(truth: Any) -> Gains:
    """What is relevant, and how much; nothing where a truth is of another kind.

    >>> gains_of(["a", 3]), gains_of({"a": 2, "b": 0})
    ({'a': 1.0, '3': 1.0}, {'a': 2.0})
    """
    if isinstance(truth, list):
        return {str(item): 1.0 for item in truth if isinstance(item, str | int | float)}
    if not isinstance(truth, dict):
        return {}
    return {item: float(gain) for item, gain in truth.items() if isinstance(gain, int | float) and gain > 0}


def _items(answer: list[Any]) -> list[str]:
    return [str(one.get("item")) if isinstance(one, dict) else str(one) for one in answer]


def _reciprocal(items: list[str], gains: Gains, _: int) -> float:
    return next((1 / rank for rank, item in enumerate(items, 1) if item in gains), 0.0)


def _precision(items: list[str], gains: Gains, most: int) -> float:
    left, hits, total = set(gains), 0, 0.0
    for rank, item in enumerate(items[:most], 1):
        if item in left:
            left.remove(item)
            hits += 1
            total += hits / rank
    return total / min(most, len(gains))


def _gained(items: list[str], gains: Gains, most: int) -> float:
    left, gained = dict(gains), 0.0
    for rank, item in enumerate(items[:most], 1):
        gained += left.pop(item, 0.0) / math.log2(rank + 1)
    best = sorted(gains.values(), reverse=True)[:most]
    return gained / sum(gain / math.log2(rank + 1) for rank, gain in enumerate(best, 1))
