"""Whatever a body holds, no private value's bytes are kept of it."""

import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.errors import KonanError
from konan.records.private import hashed, sought, text_of
from konan.records.schema import Feature, Privacy, Schema
from konan.serving.idempotency import digest
from konan.serving.privacy import LARGEST_REFUSED, Cover, cover_of
from konan.serving.validation import Validator

KEY = b"k" * 32
TOKEN = "Qzjxvk"
"""Stands in every private value of these tests, and nowhere else."""

FEATURES: tuple[tuple[str, Privacy], ...] = (("a", "keep"), ("m", "mask"), ("h", "hash"), ("d", "drop"))
SCHEMA = Schema(
    features=tuple(Feature(name=n, type="string", optional=True, privacy=privacy) for n, privacy in FEATURES),
    extra=("k", "x"),
    key="k",
    extra_privacy={"k": "hash"},
)
COVER = Cover(SCHEMA, KEY)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
secret_texts = st.tuples(texts, texts).map(TOKEN.join)
secrets = st.recursive(secret_texts, lambda inner: st.lists(inner, min_size=1, max_size=2))
names = st.sampled_from(["a", "m", "h", "d", "k", "x"])
plain_members = st.dictionaries(st.sampled_from(["a", "x"]), values, max_size=2)
secret_members = st.dictionaries(st.sampled_from(["m", "h", "d", "k"]), secrets, max_size=4)
unknown = st.dictionaries(texts.map(lambda text: f"?{text}"), secrets, max_size=2)
rows = st.tuples(plain_members, secret_members, unknown).map(lambda parts: parts[0] | parts[1] | parts[2])
anything = rows | st.lists(rows, max_size=3) | secrets | st.lists(st.lists(rows, max_size=2), max_size=2)


def hides(kept: bytes) -> bool:
    return TOKEN.encode() not in kept and TOKEN not in json.dumps(kept.decode(errors="replace"))


@given(anything, st.booleans(), st.integers(0, 400), st.binary(max_size=3))
def test_nothing_private_is_kept_of_any_body(body: Any, ascii_only: bool, cut: int, rest: bytes) -> None:
    encoded = json.dumps(body, ensure_ascii=ascii_only).encode()
    assert hides(COVER.refused(encoded))
    assert hides(COVER.refused(encoded[:cut]))
    assert hides(COVER.refused(encoded + rest))


@given(st.binary(max_size=200))
def test_what_is_not_json_is_kept_by_its_size_alone(body: bytes) -> None:
    kept = COVER.refused(body)
    assert kept == b"" or json.loads(kept) is not None


good = st.fixed_dictionaries(
    {}, optional={name: st.none() | (texts if name in {"a", "x"} else secret_texts) for name in "amhdkx"}
)


@given(st.lists(good, min_size=1, max_size=4), st.booleans())
def test_of_what_was_answered_the_rest_is_kept_as_it_was(sent: list[dict[str, Any]], single: bool) -> None:
    body = json.dumps(sent[0] if single else sent).encode()
    raw = Validator(SCHEMA, rows=10, depth=10).parse(body).raw
    kept = COVER.rows(raw)
    assert hides(kept)
    found = json.loads(kept)
    for row, seen in zip(sent[:1] if single else sent, [found] if single else found, strict=True):
        expected = {name: value for name, value in row.items() if name != "d"}
        for name in expected.keys() & {"h", "k"}:
            expected[name] = None if row[name] is None else hashed(KEY, row[name])
        if row.get("m") is not None:
            expected["m"] = "***"
        assert seen == expected


def test_numbers_that_are_kept_stay_as_they_were_written() -> None:
    schema = Schema(
        features=(
            Feature(name="x", type="number"),
            Feature(name="n", type="number", privacy="hash"),
            Feature(name="b", type="boolean", privacy="mask"),
        )
    )
    cover = Cover(schema, KEY)
    kept = cover.rows(b'[{"x": 1.50e0, "n": 17.0, "b": true}, {"b": null, "n": 17, "x": 0.10}]')
    same = hashed(KEY, "17")
    assert kept == (f'[{{"x":1.50e0,"n":"{same}","b":"***"}},{{"b":null,"n":"{same}","x":0.10}}]'.encode())


def test_a_name_written_with_escapes_is_the_same_name() -> None:
    kept = COVER.refused(b'{"\\u006d": "Qzjxvk", "\\u0064": "Qzjxvk", "a": "b"}')
    assert kept == b'{"m":"***","a":"b"}'


def test_a_name_that_stands_twice_gives_away_nothing() -> None:
    assert COVER.refused(b'{"m": "Qzjxvk", "m": null, "d": "Qzjxvk", "d": 1, "a": 5}') == b'{"m":null,"a":5}'


def test_of_a_large_refused_body_only_its_size_is_known() -> None:
    assert COVER.refused(b'{"a": "%b"}' % (b"x" * LARGEST_REFUSED)) == b""


def test_a_version_without_private_columns_has_no_cover() -> None:
    assert cover_of(Schema(features=(Feature(name="x", type="number"),)), KEY) is None


def test_faults_of_private_features_hold_no_value() -> None:
    schema = Schema(features=(Feature(name="m", type="number", privacy="mask"),))
    with pytest.raises(KonanError) as raised:
        Validator(schema, rows=10, depth=10).parse(b'{"m": "Qzjxvk"}')
    assert TOKEN not in repr(raised.value.__dict__) + str(raised.value)


@given(st.binary(min_size=1, max_size=64), texts)
def test_a_hash_is_hmac_as_others_make_it(key: bytes, text: str) -> None:
    made = hmac.new(key, text_of(text).encode(), "sha256").hexdigest()
    assert hashed(key, text) == f"hmac:{made[:32]}"


@given(scalars.filter(lambda cell: cell is not None), st.binary(min_size=32, max_size=32))
def test_a_hash_needs_its_key_and_is_found_by_value_and_by_itself(cell: Any, key: bytes) -> None:
    made = hashed(key, cell)
    assert (made == hashed(KEY, cell)) == (key == KEY)
    assert sought(key, cell) == sought(key, made) == made == hashed(key, text_of(cell))


def test_bodies_cannot_be_tried_against_their_digests_without_the_secret() -> None:
    plain, keyed, other = (digest("1", b"{}", secret=secret) for secret in (b"", b"a" * 32, b"b" * 32))
    assert len({plain, keyed, other}) == 3
    assert digest("1", b"{}", secret=b"a" * 32) == keyed
