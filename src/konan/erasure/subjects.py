"""Whom a row is about, told without knowing the person's name (pure).

An erasure keeps a keyed digest of its subject, so a row is about them if its cell has that digest, or, where
the column is hashed before it is kept, if it is that digest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from konan.records.deployments import Deployment, Version
from konan.records.private import hashed, sought, text_of, treatments
from konan.records.schema import Schema

_decode = msgspec.json.Decoder().decode


class Subject:
    """One person, known by a digest.

    Args:
        key: of the project (`konan.access.secret.of_project`).
        digest: of the person, as `digest_of` gives it.
    """

    def __init__(self, key: bytes, digest: str) -> None:
        self._key = key
        self._digest = digest

    def is_meant(self, cell: object) -> bool:
        """Whether a value, as it stands in the log or in a body, means the person.

        >>> anna = Subject(b"k" * 32, digest_of(b"k" * 32, "anna"))
        >>> anna.is_meant("anna"), anna.is_meant(digest_of(b"k" * 32, "anna")), anna.is_meant("ann")
        (True, True, False)
        """
        if cell is None:
            return False
        return text_of(cell) == self._digest or hashed(self._key, cell) == self._digest

    def is_named_in(self, body: str | bytes) -> bool:
        """Whether a body names the person as any value in it, or may: one that is not whole JSON may.

        >>> anna = Subject(b"k" * 32, digest_of(b"k" * 32, "anna"))
        >>> [anna.is_named_in(body) for body in ('{"a": [1, {"b": "anna"}]}', '{"a": 1}', '{"a', "")]
        [True, False, True, False]
        """
        if not body:
            return False
        try:
            decoded = _decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return True
        return any(map(self.is_meant, _leaves(decoded)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What to look for in a deployment.

    Attributes:
        deployment: uuid.
        names: the columns that say whom a row is about.
        subject: the person.
        until: only what was answered by then, microseconds since 1970-01-01 UTC.
    """

    deployment: str
    names: frozenset[str]
    subject: Subject
    until: int


def digest_of(key: bytes, value: object) -> str:
    """The digest of a person; who gives a hash as the log shows it means that.

    Args:
        key: of the project.
        value: of the subject column, a text, number or boolean.
    """
    return sought(key, value)


def stored_form(schema: Schema, column: str, key: bytes, value: object) -> str | None:
    """How the log of a version has a value of a column, as text; None if the log has none of it.

    >>> stored_form(Schema(features=()), "who", b"k" * 32, 17.0)
    '17'
    """
    privacy = treatments(schema).get(column, "keep")
    if privacy == "hash":
        return hashed(key, value)
    return text_of(value) if privacy == "keep" else None


def column_of(schema: Schema) -> str:
    """The column that says whom a row is about: the declared subject, else the business key, else none.

    A column whose values are not kept says nothing.

    >>> column_of(Schema(features=(), extra=("who", "order"), subject="who", key="order"))
    'who'
    """
    name = schema.subject or schema.key
    return name if name and stored_form(schema, name, b"", "") is not None else ""


def columns_of(versions: Iterable[tuple[Deployment, Version]]) -> Mapping[str, frozenset[str]]:
    """The columns that say so in the versions of each deployment, by its uuid; without any it is left out."""
    found: dict[str, set[str]] = {}
    for deployment, version in versions:
        name = column_of(version.schema) if version.schema else ""
        if name:
            found.setdefault(deployment.uuid, set()).add(name)
    return {uuid: frozenset(names) for uuid, names in found.items()}


def _leaves(value: Any) -> Iterable[object]:
    """Every text, number and boolean in a JSON value, names of members among them."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
        else:
            yield one
