"""Sparse numbers add to the same in any order and portions, and outlive being written down."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.profiles.sparse import MIXED, Sparse, gathered, merged, packed, unpacked

PAIRS = st.lists(st.tuples(st.integers(-4, 8), st.integers(-3, 3)), max_size=30)


def of(pairs: list[tuple[int, int]]) -> Sparse:
    return gathered(*np.array(pairs, np.int64).reshape(-1, 2).T)


def plain(pairs: list[tuple[int, int]]) -> dict[int, int]:
    """The same, one by one."""
    found: dict[int, int] = {}
    for at, value in pairs:
        if at >= 0:
            found[at] = found.get(at, 0) + value
        else:
            found[at] = value if found.get(at, value) == value else MIXED
    return {at: value for at, value in found.items() if value or at < 0}


@given(PAIRS, st.integers(1, 4), st.randoms())
def test_any_order_and_portions_give_the_same(
    pairs: list[tuple[int, int]], parts: int, chance: random.Random
) -> None:
    whole = of(pairs)
    assert dict(zip(whole.at.tolist(), whole.values.tolist(), strict=True)) == plain(pairs)
    chance.shuffle(pairs)
    again = merged([of(pairs[part::parts]) for part in range(parts)])
    assert packed([again]) == packed([whole])


@given(st.lists(PAIRS, max_size=4))
def test_what_is_written_down_comes_back(some: list[list[tuple[int, int]]]) -> None:
    numbers = [of(pairs) for pairs in some]
    back = unpacked(packed(numbers), len(numbers))
    assert [(one.at.tolist(), one.values.tolist()) for one in back] == [
        (one.at.tolist(), one.values.tolist()) for one in numbers
    ]


@given(PAIRS, st.integers(-5, 9), st.integers(0, 6))
def test_a_part_is_read_with_and_without_its_zeros(
    pairs: list[tuple[int, int]], start: int, size: int
) -> None:
    whole, part = of(pairs), of(pairs).within(start, size)
    expected = [plain(pairs).get(at, 0) for at in range(start, start + size)]
    assert whole.dense(start, size).tolist() == expected
    there = dict(zip(part.at.tolist(), part.values.tolist(), strict=True))
    assert [there.get(at, 0) for at in range(size)] == expected
