"""What a version's owner declared private, and what registration keeps of such columns (pure).

A later version keeps what earlier ones declared: who forgets a flag must not publish a column. Only ``keep``
lifts a declaration, and the version that says so records it.
"""

from collections.abc import Mapping, Sequence

import msgspec

from konan.errors import DataInvalid, Invalid
from konan.records.schema import Feature, FeatureType, Learned, Privacy, Schema

_BLANK: dict[FeatureType, str | bool | float] = {
    "number": 0.0,
    "integer": 0,
    "boolean": False,
    "string": "***",
    "datetime": "1970-01-01T00:00:00Z",
}
_PAST: dict[Privacy, str] = {"mask": "masked", "drop": "dropped"}


def stated(lists: Mapping[Privacy, Sequence[str]]) -> dict[str, Privacy]:
    """What was said of each column.

    Args:
        lists: the columns by what shall be done with them.

    >>> stated({"mask": ["name"], "hash": ["city"]})
    {'name': 'mask', 'city': 'hash'}

    Raises:
        Invalid: two things were said of a column.
    """
    found: dict[str, Privacy] = {}
    for privacy, names in lists.items():
        for name in names:
            if found.setdefault(name, privacy) != privacy:
                raise Invalid(
                    f"The column {name!r} cannot be both {found[name]} and {privacy}.",
                    hint="Say one of mask, hash, drop and keep of a column.",
                )
    return found


def declared(
    before: Mapping[str, Privacy], now: Mapping[str, Privacy], *, key: str, subject: str
) -> dict[str, Privacy]:
    """What counts for a new version.

    Args:
        before: what the version before declared.
        now: what this one states.
        key: the column with the business key, or empty.
        subject: the column with the person a row is about, or empty.

    >>> declared({"name": "mask", "city": "hash"}, {"city": "keep"}, key="", subject="")
    {'name': 'mask', 'city': 'keep'}

    Raises:
        Invalid: ``keep`` is said of a column that nothing covers, or a key or subject could not be found
            any more.
    """
    inherited = {name: privacy for name, privacy in before.items() if privacy != "keep"}
    for name, privacy in now.items():
        if privacy == "keep" and name not in inherited:
            raise Invalid(f"There is nothing to lift: no earlier version covers the column {name!r}.")
    found = inherited | dict(now)
    for role, name in (("key", key), ("subject", subject)):
        past = _PAST.get(found.get(name, "keep"))
        if past:
            raise Invalid(
                f"The column {name!r} is the {role}, so it cannot be {past}: nobody could find its rows for "
                "ground truth or erasure.",
                hint=f"Say --hash {name}, which hides its values and still finds them.",
            )
    return found


def private_schema(schema: Schema, found: Mapping[str, Privacy], now: Mapping[str, Privacy]) -> Schema:
    """A schema that says what is kept of each column, and that itself shows no value of a private one.

    Args:
        schema: with the declared columns in ``extra``.
        found: what counts for the version.
        now: what its owner stated.

    Raises:
        DataInvalid: the owner named a column that is neither an input nor declared.
    """
    features = {feature.name for feature in schema.features}
    for name in now:
        if name not in features and name not in schema.extra and now[name] != "keep":
            raise DataInvalid(
                f"The column {name!r} was declared private, but it is neither an input of the model nor a "
                "declared column.",
                hint="Names of columns are case-sensitive.",
            )
    hidden = {name: privacy for name, privacy in found.items() if privacy != "keep"}
    covered = tuple(_covered(one, hidden[one.name]) if one.name in hidden else one for one in schema.features)
    example = schema.example | {
        one.name: None if one.nullable else blank(one)
        for one in covered
        if one.name in hidden and one.name in schema.example
    }
    extra = {name: hidden[name] for name in schema.extra if name in hidden and name not in features}
    return msgspec.structs.replace(schema, features=covered, example=example, extra_privacy=extra)


def _covered(feature: Feature, privacy: Privacy) -> Feature:
    """A private feature; of what its data showed only counts are kept."""
    known = feature.learned
    counts = None if known is None else Learned(distinct=known.distinct, missing=known.missing)
    return msgspec.structs.replace(feature, privacy=privacy, learned=counts)


def blank(feature: Feature) -> str | bool | int | float:
    """A value for an example that is nobody's."""
    limits = feature.declared
    if limits is not None and limits.categories:
        return limits.categories[0]
    if limits is not None and feature.type in {"number", "integer"}:
        end = limits.minimum if limits.minimum is not None else limits.maximum
        if end is not None:
            return int(end) if feature.type == "integer" and float(end).is_integer() else end
    return _BLANK[feature.type]
