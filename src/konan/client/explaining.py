"""The calls about explanations, as steps (see `konan.client.steps`)."""

from typing import Any, TypedDict
from urllib.parse import quote

import msgspec

from konan.client.answers import decode
from konan.client.rows import plain
from konan.client.steps import JSON, Request, Steps, ask
from konan.errors import Invalid
from konan.records.explanations import Explanation, Importance


class ExplainOptions(TypedDict, total=False):
    """What is explained of a row, and with what effort.

    Attributes:
        deployment: name of the deployment; it must be given with a row.
        version: number of the version that is asked; else the one that answered, or the live one.
        output: a class as text, or the name of a value; else the label that was answered.
        background: rows to compare with, up to 1,000; else those that the version was given, or logged ones.
        rows: how many background rows at most; else 100.
        evaluations: about how many rows the model may be asked; else 50,000.
        seed: of what is drawn; else 0.
    """

    deployment: str | None
    version: int | None
    output: str | None
    background: list[dict[str, Any]] | None
    rows: int | None
    evaluations: int | None
    seed: int | None


class ImportanceOptions(TypedDict, total=False):
    """Of which version and output, and with what effort.

    Attributes:
        version: its number; else the live one.
        output: a class as text, or the name of a value; else the average over all.
        rows: how many rows are explained; else 100.
        evaluations: about how many rows the model may be asked; else 100,000.
        seed: of what is drawn; else 0.
    """

    version: int | None
    output: str | None
    rows: int | None
    evaluations: int | None
    seed: int | None


def explain(prediction_id: str | None, row: Any, options: ExplainOptions) -> Steps[Explanation]:
    """Why a prediction, or a row, is answered as it is."""
    given: dict[str, Any] = {"prediction_id": prediction_id, "row": row, **options}
    body = msgspec.json.encode({k: v for k, v in given.items() if v is not None}, enc_hook=plain)
    request = Request("POST", "/v1/explanations", body=body, media_type=JSON)
    return decode((yield from ask(request)), Explanation)


def importance(name: str, options: ImportanceOptions) -> Steps[Importance]:
    """Which inputs matter to a version."""
    if not name or name in {".", ".."}:
        raise Invalid("A deployment's name cannot be empty.")
    query: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    path = f"/v1/deployments/{quote(name, safe='')}/importance"
    return decode((yield from ask(Request("GET", path, query=query))), Importance)
