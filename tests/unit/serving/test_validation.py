"""The fast reading of bodies, and that it never says anything else than the slow one."""

import json
import math
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konan.errors import BodyTooLarge, Invalid, JsonMalformed, JsonTooDeep, RowsInvalid
from konan.records.schema import Constraint, Feature, Learned, Schema
from konan.serving.faults import Examiner
from konan.serving.validation import Parsed, Validator

WIDE = Schema(
    features=(
        Feature(name="area", type="number"),
        Feature(name="town", type="string", declared=Constraint(categories=("bern", "basel"))),
        Feature(name="rooms", type="integer", nullable=False),
        Feature(name="built", type="datetime", optional=True),
        Feature(name="a:b/c~d", type="boolean"),
        Feature(name="share", type="number", declared=Constraint(minimum=0.0, maximum=1.0), optional=True),
    ),
    extra=("order",),
)
GOOD = {"area": 1.5, "town": "bern", "rooms": 3, "a:b/c~d": True}


def validator(schema: Schema = WIDE, rows: int = 100) -> Validator:
    return Validator(schema, rows=rows, depth=64)


def one(kind: Any, **more: Any) -> Validator:
    return validator(Schema(features=(Feature(name="x", type=kind, **more),)))


def numbers(parsed: Parsed) -> list[float]:
    return list(struct.unpack(f"<{len(parsed.numbers) // 8}d", parsed.numbers))


def faults_of(found: Validator, body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(RowsInvalid) as caught:
        found.parse(body)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_an_object_is_one_row() -> None:
    parsed = validator().parse(msgspec.json.encode(GOOD | {"order": "o-1:2"}))
    assert (parsed.single, parsed.rows) == (True, 1)
    assert numbers(parsed)[:3] == [1.5, 3.0, 1.0]
    assert math.isnan(numbers(parsed)[3])
    assert parsed.texts == b'[["bern",null]]'


def test_an_array_is_many_rows_with_their_bytes_as_received() -> None:
    body = b' [{"area": 1, "town": null, "rooms": 2, "a:b/c~d": false, "share": 0.5, "order": 7},\n' + (
        msgspec.json.encode(GOOD | {"built": "2020-02-29T10:00:00+01:00", "area": None}) + b"]"
    )
    parsed = validator().parse(body)
    assert (parsed.single, parsed.rows, parsed.raw) == (False, 2, body)
    assert numbers(parsed)[:4] == [1.0, 2.0, 0.0, 0.5]
    assert [math.isnan(number) for number in numbers(parsed)[4:]] == [True, False, False, True]
    assert parsed.texts == b'[[null,null],["bern","2020-02-29T10:00:00+01:00"]]'


def test_a_schema_without_texts_has_no_text_block() -> None:
    parsed = one("number").parse(b'[{"x":1},{"x":2}]')
    assert (parsed.texts, numbers(parsed)) == (b"", [1.0, 2.0])


def test_every_fault_is_listed_with_its_pointer() -> None:
    row = {
        "area": "1",
        "town": "rome",
        "rooms": None,
        "a:b/c~d": 1,
        "share": 2,
        "built": "now",
        "is/admin": 1,
    }
    assert faults_of(validator(), msgspec.json.encode(row)) == [
        ("/area", "wrong_type"),
        ("/town", "not_a_category"),
        ("/rooms", "null_not_accepted"),
        ("/built", "malformed"),
        ("/a:b~1c~0d", "wrong_type"),
        ("/share", "out_of_range"),
        ("/is~1admin", "unknown"),
    ]
    missing = faults_of(validator(), b'[{"area":1,"town":"bern","rooms":1,"a:b/c~d":true},{}, 3]')
    assert missing == [
        ("/1/area", "missing"),
        ("/1/town", "missing"),
        ("/1/rooms", "missing"),
        ("/1/a:b~1c~0d", "missing"),
        ("/2", "wrong_type"),
    ]


def test_messages_hold_no_sent_value() -> None:
    secret = "hunter2"
    row = {"area": secret, "town": secret, "rooms": secret, "built": secret, "a:b/c~d": secret}
    with pytest.raises(RowsInvalid) as caught:
        validator().parse(msgspec.json.encode(row))
    told = caught.value.message + "".join(fault.message for fault in caught.value.faults)
    assert secret not in told
    with pytest.raises(JsonMalformed) as malformed:
        validator().parse(b'{"area": ' + secret.encode())
    assert secret not in malformed.value.message


def test_at_most_a_hundred_faults_are_listed() -> None:
    assert len(faults_of(one("number", nullable=False), b"[" + b'{"x":null},' * 99 + b"{}" + b"]")) == 100
    assert len(faults_of(validator(), b"[" + b"{}," * 99 + b"{}]")) == 100


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", JsonMalformed),
        (b" ", JsonMalformed),
        (b'{"x": 1', JsonMalformed),
        (b'{"x": 1} x', JsonMalformed),
        (b'{"x": 1,}', JsonMalformed),
        (b"{'x': 1}", JsonMalformed),
        (b'\xef\xbb\xbf{"x": 1}', JsonMalformed),
        (b'{"x": NaN}', JsonMalformed),
        (b'{"x": Infinity}', JsonMalformed),
        (b'{"x": -Infinity}', JsonMalformed),
        (b'{"x": 1e400}', JsonMalformed),
        (b'{"x": -1e400}', JsonMalformed),
        (b'{"x": 0x10}', JsonMalformed),
        (b'{"x": 01}', JsonMalformed),
        (b'{"x": +1}', JsonMalformed),
        (b'{"x": "\xff"}', JsonMalformed),
        (b'{"x": "\\ud800"}', JsonMalformed),
        (b'{"\\ud800": ' + b"9" * 5000 + b"}", JsonMalformed),
        (b'{"x": "a\nb"}', JsonMalformed),
        (b"[" * 1_000_000, JsonTooDeep),
        (b'{"a":' * 100_000, JsonTooDeep),
        (b"[" * 65 + b"]" * 65, JsonTooDeep),
        (b"[]", RowsInvalid),
        (b"3", RowsInvalid),
        (b'"x"', RowsInvalid),
        (b"null", RowsInvalid),
        (b"[" * 64 + b"]" * 64, RowsInvalid),
        (b"[" + b"{}," * 100 + b"{}]", BodyTooLarge),
        (b"[" + b'{"x":1},' * 100 + b'{"x":1}]', BodyTooLarge),
        (b"[" + b"1," * 500_000 + b"1]", BodyTooLarge),
    ],
)
def test_what_is_not_rows_is_refused(body: bytes, error: type[Invalid]) -> None:
    with pytest.raises(error) as caught:
        one("number").parse(body)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("body", "offset"),
    [(b'{"x": NaN}', 6), (b'{"y":"1e400","x": 1e400}', 18), (b'{"x": "\xff"}', 7), (b'{"x"', 4)],
)
def test_what_is_not_json_is_told_with_its_place(body: bytes, offset: int) -> None:
    with pytest.raises(JsonMalformed) as caught:
        one("number").parse(body)
    assert f"(byte {offset})" in caught.value.message


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0", 0.0),
        ("-0", 0.0),
        ("9007199254740992", 2.0**53),
        ("9223372036854775808", 2.0**63),
        ("1e300", 1e300),
        ("1e-300", 1e-300),
        ("0e-999", 0.0),
        ("0." + "0" * 400, 0.0),
        ("4.9e-324", 5e-324),
        ("0.1", 0.1),
    ],
)
def test_numbers_are_taken_as_they_are(written: str, value: float) -> None:
    parsed = one("number").parse(b'{"x": %s}' % written.encode())
    assert numbers(parsed) == [value]


@pytest.mark.parametrize(
    ("kind", "written", "code"),
    [
        ("number", "9007199254740993", "not_exact"),
        ("number", "18446744073709551617", "not_exact"),
        ("number", "9" * 5000, "not_exact"),
        ("number", "1e-400", "not_exact"),
        ("number", "-1E-400", "not_exact"),
        ("number", "0." + "0" * 400 + "1", "not_exact"),
        ("number", "true", "wrong_type"),
        ("number", '"1"', "wrong_type"),
        ("number", "[1]", "wrong_type"),
        ("number", "{}", "wrong_type"),
        ("integer", "9007199254740993", "not_exact"),
        ("integer", "18446744073709551616", "not_exact"),
        ("integer", "1e18", "not_exact"),
        ("integer", "3.5", "wrong_type"),
        ("integer", "true", "wrong_type"),
        ("integer", '"3"', "wrong_type"),
        ("boolean", "1", "wrong_type"),
        ("boolean", '"true"', "wrong_type"),
        ("string", "1", "wrong_type"),
        ("string", "true", "wrong_type"),
        ("datetime", "0", "wrong_type"),
        ("datetime", '"2026-01-31"', "malformed"),
        ("datetime", '"2026-01-31T12:00:00"', "malformed"),
        ("datetime", '"2026-02-30T12:00:00Z"', "malformed"),
        ("datetime", '"2026-01-31T12:00:00Z\\n"', "malformed"),
    ],
)
def test_values_that_do_not_fit_are_refused(kind: str, written: str, code: str) -> None:
    assert faults_of(one(kind), b'{"x": %s}' % written.encode()) == [("/x", code)]


@pytest.mark.parametrize("written", ["3", "3.0", "3e0", "30E-1"])
def test_an_integer_may_be_written_as_a_float(written: str) -> None:
    assert numbers(one("integer").parse(b'[{"x": %s}]' % written.encode())) == [3.0]


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00Z", "2026-01-31t12:00:00.123456789z", "2026-01-31 12:00:00-05:30"]
)
def test_datetimes_reach_the_model_as_they_were_written(text: str) -> None:
    assert json.loads(one("datetime").parse(msgspec.json.encode({"x": text})).texts) == [[text]]


def test_only_a_model_without_time_zones_takes_datetimes_without_offset() -> None:
    body = b'{"x": "2026-01-31T12:00:00"}'
    for local in ("datetime64[us]", "datetime64[ns]"):
        found = one("datetime", dtype=local)
        assert found.parse(body).texts == b'[["2026-01-31T12:00:00"]]'
        assert found.parse(b'{"x": "2026-01-31T12:00:00Z"}').rows == 1
        assert faults_of(found, b'{"x": "2026-01-31"}') == [("/x", "malformed")]
    for zoned in ("datetime64[us, UTC]", "object"):
        assert faults_of(one("datetime", dtype=zoned), body) == [("/x", "malformed")]


def test_a_key_that_stands_twice_is_refused() -> None:
    assert faults_of(one("number"), b'{"x": 1, "x": 2}') == [("/x", "duplicate")]
    assert faults_of(one("string"), b'[{"x": "a"}, {"x": ":", "\\u0078": ""}]') == [("/1/x", "duplicate")]
    hidden = b'{"x": "\\u003a", "x": "\\u003A"}'
    assert faults_of(one("string"), hidden) == [("/x", "duplicate")]
    absent = b'{"area":1,"area":1,"town":"bern","rooms":1,"a:b/c~d":true}'
    assert faults_of(validator(), absent) == [("/area", "duplicate")]


def test_learned_facts_refuse_nothing() -> None:
    seen = Learned(minimum=0.0, maximum=1.0)
    schema = Schema(
        features=(
            Feature(name="x", type="number", learned=seen),
            Feature(name="c", type="string", learned=Learned(categories=("a",))),
        )
    )
    assert numbers(validator(schema).parse(b'{"x": 1e9, "c": "unseen"}')) == [1e9]


def test_declared_categories_hold_for_numbers_and_booleans_too() -> None:
    found = one("integer", declared=Constraint(categories=("1", "2")))
    assert numbers(found.parse(b'{"x": 2}')) == [2.0]
    assert faults_of(found, b'{"x": 3}') == [("/x", "not_a_category")]
    found = one("boolean", declared=Constraint(categories=("true",)))
    assert numbers(found.parse(b'{"x": true}')) == [1.0]
    assert faults_of(found, b'{"x": false}') == [("/x", "not_a_category")]


@pytest.mark.parametrize("name", ['say "hi"', "back\\slash", "tab\t", "", "ünï:cöde", "a/b", "class", "f0"])
def test_any_name_may_be_a_feature(name: str) -> None:
    schema = Schema(features=(Feature(name=name, type="number"), Feature(name="other", type="number")))
    body = msgspec.json.encode({"other": 2, name: 1})
    assert numbers(validator(schema).parse(body)) == [1.0, 2.0]


def test_extra_columns_take_any_scalar_and_nothing_else() -> None:
    for value in ("a", 1, 2.5, True, None, 2**70):
        body = msgspec.json.encode(GOOD | {"order": value})
        assert validator().parse(body).rows == 1
    assert faults_of(validator(), msgspec.json.encode(GOOD | {"order": [1]})) == [("/order", "wrong_type")]


def test_an_unknown_name_is_not_repeated_without_end() -> None:
    assert len(faults_of(one("number"), msgspec.json.encode({"x": 1, "k" * 5000: 1}))[0][0]) == 200


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["bern", "basel", "rome", "2026-01-31T12:00:00Z", ":", "e-"]),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2),
)
rows = st.one_of(
    st.fixed_dictionaries(
        {"area": scalars, "town": scalars, "rooms": st.integers(-3, 3), "a:b/c~d": st.booleans()},
        optional={"built": scalars, "share": scalars, "order": scalars, "else": scalars},
    ),
    st.fixed_dictionaries(
        {
            "area": st.floats(allow_nan=False, allow_infinity=False) | st.none(),
            "town": st.sampled_from(["bern", "basel", None]),
            "rooms": st.integers(-3, 3),
            "a:b/c~d": st.booleans() | st.none(),
        },
        optional={"share": st.floats(0, 1), "order": st.text(max_size=5)},
    ),
)


def outcome(read: Any, body: bytes) -> Any:
    try:
        parsed = read(body)
    except Invalid as error:
        return type(error), error.message, error.faults
    return parsed


def slow(schema: Schema) -> Any:
    examiner = Examiner(schema, rows=100, depth=64)
    width = sum(feature.type not in {"string", "datetime"} for feature in schema.features)

    def read(body: bytes) -> Parsed:
        single, table = examiner.examine(body)
        block = b"".join(struct.pack(f"<{width}d", *cells) for cells, _ in table)
        return Parsed(single, len(table), block, msgspec.json.encode([texts for _, texts in table]), body)

    return read


@settings(max_examples=300, deadline=None)
@given(rows | st.lists(rows, max_size=4), st.booleans())
def test_both_readings_agree_on_json(content: Any, ascii_only: bool) -> None:
    body = json.dumps(content, ensure_ascii=ascii_only).encode()
    assert outcome(validator().parse, body) == outcome(slow(WIDE), body)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_both_readings_agree_on_damaged_json(data: st.DataObject) -> None:
    body = bytearray(json.dumps(data.draw(rows)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 1))] = data.draw(
            st.sampled_from(
                [b"", b"9", b"e", b"-", b".", b'"', b"\\", b",", b"{", b"\xff", b'"area":1,', b"e-400"]
            )
        )
    assert outcome(validator().parse, bytes(body)) == outcome(slow(WIDE), bytes(body))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.text('{}[]:,"\\u0e+-.1 ax', max_size=40).map(str.encode))
def test_any_bytes_are_answered_with_an_error_of_the_tree(body: bytes) -> None:
    result = outcome(one("number").parse, body)
    assert isinstance(result, Parsed | tuple)
