"""Whom a row is about is told by a digest, whatever form its cell has."""

import pytest

from konan.erasure.subjects import Subject, column_of, digest_of, stored_form
from konan.records.private import hashed
from konan.records.schema import Feature, Schema

KEY = b"k" * 32


@pytest.mark.parametrize("given", [17, 17.0, "17", "17.0"])
@pytest.mark.parametrize("cell", [17, 17.0, "17", hashed(KEY, 17)])
def test_a_number_is_meant_in_all_its_forms(given: object, cell: object) -> None:
    assert Subject(KEY, digest_of(KEY, given)).is_meant(cell)


@pytest.mark.parametrize("cell", ["1", "017", 170, True, None, "", "hmac:", " 17"])
def test_nothing_else_is_meant(cell: object) -> None:
    assert not Subject(KEY, digest_of(KEY, 17)).is_meant(cell)


def test_another_project_has_other_digests() -> None:
    assert not Subject(b"o" * 32, digest_of(KEY, "anna")).is_meant("anna")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"who": "anna"}', True),
        ('[{"x": {"y": ["anna"]}}]', True),
        ('{"anna": 1}', True),
        (r'{"who": "\u0061nna"}', True),
        ('{"who": "annabel"}', False),
        ("[]", False),
        ("", False),
        ('{"who": "an', True),
        ("anna", True),
        ("\x00", True),
        ("[" * 5000, True),
    ],
)
def test_a_body_names_a_person_if_a_value_is_theirs_or_it_cannot_be_read(body: str, *, named: bool) -> None:
    assert Subject(KEY, digest_of(KEY, "anna")).is_named_in(body) == named


def test_the_subject_counts_before_the_key_and_what_is_not_kept_tells_nothing() -> None:
    schema = Schema(features=(Feature(name="id", type="string"),), extra=("who",), subject="who", key="id")
    assert column_of(schema) == "who"
    assert column_of(Schema(features=(), key="id")) == "id"
    assert column_of(Schema(features=())) == ""
    masked = Schema(features=(), extra=("who",), subject="who", extra_privacy={"who": "mask"})
    assert (column_of(masked), stored_form(masked, "who", KEY, "anna")) == ("", None)
    hidden = Schema(features=(), extra=("who",), subject="who", extra_privacy={"who": "hash"})
    assert (column_of(hidden), stored_form(hidden, "who", KEY, "anna")) == ("who", hashed(KEY, "anna"))
