"""Explanations as they are told: over HTTP, in the SDK and by the command line.

Contributions are Shapley values in the unit of the explained output: a probability in [0, 1], or what a
regressor answers in. ``base`` is the mean answer to the background rows.
"""

from typing import Annotated, Any, Literal

import msgspec

from konan.records.deployments import LARGEST_VERSION

BackgroundSource = Literal["holdout", "data", "log", "given"]
"""Rows of the holdout or the data given at deploy, of the log, or sent with the question."""

Method = Literal["exact", "sampled"]
"""Whether all coalitions of inputs were asked, or orders of inputs were drawn."""

_Text = Annotated[str, msgspec.Meta(max_length=200)]


class ExplanationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to explain, and with what effort.

    Attributes:
        prediction_id: of a prediction in the log; or
        row: the inputs of a row, with ``deployment``.
        deployment: name of the deployment; of a prediction it need not be given.
        version: number of the version that a row is asked of; absent is the live one.
        output: which output: a class as text, or the name of a value; absent is the label that is answered.
        background: rows to compare with; absent takes those that the version was given, else logged ones.
        rows: how many background rows at most.
        evaluations: about how many rows the model may be asked.
        seed: of what is drawn.
    """

    prediction_id: _Text | None = None
    deployment: _Text | None = None
    row: dict[str, Any] | None = None
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None
    output: _Text | None = None
    background: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=1000)] | None = None
    rows: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    evaluations: Annotated[int, msgspec.Meta(ge=100, le=1_000_000)] = 50_000
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """What one input adds to an answer.

    Attributes:
        feature: its name.
        value: the row's value.
        contribution: what it adds, against the background.
        error: standard error, as the background rows are a sample and orders may be drawn.
    """

    feature: str
    value: Any
    contribution: float
    error: float


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What an explanation of one row and one of many have in common.

    Attributes:
        deployment: its name.
        version: number of the version that was asked.
        output: which output is explained; empty if it is the average over all.
        method: how.
        background: whose rows were compared with.
        background_rows: how many.
        evaluations: rows that the model was asked.
        notes: what to know before trusting it.
    """

    deployment: str
    version: int
    output: str
    method: Method
    background: BackgroundSource
    background_rows: int
    evaluations: int
    notes: tuple[str, ...] = ()


class Explanation(Explained, frozen=True, kw_only=True):
    """Why a model answers a row as it does.

    Attributes:
        prediction_id: of the logged prediction, or null.
        value: the explained output, as the version answers it again now.
        logged: the same as it was logged, or null.
        base: mean of the output over the background rows; with the contributions it adds up to ``value``.
        contributions: of all inputs, largest first.
    """

    prediction_id: str | None
    value: float
    logged: float | None
    base: float
    contributions: tuple[Contribution, ...]


class FeatureImportance(msgspec.Struct, frozen=True, kw_only=True):
    """How much one input matters.

    Attributes:
        feature: its name.
        importance: mean absolute contribution over the rows.
        share: of the sum over all inputs, in [0, 1].
        error: standard error of the importance, as the rows are a sample.
    """

    feature: str
    importance: float
    share: float
    error: float


class Importance(Explained, frozen=True, kw_only=True):
    """Which inputs matter to a version.

    Attributes:
        rows: how many rows were explained.
        features: most important first.
    """

    rows: int
    features: tuple[FeatureImportance, ...]
