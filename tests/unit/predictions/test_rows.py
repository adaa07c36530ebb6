"""Entries become typed rows."""

from datetime import UTC, date, datetime

import pytest
from tests.unit.predictions.logs import entry, rejected, row, schemas

from konan.predictions.rows import day_of, moment, rejections_of, table_of


def test_every_column_has_its_value() -> None:
    one = entry(3, mirrors=["m"], role="challenger")
    found = table_of([one], schemas).to_pylist()[0]
    assert found.pop("at") == datetime.fromtimestamp(one.at_ns // 1000 / 1e6, UTC)
    assert (found.pop("day") - date(1970, 1, 1)).days == day_of(one.ids[0])
    assert found == {
        "id": one.ids[0],
        "request_id": one.request_id,
        "version": 1,
        "role": "challenger",
        "mirrors": "m",
        "key_id": "k",
        "status": 200,
        "latency_us": 103,
        "label": "no",
        "value": None,
        "probability": 0.97,
        "output": one.outputs[0].decode(),
        "row": None,
        "n_^temp%20%28^c%29": 1.5,
        "i_hour": 3,
        "b_open": False,
        "s_city": "c3",
        "t_when": datetime(2026, 11, 23, 10, tzinfo=UTC),
        "x_order": "3",
    }


def test_rows_are_in_the_order_of_their_ids() -> None:
    first, second = entry(1, 3), entry(10, 2)
    found = table_of([second, first], schemas)
    assert found["id"].to_pylist() == first.ids + second.ids
    assert found["x_order"].to_pylist() == ["1", "2", "3", "10", "11"]


def test_what_is_absent_or_null_is_null() -> None:
    found = table_of([entry(1, body=b'{"hour":null,"Temp (C)":2}')], schemas).to_pylist()[0]
    assert [found[name] for name in ("n_^temp%20%28^c%29", "i_hour", "b_open", "s_city", "t_when")] == [
        2.0,
        None,
        None,
        None,
        None,
    ]


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert table_of([entry(1, body=b'{"hour":3.0}')], schemas)["i_hour"].to_pylist() == [3]


def test_outputs_of_any_shape_are_kept() -> None:
    outputs = [b'{"value":2}', b'{"value":[1,2]}', b'{"label":true}', b"[1]", b'"x"', b"null"]
    rows = b"[" + b",".join([b'{"wind":1}'] * len(outputs)) + b"]"
    found = table_of([entry(1, len(outputs), version=2, body=rows, outputs=outputs)], schemas)
    assert found["value"].to_pylist() == [2.0, None, None, None, None, None]
    assert found["label"].to_pylist() == [None, None, "true", None, None, None]
    assert found["output"].to_pylist() == [output.decode() for output in outputs]


def test_versions_are_put_side_by_side() -> None:
    old = entry(1)
    new = entry(1, version=2, body=b'{"hour":"noon","wind":1}', outputs=[b'{"value":1}'])
    found = table_of([new, old, entry(2, version=7)], schemas).to_pylist()
    assert [one["i_hour"] for one in found] == [1, None, None]
    assert [one["s_hour"] for one in found] == [None, "noon", None]
    assert found[2]["row"] is not None
    assert row(2)["city"] in found[2]["row"]


def test_rejections_keep_why_and_the_beginning_of_the_body() -> None:
    one = rejected(1, body=b'{"x":\xff', body_bytes=999)
    found = rejections_of([one]).to_pylist()[0]
    assert (found["id"], found["code"], found["status"]) == (one.request_id, "rows_invalid", 422)
    assert (found["body"], found["body_bytes"]) == ('{"x":\ufffd', 999)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T12:00:00Z", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23t12:00:00z", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23T12:00:00", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23T12:00:00.123456789Z", datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-12-31T23:59:60Z", None),
        ("0001-01-01T00:00:00+10:00", None),
    ],
)
def test_moments_are_read(text: str, expected: datetime | None) -> None:
    assert moment(text) == expected


def test_the_day_of_an_id_is_its_own() -> None:
    assert day_of("019abcd0-0000-7000-8000-000000000000") == 0x019ABCD00000 // 86_400_000
    with pytest.raises(ValueError, match="invalid"):
        day_of("zz9abcd0-0000-7000-8000-000000000000")
