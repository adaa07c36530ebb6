"""The document of a deployment is valid, and says of rows exactly what the validator holds."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # comes without types
from openapi_spec_validator import OpenAPIV31SpecValidator

from konan.errors import Invalid
from konan.records.schema import Constraint, Feature, Learned, Output, Schema
from konan.serving.openapi import PROBLEMS, document
from konan.serving.validation import Validator

FEATURES = (
    Feature(name="area", type="number", learned=Learned(minimum=10.0, maximum=300.0, missing=0.125)),
    Feature(name="rooms", type="integer", nullable=False, learned=Learned(minimum=1.0, maximum=9.0)),
    Feature(name="town/~", type="string", learned=Learned(categories=("bern", "basel"), distinct=2)),
    Feature(name="kind", type="string", declared=Constraint(categories=("flat", "house"))),
    Feature(name="floor", type="integer", declared=Constraint(minimum=-2, maximum=40), optional=True),
    Feature(name="lift", type="boolean", nullable=False, declared=Constraint(categories=("true",))),
    Feature(name="built", type="datetime", optional=True),
)
EXAMPLE: dict[str, str | bool | int | float | None] = {
    "area": 80.5,
    "rooms": 3,
    "town/~": "bern",
    "kind": "flat",
    "lift": True,
}
OUTPUTS = (
    Output(kind="regressor"),
    Output(kind="regressor", values=3),
    Output(kind="classifier", classes=("no", "yes"), probabilities=True),
    Output(kind="classifier", classes=(1, 2)),
    Output(kind="classifier"),
    Output(),
)


def made(output: Output = OUTPUTS[0]) -> dict[str, Any]:
    schema = Schema(features=FEATURES, output=output, example=EXAMPLE, extra=("order", "area"))
    return document("houses", 3, schema, server="http://127.0.0.1:8000")


def named(name: str, output: Output = OUTPUTS[0]) -> Draft202012Validator:
    found = made(output)
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": found["components"]})


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_document_is_valid_openapi(output: Output) -> None:
    found = json.loads(json.dumps(made(output)))
    OpenAPIV31SpecValidator(found).validate()
    for schema in found["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_one_operation_has_a_name_bodies_answers_and_every_problem() -> None:
    operation = made()["paths"]["/v1/deployments/houses/predict"]["post"]
    assert operation["operationId"] == "predict"
    assert set(operation["responses"]) == {"200", *map(str, PROBLEMS)}
    assert {400, 401, 403, 404, 413, 415, 422, 429, 502, 503, 504} <= set(PROBLEMS)
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    assert examples["many"]["value"] == [EXAMPLE, EXAMPLE]
    assert made()["security"] == [{"key": []}]


ROWS: list[dict[str, Any]] = [
    {},
    {"floor": 3},
    {"floor": 41},
    {"floor": None},
    {"area": None},
    {"area": 1e9},
    {"area": "80"},
    {"rooms": None},
    {"rooms": 3.0},
    {"rooms": 3.5},
    {"rooms": 2**53 + 2},
    {"town/~": "unseen"},
    {"kind": "castle"},
    {"kind": None},
    {"lift": False},
    {"built": "2026-01-31T12:00:00Z"},
    {"built": 7},
    {"order": "o-1"},
    {"order": [1]},
    {"admin": True},
]


@pytest.mark.parametrize("change", ROWS, ids=str)
def test_the_row_schema_takes_what_the_validator_takes(change: dict[str, Any]) -> None:
    row = EXAMPLE | change
    schema = Schema(features=FEATURES, extra=("order", "area"))
    try:
        taken = Validator(schema, rows=10, depth=64).parse(json.dumps(row).encode()).rows == 1
    except Invalid:
        taken = False
    assert named("Row").is_valid(row) is taken
    assert named("Rows").is_valid([row]) is taken


def test_a_missing_feature_is_missing_in_the_schema_too() -> None:
    assert not named("Row").is_valid({"area": 1})
    assert not named("Rows").is_valid([])


def test_learned_facts_are_shown_and_constrain_nothing() -> None:
    properties = made()["components"]["schemas"]["Row"]["properties"]
    assert properties["area"]["description"] == "Seen from 10 to 300; missing in 12.5% of the rows."
    assert properties["rooms"]["description"] == "Seen from 1 to 9."
    assert "minimum" not in properties["area"]
    assert properties["town/~"]["examples"] == ["bern", "basel"]
    assert "enum" not in properties["town/~"]
    assert properties["kind"]["enum"] == ["flat", "house", None]
    assert (properties["floor"]["minimum"], properties["floor"]["maximum"]) == (-2, 40)


@pytest.mark.parametrize(
    ("output", "good", "bad"),
    [
        (OUTPUTS[0], {"value": 1.5}, {"value": [1.5]}),
        (OUTPUTS[1], {"value": [1, 2, 3]}, {"value": [1, 2]}),
        (
            OUTPUTS[2],
            {"label": "no", "probabilities": {"no": 1, "yes": 0}},
            {"label": "maybe", "probabilities": {"no": 1, "yes": 0}},
        ),
        (OUTPUTS[2], {"label": "no", "probabilities": {"no": 1, "yes": 0}}, {"label": "no"}),
        (OUTPUTS[3], {"label": 2}, {"label": "2"}),
        (OUTPUTS[4], {"label": "anything"}, {"value": 1}),
    ],
)
def test_outputs_are_typed(output: Output, good: object, bad: object) -> None:
    prediction = {"id": "01890000-0000-7000-8000-000000000000", "version": 3}
    assert named("Prediction", output).is_valid(prediction | {"deployment": "houses", "output": good})
    assert not named("Prediction", output).is_valid(prediction | {"deployment": "houses", "output": bad})
    assert named("Predictions", output).is_valid({"predictions": [prediction | {"output": good}]})
