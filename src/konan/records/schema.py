"""What a version takes and gives: typed features and its output."""

from typing import Literal

import msgspec

FeatureType = Literal["number", "integer", "boolean", "string", "datetime"]
OutputKind = Literal["classifier", "regressor", "other"]
Privacy = Literal["keep", "mask", "hash", "drop"]
"""What the log has of a column: its values, only that there was one, a keyed hash of each, or nothing."""

LARGEST_INTEGER = 2**53
"""Integers beyond this are not exact as float64 (RFC 8259, section 6), hence refused and never rounded."""


class Learned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the data given at deploy showed of a feature; it is shown and monitored, and refuses nothing.

    Attributes:
        minimum: smallest value seen.
        maximum: largest value seen.
        categories: the values seen, most frequent first, at most 100; of text and booleans.
        distinct: number of different values seen, at most 1000 counted.
        missing: fraction of rows without a value, in [0, 1].
    """

    minimum: float | str | None = None
    maximum: float | str | None = None
    categories: tuple[str, ...] = ()
    distinct: int = 0
    missing: float = 0.0


class Constraint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody declared of a feature; a row outside is refused with 422.

    Attributes:
        minimum: smallest allowed value.
        maximum: largest allowed value.
        categories: the allowed texts; empty allows all.
    """

    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()


class Feature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One input of a model.

    Attributes:
        name: as the model knows it and as it stands in a request.
        type: its JSON type; ``datetime`` is RFC 3339 text.
        dtype: numpy dtype of the column that the model is given, as ``int64`` or ``category``.
        nullable: whether ``null`` is accepted; false only if the certificate showed that the model
            fails on it.
        optional: whether the key may be absent (then it counts as ``null``).
        learned: what the data showed.
        declared: what somebody declared.
        privacy: what is kept of its values; the model is always given them.
    """

    name: str
    type: FeatureType
    dtype: str = "float64"
    nullable: bool = True
    optional: bool = False
    learned: Learned | None = None
    declared: Constraint | None = None
    privacy: Privacy = "keep"


class Output(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model answers for one row.

    Attributes:
        kind: ``classifier`` answers ``{"label", "probabilities"}``, ``regressor`` ``{"value"}``, and
            ``other`` whatever the model returned.
        classes: a classifier's classes in the order of its probabilities, in their own JSON type.
        probabilities: whether the classifier gives probabilities.
        label: how the label is found: ``argmax`` of the probabilities where certification showed
            that this equals the model's own label, else ``model``.
        values: how many values a regressor answers; more than one makes ``value`` a list.
    """

    kind: OutputKind = "other"
    classes: tuple[str | bool | int | float, ...] = ()
    probabilities: bool = False
    label: Literal["argmax", "model"] = "model"
    values: int = 1


class Schema(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The typed contract of one version.

    Attributes:
        features: the model's inputs, in the model's order.
        output: what it answers.
        example: a row that the model answered when it was certified.
        extra: names of declared columns that are accepted and logged but never given to the model
            (key, subject, segments).
        key: the column with the caller's own business key, a feature or one of ``extra``; or empty.
        subject: the column with the person that a row is about, likewise.
        segments: the columns with slices, likewise.
        extra_privacy: what is kept of those of ``extra`` that are not simply kept.
    """

    features: tuple[Feature, ...]
    output: Output = Output()
    example: dict[str, str | bool | int | float | None] = {}
    extra: tuple[str, ...] = ()
    key: str = ""
    subject: str = ""
    segments: tuple[str, ...] = ()
    extra_privacy: dict[str, Privacy] = {}


def class_text(value: object) -> str:
    """A class as the text used for keys of ``probabilities`` and for matching ground truth.

    >>> class_text(True), class_text(3), class_text("a"), class_text(1.0)
    ('true', '3', 'a', '1.0')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
