"""The OpenAPI document of one deployment, typed for its model, from which a client can be generated.

What the data showed of a feature stands in descriptions and examples only, because it refuses nothing; what
somebody declared stands as a real constraint, because a row outside is refused.
"""

from collections.abc import Iterable
from typing import Any

from konan.records.deployments import LARGEST_VERSION
from konan.records.schema import LARGEST_INTEGER, Feature, Learned, Output, Privacy, Schema, class_text
from konan.serving.faults import needs_offset

Json = dict[str, Any]

PROBLEMS = {
    400: "The body is not JSON, nests too deep, or the request is malformed.",
    401: "No key was sent, or one that is unknown, revoked or expired.",
    403: "The key lacks the scope `predict`.",
    404: "No such deployment or version is visible to the key.",
    408: "The body did not arrive in time.",
    413: "The body has more bytes or rows than is allowed.",
    415: "The body's media type is not `application/json`.",
    422: "The rows do not fit the schema (`faults` says what and where), or the Idempotency-Key was sent "
    "before with another request.",
    429: "More rows wait than are allowed; `Retry-After` says when to try again.",
    431: "The request line and the headers have more bytes than is allowed.",
    502: "The model failed or answered something invalid.",
    503: "No version can answer right now, or the prediction could not be logged.",
    504: "The model did not answer before the deadline.",
    507: "The disk is full.",
}
"""The statuses of errors, and what each means to a caller of a prediction."""

IDEMPOTENCY_KEY: Json = {
    "type": "string",
    "pattern": "^[!-~]{1,255}$",
    "description": "A text of the caller's own: the same request with it is predicted once, and answered the "
    "same for a day.",
}
"""What the header may be."""

_KEPT: dict[Privacy, str] = {
    "keep": "logged with the prediction",
    "mask": "the log says only whether there was a value",
    "hash": "the log has only a keyed hash of the value",
    "drop": "the log never has it",
}
_NAMES_SHOWN = 20


def document(deployment: str, version: int, schema: Schema, *, server: str = "/") -> Json:
    """The OpenAPI 3.1 document of a deployment's prediction API.

    Args:
        deployment: name of the deployment.
        version: number of the version whose schema it is.
        schema: what the version takes and gives.
        server: address that the paths are relative to.

    >>> feature = Feature(name="x", type="number", nullable=False)
    >>> made = document("bikes", 3, Schema(features=(feature,), output=Output(kind="regressor")))
    >>> made["components"]["schemas"]["Row"]["properties"]["x"]["type"]
    'number'
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": deployment,
            "version": str(version),
            "description": f"Predictions of the deployment `{deployment}`, typed for its version {version}.",
        },
        "servers": [{"url": server}],
        "security": [{"key": []}],
        "paths": {f"/v1/deployments/{deployment}/predict": {"post": _operation(schema)}},
        "components": {
            "schemas": {
                "Row": _row(schema),
                "Rows": {"type": "array", "items": _ref("Row"), "minItems": 1},
                "Output": _output(schema.output),
                "Prediction": _prediction(),
                "BatchItem": _batch_item(),
                "Predictions": _object({"predictions": {"type": "array", "items": _ref("BatchItem")}}),
                "Fault": _fault(),
                "Problem": _problem(),
            },
            "responses": {f"Problem{status}": _response(status) for status in PROBLEMS},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key with the scope `predict`."}
            },
        },
    }


def _operation(schema: Schema) -> Json:
    body: Json = {"schema": {"oneOf": [_ref("Row"), _ref("Rows")]}}
    if schema.example:
        body["examples"] = {
            "one": {"summary": "One row", "value": schema.example},
            "many": {"summary": "Many rows", "value": [schema.example, schema.example]},
        }
    return {
        "operationId": "predict",
        "summary": "Predict one row or many",
        "description": "An object is one row, an array of objects is many.",
        "parameters": [
            {
                "name": "version",
                "in": "query",
                "required": False,
                "description": "Number of the version to ask; the live one if it is left out.",
                "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_VERSION},
            },
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": IDEMPOTENCY_KEY},
        ],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {
                "description": "One prediction per row, in order.",
                "content": {
                    "application/json": {"schema": {"oneOf": [_ref("Prediction"), _ref("Predictions")]}}
                },
            },
            **{str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in PROBLEMS},
        },
    }


def _row(schema: Schema) -> Json:
    known = {feature.name for feature in schema.features}
    properties = {feature.name: _feature(feature) for feature in schema.features}
    for name in schema.extra:
        if name not in known:
            privacy = schema.extra_privacy.get(name, "keep")
            properties[name] = {
                "type": ["string", "number", "boolean", "null"],
                "description": f"Not given to the model; {_KEPT[privacy]}.",
                **_private(privacy),
            }
    row = _object(properties, required=[f.name for f in schema.features if not f.optional])
    if schema.example:
        row["examples"] = [schema.example]
    return row


def _feature(feature: Feature) -> Json:
    made: Json = {"type": "string" if feature.type == "datetime" else feature.type}
    if feature.type == "datetime":
        made["format"] = "date-time"
    if feature.type == "integer":
        made |= {"minimum": -LARGEST_INTEGER, "maximum": LARGEST_INTEGER}  # beyond it: not exact
    made |= _declared(feature)
    if feature.nullable:
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    description = _description(feature)
    if description:
        made["description"] = description
    examples = _examples(feature)
    if examples:
        made["examples"] = examples
    return made | _private(feature.privacy)


def _private(privacy: Privacy) -> Json:
    return {} if privacy == "keep" else {"x-konan-privacy": privacy}


def _declared(feature: Feature) -> Json:
    declared = feature.declared
    if declared is None:
        return {}
    made: Json = {}
    if feature.type in {"number", "integer"}:
        if declared.minimum is not None:
            made["minimum"] = declared.minimum
        if declared.maximum is not None:
            made["maximum"] = declared.maximum
    if declared.categories:
        made["enum"] = list(_typed(feature, declared.categories))
    return made


def _typed(feature: Feature, texts: Iterable[str]) -> Iterable[object]:
    """Categories in the feature's own JSON type; those that cannot be of it are left out."""
    for text in texts:
        if feature.type == "boolean":
            if text in {"true", "false"}:
                yield text == "true"
        elif feature.type in {"number", "integer"}:
            try:
                number = float(text)
            except ValueError:
                continue
            yield int(number) if number.is_integer() else number
        else:
            yield text


def _description(feature: Feature) -> str:
    learned = feature.learned or Learned()
    said = []
    if feature.type == "datetime" and not needs_offset(feature):
        said.append("UTC if the offset is left out")
    if learned.minimum is not None and learned.maximum is not None:
        said.append(f"seen from {_short(learned.minimum)} to {_short(learned.maximum)}")
    if learned.categories:
        shown = ", ".join(learned.categories[:_NAMES_SHOWN])
        more = ", …" if len(learned.categories) > _NAMES_SHOWN else ""
        said.append(f"seen {shown}{more}")
    if learned.missing:
        said.append(f"missing in {learned.missing:.1%} of the rows")
    if feature.privacy != "keep":
        said.append(_KEPT[feature.privacy])
    text = "; ".join(said)
    return text[:1].upper() + text[1:] + "." if text else ""


def _short(bound: float | str) -> str:
    """A number in as many digits as people read; times as they are."""
    return bound if isinstance(bound, str) else f"{bound:.6g}"


def _examples(feature: Feature) -> list[object]:
    learned = feature.learned or Learned()
    if learned.categories:
        return list(_typed(feature, learned.categories[:3]))
    if learned.minimum is None:
        return []
    if feature.type == "integer" and not isinstance(learned.minimum, str):
        return [int(learned.minimum)]
    return [learned.minimum]


def _output(output: Output) -> Json:
    if output.kind == "regressor":
        number: Json = {"type": "number"}
        many: Json = {"type": "array", "items": number, "minItems": output.values, "maxItems": output.values}
        return _object({"value": many if output.values > 1 else number})
    if output.kind == "other":
        return {"description": "Whatever the model returned, as JSON."}
    label: Json = {"enum": list(output.classes)} if output.classes else {}
    label["description"] = "The predicted class."
    if not output.probabilities:
        return _object({"label": label})
    share: Json = {"type": "number", "description": "Probability of the class."}
    names = [class_text(value) for value in output.classes]
    return _object({"label": label, "probabilities": _object(dict.fromkeys(names, share))})


def _prediction() -> Json:
    return _object(
        {
            "id": {
                "type": "string",
                "format": "uuid",
                "description": "Ground truth and the log refer to it.",
            },
            "deployment": {"type": "string"},
            "version": {"type": "integer", "description": "Number of the version that answered."},
            "output": _ref("Output"),
        }
    )


def _batch_item() -> Json:
    return _object(
        {
            "id": {"type": "string", "format": "uuid"},
            "version": {"type": "integer"},
            "output": _ref("Output"),
        }
    )


def _problem() -> Json:
    text: Json = {"type": "string"}
    return {
        "type": "object",
        "description": "An error as RFC 9457 has it.",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "code": {"type": "string", "description": "A stable word for the kind of error."},
            "detail": text,
            "hint": {"type": "string", "description": "What to do about it."},
            "request_id": text,
            "faults": {"type": "array", "items": _ref("Fault")},
        },
    }


def _fault() -> Json:
    return _object(
        {
            "pointer": {"type": "string", "description": "JSON pointer into the body (RFC 6901)."},
            "code": {"type": "string", "description": "A stable word for the kind of fault."},
            "message": {"type": "string"},
        }
    )


def _response(status: int) -> Json:
    made: Json = {
        "description": PROBLEMS[status],
        "content": {"application/problem+json": {"schema": _ref("Problem")}},
    }
    if status in {429, 503}:
        made["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return made


def _object(properties: Json, required: list[str] | None = None) -> Json:
    """An object with exactly these properties, all of them required unless said otherwise."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
