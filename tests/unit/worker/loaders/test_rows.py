import json
import math
import struct

import numpy as np
import pandas as pd
import pytest

from konan.worker.loaders.rows import Layout

MIXED = [
    ["age", "integer", "int64"],
    ["town", "string", "object"],
    ["income", "number", "float64"],
    ["member", "boolean", "bool"],
    ["since", "datetime", "datetime64[ns]"],
]


def block(*values: float) -> bytes:
    return struct.pack(f"{len(values)}d", *values)


def texts(*rows: list[str | None]) -> bytes:
    return json.dumps(rows).encode()


TWO = (
    2,
    block(30, 1.5, 1, 40, math.nan, 0),
    texts(["Ulm", "2024-02-29T12:00:00Z"], [None, "2024-03-01T00:00:00+02:00"]),
)


def test_a_frame_has_the_columns_and_types_that_the_model_was_fitted_on() -> None:
    frame = Layout(MIXED).frame(*TWO)
    assert list(frame.columns) == ["age", "town", "income", "member", "since"]
    assert [str(kind) for kind in frame.dtypes] == ["int64", "object", "float64", "bool", "datetime64[ns]"]
    assert frame["age"].tolist() == [30, 40]
    assert frame["town"][0] == "Ulm"
    assert math.isnan(frame["town"][1])
    assert math.isnan(frame["income"][1])
    assert frame["since"].tolist() == [pd.Timestamp("2024-02-29 12:00"), pd.Timestamp("2024-02-29 22:00")]


@pytest.mark.parametrize(
    ("kind", "dtype", "values", "expected", "shown"),
    [
        ("integer", "int64", [1, math.nan], "float64", [1.0, None]),
        ("integer", "int32", [1, 2], "int32", [1, 2]),
        ("integer", "Int64", [1, math.nan], "Int64", [1, None]),
        ("integer", "category", [1, 2], "category", [1, 2]),
        ("number", "float32", [1.5, 2], "float32", [1.5, 2]),
        ("number", "object", [1.5, 2], "float64", [1.5, 2]),
        ("boolean", "bool", [1, 0], "bool", [True, False]),
        ("boolean", "bool", [1, math.nan], "object", [True, None]),
        ("boolean", "boolean", [1, math.nan], "boolean", [True, None]),
        ("boolean", "category", [1, 0], "category", [True, False]),
    ],
)
def test_a_numeric_column_is_cast_back(
    kind: str, dtype: str, values: list[float], expected: str, shown: list[object]
) -> None:
    column = Layout([["x", kind, dtype]]).frame(len(values), block(*values), b"")["x"]
    assert str(column.dtype) == expected
    assert [None if pd.isna(value) else value for value in column.tolist()] == shown


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("object", "object"), ("category", "category"), ("string", "string"), ("str", "str")],
)
def test_a_text_column_is_cast_back(dtype: str, expected: str) -> None:
    column = Layout([["x", "string", dtype]]).frame(2, b"", texts(["a"], [None]))["x"]
    assert str(column.dtype) == expected
    assert column[0] == "a"
    assert pd.isna(column[1])


def test_times_keep_their_zone_where_the_model_has_one() -> None:
    layout = Layout([["at", "datetime", "datetime64[ns, UTC]"]])
    column = layout.frame(2, b"", texts(["2024-03-01T00:00:00+02:00"], [None]))["at"]
    assert column[0] == pd.Timestamp("2024-02-29 22:00", tz="UTC")
    assert pd.isna(column[1])


def test_numbers_alone_become_one_array_that_can_be_written() -> None:
    layout = Layout([["a", "number", "float64"], ["b", "integer", "int64"]])
    array = layout.array(2, block(1, 2, 3, 4), b"")
    assert array.dtype == np.float64
    assert array.tolist() == [[1, 2], [3, 4]]
    array[0, 0] = 5


def test_texts_make_an_array_of_objects() -> None:
    array = Layout(MIXED).array(*TWO)
    assert array.shape == (2, 5)
    assert array[0].tolist() == [30.0, "Ulm", 1.5, 1.0, "2024-02-29T12:00:00Z"]
    assert math.isnan(array[1, 1])


def test_dictionaries_hold_plain_values() -> None:
    assert Layout(MIXED).records(*TWO) == [
        {"age": 30, "town": "Ulm", "income": 1.5, "member": True, "since": "2024-02-29T12:00:00Z"},
        {"age": 40, "town": None, "income": None, "member": False, "since": "2024-03-01T00:00:00+02:00"},
    ]


@pytest.mark.parametrize("features", [MIXED, MIXED[:1], []])
def test_no_rows_are_no_rows(features: list[list[str]]) -> None:
    layout = Layout(features)
    assert layout.records(0, b"", b"") == []
    assert layout.array(0, b"", b"").shape == (0, len(features))
    assert layout.frame(0, b"", b"").shape == (0, len(features))
