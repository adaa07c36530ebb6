"""Explanations over HTTP: why a row was answered as it was, and which inputs matter to a version."""

from typing import Annotated

import msgspec

from konan.access.permissions import require
from konan.control.table import Call, Nothing, Table
from konan.errors import Conflict, ModelFailed, NotFound, NotReady
from konan.records.deployments import LARGEST_VERSION
from konan.records.explanations import Explanation, ExplanationRequest, Importance

table = Table()


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which version, and with what effort.

    Attributes:
        version: its number; absent is the live one.
        output: which output: a class as text, or the name of a value; absent averages over all.
        rows: how many rows are explained.
        evaluations: about how many rows the model may be asked.
        seed: of what is drawn.
    """

    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None
    output: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    rows: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    evaluations: Annotated[int, msgspec.Meta(ge=100, le=1_000_000)] = 100_000
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0


@table.route(
    "POST",
    "/v1/explanations",
    permission="read",
    query=Nothing,
    request=ExplanationRequest,
    response=Explanation,
    summary="Explain a prediction of the log, or a row (which needs the scope predict too): what each input "
    "adds to the answer.",
    errors=(NotFound, Conflict, NotReady, ModelFailed),
)
async def explain(call: Call[Nothing, ExplanationRequest]) -> Explanation:
    """Explain a row."""
    if call.body.row is not None:
        require(call.caller, "predict")
    return await call.services.explaining.explain(call.caller, call.body)


@table.route(
    "GET",
    "/v1/deployments/{name}/importance",
    permission="read",
    query=Wanted,
    request=Nothing,
    response=Importance,
    summary="Show which inputs matter to a version: the mean absolute contribution of each.",
    errors=(NotFound, Conflict, NotReady, ModelFailed),
)
async def importance(call: Call[Wanted, Nothing]) -> Importance:
    """Show which inputs matter."""
    from konan.monitoring.explanation.playing import Effort

    asked = call.query
    effort = Effort(asked.rows, asked.evaluations, seed=asked.seed)
    explaining, name = call.services.explaining, call.path["name"]
    return await explaining.importance(call.caller, name, asked.version, asked.output, effort)
