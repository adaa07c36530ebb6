import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from konan.worker.loaders import OutputInvalid
from konan.worker.loaders.answers import as_json


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([1, "a"], [1, "a"]),
        ((1.5, None), [1.5, None]),
        (np.array([1, 2]), [1, 2]),
        (np.array([[True], [False]]), [[True], [False]]),
        ([np.float32(0.5), np.bool_(True)], [0.5, True]),
        ([{"a": np.arange(2)}, {}], [{"a": [0, 1]}, {}]),
        (pd.Series(["x", "y"]), ["x", "y"]),
        (pd.DataFrame({"p": [1, 2]}), [{"p": 1}, {"p": 2}]),
        ([dt.date(2024, 2, 29), None], ["2024-02-29", None]),
    ],
)
def test_what_models_return_becomes_json(answer: object, expected: object) -> None:
    assert json.loads(as_json(answer, 2)) == expected


@pytest.mark.parametrize(
    "answer", [[1], [1, 2, 3], 5, "ab", {"a": 1, "b": 2}, [object(), 1], [{1}, 2], [{(1,): 2}, 1]]
)
def test_what_is_not_one_json_value_a_row_is_invalid(answer: object) -> None:
    with pytest.raises(OutputInvalid):
        as_json(answer, 2)
