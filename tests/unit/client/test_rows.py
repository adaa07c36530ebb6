"""Rows of every usual kind become JSON."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from konan.client.rows import chunks, each_row, encode_row, plain
from konan.errors import DataInvalid


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (float("nan"), None),
        (np.float64("nan"), None),
        (np.float32(1.5), 1.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (Decimal("1.25"), 1.25),
        (np.longdouble(2), 2.0),
        (pd.NA, None),
        (pd.NaT, None),
        (np.datetime64("NaT"), None),
        (pd.Timestamp("2012-01-01 08:00"), "2012-01-01T08:00:00Z"),
        (pd.Timestamp("2012-01-01 08:00", tz="Europe/Paris"), "2012-01-01T07:00:00Z"),
        (np.datetime64("2012-01-01T08:00:00.000000001"), "2012-01-01T08:00:00Z"),
        (dt.date(2012, 1, 1), "2012-01-01T00:00:00Z"),
        (np.array([1, 2]), [1, 2]),
        ({"a": np.int8(1)}, {"a": 1}),
        (2**70, 2**70),
    ],
)
def test_a_value_has_its_plain_form(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "value", [float("inf"), np.float32("-inf"), object(), b"bytes", 1j, Decimal("Infinity")]
)
def test_a_value_without_a_json_form_is_refused(value: Any) -> None:
    with pytest.raises(DataInvalid, match="hour"):
        plain(value, "hour")


@pytest.mark.parametrize(
    "table",
    [
        {"x": 1, "y": "a"},
        [{"x": 1, "y": "a"}],
        iter([[{"x": 1, "y": "a"}]]),
        pd.DataFrame({"x": [1], "y": ["a"]}),
        [pd.DataFrame({"x": [1], "y": ["a"]})],
        pd.DataFrame({"x": [1], "y": ["a"]}).iloc[0],
        pa.table({"x": [1], "y": ["a"]}),
    ],
)
def test_rows_are_found_in_tables_batches_and_series(table: Any) -> None:
    assert [json.loads(encode_row(row)) for row in each_row(table)] == [{"x": 1, "y": "a"}]


@pytest.mark.parametrize("thing", [3, "text", [1, 2], [["a"]]])
def test_what_is_no_row_is_refused(thing: Any) -> None:
    with pytest.raises(DataInvalid, match="mapping"):
        list(each_row(thing))


def test_chunks_are_cut_by_rows_and_keep_their_place() -> None:
    found = list(chunks(({"x": number} for number in range(5)), rows=2))
    assert [(chunk.first, chunk.rows) for chunk in found] == [(0, 2), (2, 2), (4, 1)]
    assert json.loads(found[1].body) == [{"x": 2}, {"x": 3}]


def test_chunks_are_cut_by_bytes_and_a_large_row_travels_alone() -> None:
    rows = [{"x": "a"}, {"x": "b" * 100}, {"x": "c"}]
    assert [chunk.rows for chunk in chunks(rows, size=50)] == [1, 1, 1]


def test_chunks_read_no_further_than_they_must() -> None:
    read = []

    def rows() -> Any:
        for number in range(10):
            read.append(number)
            yield {"x": number}

    next(chunks(rows(), rows=2))
    assert len(read) == 3


def test_no_rows_make_no_chunk() -> None:
    assert list(chunks([])) == []
