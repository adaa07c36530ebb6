"""Cutting and joining blocks loses nothing and mixes nothing up."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.serving.batches import Block, cut, merge, split
from konan.worker.frames import DONE, FAIL, Frame


def block(values: list[int], *, texts: bool) -> Block:
    listed = json.dumps([[f"t{value}", None] for value in values], separators=(",", ":")).encode()
    numbers = struct.pack(f"<{2 * len(values)}d", *[cell for value in values for cell in (value, -value)])
    return Block(len(values), numbers, listed if texts else b"")


sizes = st.lists(st.integers(1, 5), min_size=1, max_size=6)


@given(sizes, st.booleans())
def test_merged_rows_are_all_rows_in_order(counts: list[int], texts: bool) -> None:
    numbers = iter(range(100))
    calls = [[next(numbers) for _ in range(count)] for count in counts]
    merged = merge([block(values, texts=texts) for values in calls])
    whole = block([value for values in calls for value in values], texts=texts)
    assert merged[1:4] == whole


@given(sizes, st.booleans(), st.booleans())
def test_what_is_cut_is_all_there_was_in_order(counts: list[int], texts: bool, numbers: bool) -> None:
    whole = block(list(range(sum(counts))), texts=texts)
    frame = Frame(DONE, whole.rows, whole.numbers if numbers else b"", whole.texts, 7)
    parts = cut(frame, counts)
    assert [part.rows for part in parts] == counts
    assert b"".join(part.numbers for part in parts) == frame.numbers
    assert [cell for part in parts for cell in json.loads(part.texts or b"[]")] == json.loads(
        frame.texts or b"[]"
    )


@given(st.integers(1, 20), st.integers(1, 7), st.booleans())
def test_a_split_block_merges_to_itself(rows: int, most: int, texts: bool) -> None:
    whole = block(list(range(rows)), texts=texts)
    parts = split(whole, most)
    assert max(part.rows for part in parts) <= most
    assert merge(parts)[1:4] == whole


@pytest.mark.parametrize(
    "frame",
    [
        Frame(DONE, 2, b"12345678" * 3, b""),
        Frame(DONE, 3, b"1234567", b""),
        Frame(DONE, 3, b"", b"[1,2]"),
        Frame(DONE, 3, b"", b'{"a":1}'),
        Frame(DONE, 3, b"", b"[1,2,"),
        Frame(FAIL, 0, b"", b"{}"),
    ],
)
def test_an_answer_of_another_size_cannot_be_cut(frame: Frame) -> None:
    with pytest.raises(ValueError, match=r"row|array"):
        cut(frame, [1, 2])
