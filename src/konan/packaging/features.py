"""Which columns of the data are a model's inputs, in the model's own order.

What the model says about itself wins: it was asked in its sandbox (`Described`). The data adds types and
facts. What is neither an input nor declared is ignored, and the owner is told.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from konan.errors import DataInvalid
from konan.packaging.learn import Column, Survey, beyond_exact
from konan.records.schema import Constraint, Feature, OutputKind

_SHOWN = 10


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says about itself once it is loaded; it comes out of the sandbox, so it is checked.

    Attributes:
        kind: what it answers.
        classes: a classifier's classes.
        probabilities: whether it gives probabilities.
        values: how many values a regressor answers for a row.
        feature_names: names of its inputs, if it knows them.
        features: number of its inputs, if it knows it.
        estimators: full names of the classes of all its parts, as ``sklearn.svm._classes.SVC``.
    """

    kind: OutputKind = "other"
    classes: tuple[str | bool | int | float, ...] = ()
    probabilities: bool = False
    values: int = 1
    feature_names: tuple[str, ...] | None = None
    features: int | None = None
    estimators: tuple[str, ...] = ()


class Roles(NamedTuple):
    """What the owner said about columns.

    Attributes:
        target: column with the true value, or empty.
        declared: key, subject and segments: accepted and logged, never given to the model.
        constraints: declared limits of features by name.
    """

    target: str = ""
    declared: tuple[str, ...] = ()
    constraints: Mapping[str, Constraint] = MappingProxyType({})


class Chosen(NamedTuple):
    """The inputs that were found.

    Attributes:
        features: the model's inputs in its order.
        columns: the columns of the data that belong to them; empty without data.
        warnings: notices for the owner.
    """

    features: tuple[Feature, ...]
    columns: tuple[Column, ...] = ()
    warnings: tuple[str, ...] = ()


def choose(described: Described, survey: Survey | None, roles: Roles) -> Chosen:
    """The inputs of a model, from what it says and what the data shows.

    Args:
        described: what the model says.
        survey: what the data shows; None when there is none.
        roles: what the owner said about columns.

    Raises:
        DataInvalid: the data does not fit the model, or nothing says what its inputs are.
    """
    chosen = _without_data(described) if survey is None else _from_data(described, survey, roles)
    features = _constrained(chosen.features, roles.constraints)
    return chosen._replace(features=features)


def _without_data(described: Described) -> Chosen:
    names = described.feature_names
    if names is None:
        names = tuple(f"x{position}" for position in range(described.features or 0))
    if not names:
        raise DataInvalid(
            "The model does not say what its inputs are.",
            hint="Give the rows that it was fitted on: --data FILE --target COLUMN.",
        )
    return Chosen(tuple(Feature(name=name, type="number") for name in names))


def _from_data(described: Described, survey: Survey, roles: Roles) -> Chosen:
    by_name = {column.name: column for column in survey.columns}
    if roles.target and roles.target not in by_name:
        raise DataInvalid(
            f"The data has no column {roles.target!r}, which was named as the target.",
            hint=f"Its columns are: {_listed(list(by_name))}.",
        )
    names = described.feature_names or _all_others(described, by_name, roles)
    for name in names:
        if name not in by_name:
            raise DataInvalid(
                f"The data has no column {name!r}, which the model takes as input.",
                hint="Give the rows in the form in which the model was fitted on them.",
            )
    columns = tuple(by_name[name] for name in names)
    used = {*names, roles.target, *roles.declared}
    ignored = [name for name in by_name if name not in used]
    warnings = [f"Columns of the data that the model does not take are ignored: {_listed(ignored)}."]
    warnings = warnings if ignored else []
    warnings += [f"The data was cut after {survey.rows} rows."] if survey.cut else []
    warnings += [
        f"{column.name!r} holds integers beyond 2^53; requests with such numbers are refused."
        for column in columns
        if beyond_exact(column)
    ]
    return Chosen(tuple(map(column_feature, columns)), columns, tuple(warnings))


def _all_others(described: Described, by_name: dict[str, Column], roles: Roles) -> tuple[str, ...]:
    """Every column but the target and the declared ones; as many as the model takes."""
    names = tuple(name for name in by_name if name != roles.target and name not in roles.declared)
    wanted = described.features
    if wanted is not None and wanted != len(names):
        target = f"besides the target {roles.target!r}" if roles.target else "and no target was named"
        raise DataInvalid(
            f"The model takes {wanted} inputs; the data has {len(names)} columns {target}.",
            hint="Name the target with --target, or fit the model on a table with named columns.",
        )
    if not names:
        raise DataInvalid("The data has no column besides the target.")
    return names


def column_feature(column: Column) -> Feature:
    """A column as an input of the model.

    Raises:
        DataInvalid: no JSON type stands for its type.
    """
    if column.type is None:
        raise DataInvalid(
            f"The column {column.name!r} has the type {column.dtype}, which no JSON type stands for.",
            hint="Save it as numbers, booleans, text or time stamps.",
        )
    return Feature(name=column.name, type=column.type, dtype=column.dtype, learned=column.learned)


def _constrained(features: tuple[Feature, ...], constraints: Mapping[str, Constraint]) -> tuple[Feature, ...]:
    names = {feature.name for feature in features}
    for name in constraints:
        if name not in names:
            raise DataInvalid(f"A limit was declared for {name!r}, which is not an input of the model.")
    return tuple(_limited(feature, constraints.get(feature.name)) for feature in features)


def _limited(feature: Feature, constraint: Constraint | None) -> Feature:
    if constraint is None:
        return feature
    ends = constraint.minimum is not None or constraint.maximum is not None
    numeric = feature.type in {"number", "integer"}
    if (ends and not numeric) or (constraint.categories and feature.type != "string"):
        raise DataInvalid(
            f"The limit declared for {feature.name!r} does not fit its type {feature.type}.",
            hint="Numbers take a minimum and a maximum, texts take categories.",
        )
    return msgspec.structs.replace(feature, declared=constraint)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
