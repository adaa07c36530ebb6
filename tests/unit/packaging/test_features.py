"""A model's inputs are found by what it says, and typed by what the data shows."""

import pytest

from konan.errors import DataInvalid
from konan.packaging.features import Described, Roles, choose
from konan.packaging.learn import Column, Survey
from konan.records.schema import Constraint, FeatureType, Learned


def column(name: str, kind: FeatureType | None = "number", dtype: str = "float64") -> Column:
    return Column(name=name, type=kind, dtype=dtype, learned=Learned(maximum=2.0**60), values=())


def data(*columns: Column, cut: bool = False) -> Survey:
    return Survey(rows=5, cut=cut, columns=columns, sample=())


def test_inputs_come_in_the_models_order_and_the_rest_is_ignored_with_a_notice() -> None:
    shown = data(column("b", "string", "object"), column("id"), column("y"), column("a"), column("who"))
    roles = Roles(target="y", declared=("who",))
    found = choose(Described(feature_names=("a", "b")), shown, roles)
    assert [(one.name, one.type, one.dtype) for one in found.features] == [
        ("a", "number", "float64"),
        ("b", "string", "object"),
    ]
    assert found.warnings == ("Columns of the data that the model does not take are ignored: id.",)


def test_a_model_without_names_takes_all_other_columns() -> None:
    shown = data(column("b"), column("y"), column("a"), column("who"))
    found = choose(Described(features=2), shown, Roles(target="y", declared=("who",)))
    assert [one.name for one in found.features] == ["b", "a"]
    assert found.warnings == ()


def test_without_data_the_model_says_all() -> None:
    assert [one.name for one in choose(Described(feature_names=("a", "b")), None, Roles()).features] == [
        "a",
        "b",
    ]
    numbered = choose(Described(features=2), None, Roles()).features
    assert [(one.name, one.type, one.dtype) for one in numbered] == [
        ("x0", "number", "float64"),
        ("x1", "number", "float64"),
    ]


def test_large_integers_and_cut_data_are_told() -> None:
    found = choose(Described(), data(column("a", "integer", "int64"), cut=True), Roles())
    assert len(found.warnings) == 2
    assert "cut after 5 rows" in found.warnings[0]
    assert "beyond 2^53" in found.warnings[1]


def test_declared_limits_stay_with_their_feature() -> None:
    limit = Constraint(minimum=0.0)
    found = choose(Described(), data(column("a"), column("b")), Roles(constraints={"b": limit}))
    assert [one.declared for one in found.features] == [None, limit]


@pytest.mark.parametrize(
    ("described", "shown", "roles", "said"),
    [
        (Described(feature_names=("a", "gone")), data(column("a")), Roles(), "no column 'gone'"),
        (Described(features=1), data(column("a"), column("b")), Roles(), "no target was named"),
        (Described(features=3), data(column("a"), column("y")), Roles(target="y"), "has 1 columns besides"),
        (Described(), data(column("a")), Roles(target="y"), "no column 'y'"),
        (Described(), data(column("y")), Roles(target="y"), "no column besides"),
        (Described(), data(column("a", None, "list<int64>")), Roles(), "list<int64>"),
        (Described(), None, Roles(), "does not say what its inputs are"),
        (Described(), data(column("a")), Roles(constraints={"b": Constraint()}), "not an input"),
        (
            Described(),
            data(column("a", "string", "object")),
            Roles(constraints={"a": Constraint(minimum=1.0)}),
            "does not fit its type string",
        ),
        (
            Described(),
            data(column("a")),
            Roles(constraints={"a": Constraint(categories=("x",))}),
            "does not fit its type number",
        ),
    ],
)
def test_data_that_does_not_fit_is_refused(
    described: Described, shown: Survey | None, roles: Roles, said: str
) -> None:
    with pytest.raises(DataInvalid, match=said):
        choose(described, shown, roles)
